"""What keeps DeployHub from starting: one sentence that says what happened and what to do."""


class Refusal(Exception):
    """DeployHub cannot start or go on; the text is shown as it is."""
