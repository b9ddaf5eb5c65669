"""Write dist/sbom.cdx.json: what an installation with all its parts consists of, as CycloneDX, from the lock file.

The tool comes from PyPI by uv, into a folder of its own: nothing is added to DeployHub's environment.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOL = "cyclonedx-bom==7.5.0"


def locked() -> str:
    """The lock file without what it keeps from being installed (requirements/overrides.txt)."""
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements" / "engine.txt").read_text())
    return "\n".join(block for block in blocks if "'never'" not in block)


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "sbom.cdx.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("uv")), "tool", "run", "--quiet", "--from", TOOL, "cyclonedx-py",
            "requirements", "-", "--pyproject", "pyproject.toml", "--mc-type", "application",
            "--output-reproducible", "--output-format", "JSON", "--output-file", str(target.resolve()),
        ],
        cwd=ROOT,
        input=locked(),
        text=True,
    )  # fmt: skip
    if done.returncode == 0:
        print(target)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
