"""Use cases of the registry, by what they act on."""
