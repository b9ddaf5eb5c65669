"""Confinement of the process that touches untrusted models.

Standard library only, on purpose: the launcher also runs under isolated toolchain interpreters
that hold neither landlockpy nor libseccomp.
"""
