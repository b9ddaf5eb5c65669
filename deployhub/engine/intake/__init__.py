"""Look at an untrusted model file without opening it, then open it the one safe way.

`inspect_file` is pure standard library and executes nothing. `pt_load` is the only path by which a
checkpoint is unpickled. Both run inside the confined process alone.
"""

from __future__ import annotations

from deployhub.engine.intake.inspector import inspect_file
from deployhub.engine.intake.loading import loader_require_safe, pt_load

__all__ = ["inspect_file", "loader_require_safe", "pt_load"]
