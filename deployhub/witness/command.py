"""deployhub-audit-verify: check a proof of the DeployHub audit log.

    deployhub-audit-verify proof.json [--key PUBLIC_KEY_HEX]        one event, to a signed checkpoint
    deployhub-audit-verify consistency.json [--key …]               a later checkpoint extends an earlier one

Without --key it believes the key that the proof brings, and says so: get the key's hex by another way.
"""

import argparse
import json
import sys

from deployhub.witness.consistency import history_check
from deployhub.witness.verifier import ProofError, event_check


def proof_check(proof, public_key=None):
    """What a proof shows, in one sentence. Raises ProofError; KeyError, TypeError or ValueError for what is no proof."""
    if "leaf" in proof:
        return event_check(proof, public_key or proof["signed"]["public_key"])
    return history_check(proof, public_key)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="deployhub-audit-verify", description="Check a proof of the DeployHub audit log."
    )
    parser.add_argument(
        "proof", type=argparse.FileType("rb"), help="a proof as JSON, or - for standard input"
    )
    parser.add_argument("--key", help="the log's public key in hex, had by another way than the proof")
    given = parser.parse_args(arguments)
    try:
        print(proof_check(json.load(given.proof), given.key))
    except ProofError as error:
        print(f"Refused: {error}.", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"This is no proof: {type(error).__name__} {error}.", file=sys.stderr)
        return 2
    if not given.key:
        print("Note: the key came with the proof. Give --key with what you had by another way.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
