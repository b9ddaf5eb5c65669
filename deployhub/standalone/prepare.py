"""Bring the database up to date and make the first administrator; a child of the supervisor, never imported by it.

Both commands share one start of Django, which is most of their time. The last line of the output is
`deployhub-first-run: ` and the JSON that `setup_first_run` printed.
"""

import io
import sys

MARK = "deployhub-first-run: "


def main() -> int:
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    from django.db import DatabaseError

    try:
        call_command("migrate", interactive=False, verbosity=0)
        answer = io.StringIO()
        call_command("setup_first_run", stdout=answer)
    except (CommandError, DatabaseError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    print(MARK + (answer.getvalue().strip().splitlines() or ["{}"])[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
