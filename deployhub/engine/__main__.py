"""`python -m deployhub.engine`: run one spec, print the catalogue, report on the sandbox, list a toolchain's packages."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from deployhub.engine.spec import EngineError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deployhub.engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run WORK/spec.json in the sandbox; events go to standard output")
    run.add_argument("work", type=Path)
    catalogue = commands.add_parser("catalog", help="print the catalogue of formats")
    catalogue.add_argument("--markdown", action="store_true", help="as the documentation page")
    commands.add_parser("probe", help="print which confinement holds on this machine")
    requirements = commands.add_parser(
        "requirements", help="print what a toolchain is made of, for pip download"
    )
    requirements.add_argument("toolchain", help="its key, such as ncnn")
    chosen = parser.parse_args(arguments)
    match chosen.command:
        case "run":
            return _run(chosen.work)
        case "catalog":
            return _catalogue(markdown=chosen.markdown)
        case "requirements":
            return _requirements(chosen.toolchain)
        case _:
            return _probe()


def _run(work: Path) -> int:
    """Run one spec confined, as a worker would, without a warm engine."""
    from deployhub.engine.client import EngineClient, EngineFailed
    from deployhub.engine.spec import Limits

    def show(event: dict[str, Any]) -> None:
        print(json.dumps(event), flush=True)

    client = EngineClient(warm=False)
    try:
        spec = json.loads((work / "spec.json").read_text())
        result = client.run(
            workdir=work, spec=spec, limits=Limits(), on_event=show, should_stop=lambda: False
        )
    except (EngineFailed, EngineError) as error:
        show({"type": "error", "code": error.code, "detail": error.detail, "hint": error.hint})
        return 1
    except (OSError, json.JSONDecodeError) as error:
        show(
            {
                "type": "error",
                "code": "engine_error",
                "detail": f"spec.json can't be read: {error}",
                "hint": "",
            }
        )
        return 1
    finally:
        client.close()
    show({"type": "result", "result": result})
    return 0


def _catalogue(*, markdown: bool) -> int:
    from deployhub.engine.catalogue import catalogue_build

    catalogue = catalogue_build()
    if markdown:
        from deployhub.engine.catalogue_page import catalogue_markdown

        print(catalogue_markdown(catalogue), end="")
    else:
        print(json.dumps(catalogue, indent=2))
    return 0


def _requirements(key: str) -> int:
    from deployhub.engine.toolchains.declared import release_current, toolchain_declared

    try:
        toolchain = toolchain_declared(key)
    except KeyError:
        print(f"There is no toolchain {key!r} for Ultralytics {release_current().version}.", file=sys.stderr)
        return 1
    print("\n".join(toolchain.all_requirements))
    return 0


def _probe() -> int:
    from deployhub.engine.client import sandbox_report

    report = sandbox_report()
    print(json.dumps(report, indent=2))
    return 0 if report["tier"] != "0" else 1


if __name__ == "__main__":
    sys.exit(main())
