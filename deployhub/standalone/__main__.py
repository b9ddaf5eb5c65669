"""`python -m deployhub.standalone`: what `make run` becomes once its environment stands."""

import argparse
import os
import sys
from pathlib import Path

from deployhub.standalone.plan import ROOT
from deployhub.standalone.refusals import Refusal
from deployhub.standalone.supervisor import start


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description="Run all of DeployHub on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    arguments = parser.parse_args()
    home = Path(os.environ.get("DEPLOYHUB_HOME") or ROOT / "var").resolve()
    try:
        if not 0 < arguments.port < 65536:
            raise Refusal(
                f"{arguments.port} is not a port: choose one from 1024 to 65535, for instance PORT=8000."
            )
        return start(
            home=home,
            host=arguments.host,
            port=arguments.port,
            allow_plain_http=os.environ.get("ALLOW_PLAIN_HTTP", "") not in ("", "0"),
        )
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
