"""All writes of the accounts floor."""
