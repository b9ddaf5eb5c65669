"""All writes of the review floor."""
