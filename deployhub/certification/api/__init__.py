"""Certification in the API."""
