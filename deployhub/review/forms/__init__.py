"""Forms of the review pages."""
