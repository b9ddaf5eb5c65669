"""The smoke test, asked for by the parent: an unknown environment is tried where every model is, in the sandbox."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployhub.engine.client import EngineClient, EngineFailed, EngineStopped
from deployhub.engine.spec import Limits
from deployhub.engine.toolchains.declared import Toolchain
from deployhub.engine.toolchains.making import Smoke, ToolchainFailed
from deployhub.engine.toolchains.places import Stopped

SMOKE_LIMITS = Limits(wall_seconds=900, cpu_seconds=1800)


def smoke_in_sandbox(
    toolchain: Toolchain,
    *,
    client: EngineClient,
    work_root: Path,
    prefix: str = "smoke-",
    emit: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], bool],
) -> Smoke:
    """The smoke test of a toolchain as `toolchain_ensure` calls it. Raises ToolchainFailed or Stopped.

    prefix: how its work folder is named; one that begins like the job's own is spared by the worker's sweep.
    """

    def smoke(python: Path) -> dict[str, Any]:
        work_root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=work_root) as folder:
            try:
                return client.run(
                    workdir=Path(folder),
                    spec={
                        "kind": "smoke",
                        "modules": list(toolchain.modules),
                        "formats": list(toolchain.formats),
                    },
                    limits=SMOKE_LIMITS,
                    on_event=lambda event: emit(event) if event["type"] == "log" else None,
                    should_stop=should_stop,
                    python=python,
                    environment=toolchain.environment,
                )
            except EngineStopped as stopped:
                raise Stopped from stopped
            except EngineFailed as failure:
                raise ToolchainFailed(failure.code, failure.detail, failure.hint) from failure

    return smoke
