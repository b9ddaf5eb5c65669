"""The registry's nouns in the REST API."""
