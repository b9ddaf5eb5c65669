"""TLS certificates: read, check, and issue them from a local authority. Plain Python, without Django."""
