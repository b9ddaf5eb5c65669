"""The `deployhub` command: DeployHub from a terminal or a CI pipeline, over the REST API. No Django, no engine."""
