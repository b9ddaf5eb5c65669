"""Toolchains: each format's packages in an environment of their own, declared in one file, made on demand.

Standard library alone: the web world reads declarations and states too.
"""
