"""DeployHub: proven deployment of computer-vision models."""

__version__ = "0.1.0"
