"""Toolchains on this installation: where each was made, from what, and how its smoke test went."""
