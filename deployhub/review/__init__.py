"""Oversight: the audit log searched, exported and kept, and what the review rules find in it."""
