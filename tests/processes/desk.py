"""A Django shell that stays: one line of JSON in (`{"code": …}`), one line out (`{"answer": …}` or `{"error": …}`).

Starting Django costs seconds; a test that follows a job asks a hundred times. DESK_CLOCK_SKEW_S sets this process's
clock ahead (or behind, when negative), as on a host whose time is wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from datetime import timedelta
from typing import Any


def clock_skew(seconds: float) -> None:
    from django.utils import timezone

    from deployhub.kernel import clock

    plain_now, plain_utc, plain_time = timezone.now, clock.utc_now, time.time
    timezone.now = lambda: plain_now() + timedelta(seconds=seconds)
    clock.utc_now = lambda: plain_utc() + timedelta(seconds=seconds)
    time.time = lambda: plain_time() + seconds


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    if skew := float(os.environ.get("DESK_CLOCK_SKEW_S", "0")):
        clock_skew(skew)
    import django

    django.setup()
    from django.db import close_old_connections

    for line in sys.stdin:
        names: dict[str, Any] = {}
        try:
            close_old_connections()
            exec(json.loads(line)["code"], names)
            said = {"answer": names.get("answer")}
        except Exception:
            said = {"error": traceback.format_exc()}
        with contextlib.suppress(BrokenPipeError):
            answers.write(json.dumps(said, default=str) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
