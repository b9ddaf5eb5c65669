"""The audit log: every access to and change of models and their data, written in the same transaction."""
