"""People: accounts, second factors, API tokens."""
