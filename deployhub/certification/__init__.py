"""Certificates: an artifact measured against its source, judged by a budget, signed, shown."""
