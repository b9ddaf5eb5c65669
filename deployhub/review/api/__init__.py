"""API nouns of oversight."""
