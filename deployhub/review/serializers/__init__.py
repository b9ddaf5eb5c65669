"""Bodies of the oversight API."""
