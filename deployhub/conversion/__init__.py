"""From a version to files that run elsewhere, each proven against its source."""
