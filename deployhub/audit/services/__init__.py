"""Writes of the audit floor: sealing, keys, copies of checkpoints outside, erasure and pruning."""
