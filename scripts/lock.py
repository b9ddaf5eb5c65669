"""Write requirements/*.txt again from pyproject.toml: every release pinned, every file by its hash.

`dev` is resolved first and the smaller ones inside it, so that the three agree with each other.
`make lock` keeps the releases that still fit; `make lock UPGRADE=1` takes the newest.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    common = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "pyproject.toml", "--quiet", "--universal",
        "--python-version", "3.11", "--generate-hashes", "--no-header", "--override", "requirements/overrides.txt",
    ]  # fmt: skip
    for name, extras in {"dev": ("engine", "dev"), "engine": ("engine",), "web": ()}.items():
        command = [*common, "--output-file", f"requirements/{name}.txt"]
        for extra in extras:
            command += ["--extra", extra]
        command += upgrade if name == "dev" else ["--constraint", "requirements/dev.txt"]
        print(f"requirements/{name}.txt", flush=True)
        subprocess.run(command, cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
