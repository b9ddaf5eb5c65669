"""The supervisor's last will: ends every child when the supervisor itself was killed.

Started by the supervisor as a script of its own (`python -I -S watcher.py`), standard library only, in its own
session, deaf to signals meant for the supervisor. It reads a pipe that only the supervisor holds open: lines
`+PID` and `-PID` name the children that live. The end of the pipe is the end of the supervisor, however it came.
The tree below each child is walked while it still stands, so grandchildren (engine runs) are found as well.
"""

import os
import signal
import subprocess
import sys
import time

GRACE_S = 4.0
POLL_S = 0.1


def parents_read() -> dict[int, int]:
    """Parent of every process of this machine that can be seen."""
    parents: dict[int, int] = {}
    if os.path.isdir("/proc/self"):
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat", "rb") as file:
                        # The name in parentheses may hold spaces and parentheses: fields start after the last one.
                        fields = file.read().rpartition(b")")[2].split()
                except OSError:
                    continue
                if fields[0] not in (b"Z", b"X"):
                    parents[int(name)] = int(fields[1])
        return parents
    for line in subprocess.run(
        ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True
    ).stdout.splitlines():
        pid, parent = line.split()
        parents[int(pid)] = int(parent)
    return parents


def tree_below(roots: set[int], parents: dict[int, int]) -> set[int]:
    """The roots that live, and everything below them."""
    found = {pid for pid in roots if pid in parents}
    growing = True
    while growing:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= more
        growing = bool(more)
    return found


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def tracked_read(pipe: int) -> set[int]:
    """Children that lived when the supervisor ended; returns only then."""
    tracked: set[int] = set()
    rest = b""
    while chunk := os.read(pipe, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            pid = int(line[1:])
            if line.startswith(b"+"):
                tracked.add(pid)
            else:
                tracked.discard(pid)
    return tracked


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    tracked = tracked_read(int(sys.argv[1]))
    own = {os.getpid()}
    doomed = tree_below(tracked, parents_read()) - own
    send(doomed & tracked, signal.SIGTERM)
    ends = time.monotonic() + GRACE_S
    while time.monotonic() < ends:
        parents = parents_read()
        doomed = {pid for pid in doomed if pid in parents} | tree_below(doomed & set(parents), parents) - own
        if not doomed:
            return
        if not doomed & tracked:
            break  # only strays are left, and nobody waits for them any more
        time.sleep(POLL_S)
    send(doomed | (tree_below(doomed, parents_read()) - own), signal.SIGKILL)


if __name__ == "__main__":
    main()
