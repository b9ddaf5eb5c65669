"""Pages of the accounts floor."""
