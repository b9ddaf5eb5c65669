"""`make check`: style, types, floors, templates, migrations, API description. All are run; all failures are shown."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="deployhub-check-") as home:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"DEPLOYHUB_HOME": home, "DEPLOYHUB_ORIGIN": "https://hub.example.org"}
        fresh_schema = Path(home, "openapi.yaml")
        manage = [sys.executable, "manage.py"]
        checks: list[tuple[str, list[str | Path]]] = [
            ("Lint (ruff)", [BIN / "ruff", "check", "."]),
            ("Format (ruff)", [BIN / "ruff", "format", "--check", "."]),
            ("Types (mypy)", [BIN / "mypy"]),
            ("Floors and rooms (import-linter)", [BIN / "lint-imports"]),
            ("Templates (djlint)", [BIN / "djlint", "templates", "--lint", "--quiet"]),
            ("Settings (check --deploy)", [*manage, "check", "--deploy", "--fail-level", "WARNING"]),
            ("Migrations", [*manage, "makemigrations", "--check", "--dry-run"]),
            (
                "API description",
                [*manage, "spectacular", "--validate", "--fail-on-warn", "--file", fresh_schema],
            ),
        ]
        failed = []
        for title, command in checks:
            started = time.monotonic()
            done = subprocess.run(
                [str(word) for word in command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            good = done.returncode == 0
            said = done.stdout + done.stderr
            if good and title == "API description":
                kept = ROOT / "docs" / "openapi.yaml"
                if not kept.exists() or kept.read_text() != fresh_schema.read_text():
                    good, said = (
                        False,
                        "docs/openapi.yaml does not match the code: run `make openapi` and commit it.",
                    )
            print(
                f"{'ok    ' if good else 'FAILED'} {title} [{time.monotonic() - started:.1f} s]", flush=True
            )
            if not good:
                failed.append(title)
                print(said.strip()[-8000:], flush=True)
    if failed:
        print(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}.")
        return 1
    print(f"All {len(checks)} checks passed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
