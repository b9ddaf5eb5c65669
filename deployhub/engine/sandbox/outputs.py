"""Check what a job left behind before anybody reads it: the job may have been hostile."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

_ENTRIES_MAX = 20_000


class OutputRefused(Exception):
    """The output folder holds something that is not a plain file or folder. str(): a sentence."""


def outputs_reclaim(workdir: Path, *, limit_bytes: int) -> None:
    """Take out/ and tmp/ back from the job's user and refuse links, devices and too much.

    Call only when the job's whole family has ended. Raises OutputRefused.
    """
    refusal = ""
    total_bytes = entries = 0
    mine = (os.geteuid(), os.getegid())
    for top in ("out", "tmp"):
        pending = [workdir / top]
        while pending:
            folder = pending.pop()
            if os.geteuid() == 0:
                os.chown(folder, *mine, follow_symlinks=False)
            with contextlib.suppress(OSError):
                os.chmod(folder, 0o700)
            for entry in list(os.scandir(folder)):
                entries += 1
                if entries > _ENTRIES_MAX:
                    raise OutputRefused("The job wrote more files than one job may write.")
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(Path(entry.path))
                    continue
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                    if os.geteuid() == 0:
                        os.chown(entry.path, *mine, follow_symlinks=False)
                    os.chmod(entry.path, 0o600)
                    total_bytes += status.st_size if top == "out" else 0
                elif top == "out":
                    refusal = refusal or "The job left a link or a special file in its output."
    if total_bytes > limit_bytes:
        refusal = refusal or "The job wrote more than one job may write."
    if refusal:
        raise OutputRefused(refusal)
