"""The words of the command line."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from deployhub import __version__
from deployhub.client.failures import UsageWrong

EXIT_CODES = """\
exit codes:
  0  done
  1  the job failed, the model was refused, or the server could not do it
  2  the command or one of its values is wrong
  3  not signed in, or not allowed
  4  not found
  5  the server can't be reached
  6  the job was cancelled
  130  stopped with Ctrl-C
"""
TIMEOUT_S = 120.0
LIST_LIMIT = 50


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as every other failure is said, instead of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageWrong(f"{message[:1].upper()}{message[1:]}.", hint=f"See `{self.prog} --help`.")


def parser_build() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="deployhub",
        description="DeployHub from a terminal or a CI pipeline.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"deployhub {__version__}")
    _everywhere(parser, is_first=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        _everywhere(made, is_first=False)
        return made

    _account_commands(command)
    _work_commands(command)
    _job_commands(command)
    _list_commands(command)
    _dataset_commands(command)
    _tls_commands(command)
    _verify_commands(command)
    return parser


def _everywhere(parser: argparse.ArgumentParser, *, is_first: bool) -> None:
    """Options that may stand before or after the command's name."""

    def add(*names: str, default: Any, **kwargs: Any) -> None:
        parser.add_argument(*names, default=default if is_first else argparse.SUPPRESS, **kwargs)

    add("--json", default=False, action="store_true", dest="is_json", help="one JSON document on stdout")
    add("--quiet", "-q", default=False, action="store_true", dest="is_quiet", help="no progress on stderr")
    add("--no-color", default=False, action="store_true", help="no colours (as does NO_COLOR)")
    add(
        "--ca",
        default="",
        metavar="FILE",
        dest="ca_file",
        help="certificates of your own authority, a PEM file",
    )
    add(
        "--timeout",
        default=TIMEOUT_S,
        type=_seconds,
        metavar="SECONDS",
        dest="timeout_s",
        help="longest wait for an answer",
    )
    add(
        "--retries", default=4, type=_count, metavar="N", help="tries after the first when the server is away"
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 86_400:
        raise ValueError
    return seconds


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _option(text: str) -> tuple[str, Any]:
    """`image_size_px=160` → ("image_size_px", 160); a list is written `160,320`."""
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name.strip(), option_value(value.strip())


def option_value(text: str) -> Any:
    """A whole number, a number, true/false, none, or the text itself."""
    words: dict[str, Any] = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _account_commands(command: Any) -> None:
    login = command("login", "Sign in to a server with a personal API token.")
    login.add_argument("--url", default="", help="address of the server, such as https://deployhub.example")
    login.add_argument(
        "--token-stdin", action="store_true", help="read the token from stdin instead of asking"
    )
    command("logout", "Forget the stored token.")
    command("whoami", "Say which account and token are used.")
    tokens = command(
        "tokens", "Say what the token in use may do and when it ends; replace it by its successor."
    )
    tokens.add_argument(
        "--expires-within", type=_count, default=None, metavar="DAYS", dest="within_days",
        help="end with exit code 1 when the token ends within so many days",
    )  # fmt: skip
    tokens.add_argument(
        "--rotate",
        action="store_true",
        help="make a successor, where that was allowed, and keep it for login",
    )
    tokens.add_argument(
        "--overlap-minutes", type=_count, default=1440, metavar="N",
        help="how long the old token works on after --rotate (default 1440, a day)",
    )  # fmt: skip


def _work_commands(command: Any) -> None:
    push = command("push", "Upload a model file as a new version.")
    push.add_argument("file", metavar="FILE", help="a .pt or .onnx file")
    push.add_argument("--project", "-p", required=True, help="short name of the project")
    push.add_argument("--model", "-m", required=True, help="name, short name or id of the model")
    push.add_argument("--notes", default="", help="notes on this version")
    push.add_argument(
        "--create", action="store_true", help="register the model when there is none of this name"
    )
    push.add_argument("--wait", "-w", action="store_true", help="follow the inspection to its end")
    export = command("export", "Export a version to a format.")
    export.add_argument(
        "version", metavar="VERSION", help="id, project/model, project/model@3 or project/model@alias"
    )
    export.add_argument(
        "--format", "-f", required=True, help="format, such as onnx; `deployhub formats` lists them"
    )
    export.add_argument(
        "--option", "-o", action="append", default=[], type=_option, metavar="NAME=VALUE", dest="options",
        help="an option of the format, such as image_size_px=160; may be repeated",
    )  # fmt: skip
    export.add_argument("--precision", default=None, help="short for --option precision=…")
    export.add_argument("--wait", "-w", action="store_true", help="follow the export to its end")
    export.add_argument(
        "--pull", default=None, metavar="DIR", help="wait, then download the artifact into this folder"
    )
    pull = command("pull", "Download an artifact.")
    pull.add_argument("artifact", metavar="ARTIFACT", help="id of the artifact")
    pull.add_argument(
        "--output", "-o", default=None, metavar="PATH", help="file or folder to write (default: here)"
    )
    pull.add_argument(
        "--zip", action="store_true", dest="keep_zip", help="leave an artifact of several files as a zip file"
    )
    pull.add_argument("--force", action="store_true", help="replace what is there already")


def _job_commands(command: Any) -> None:
    jobs = command("jobs", "List jobs, newest first.")
    jobs.add_argument(
        "--state", choices=["queued", "running", "succeeded", "failed", "cancelled"], default=None
    )
    jobs.add_argument("--project", "-p", default=None, help="short name of the project")
    jobs.add_argument("--mine", action="store_true", help="only what I asked for")
    jobs.add_argument("--limit", type=_count, default=LIST_LIMIT, help=f"most rows (default {LIST_LIMIT})")
    job = command("job", "Show a job.")
    job.add_argument("job", metavar="ID")
    job.add_argument("--follow", action="store_true", help="stay until it has ended; the exit code tells how")
    job.add_argument("--log", action="store_true", help="with its log")
    cancel = command("cancel", "Cancel a job.")
    cancel.add_argument("job", metavar="ID")
    retry = command("retry", "Run a failed or cancelled job again.")
    retry.add_argument("job", metavar="ID")
    retry.add_argument("--wait", "-w", action="store_true", help="follow it to its end")
    artifact = command("artifact", "Make an artifact again, and say how alike the two are.")
    artifact.add_argument(
        "verb", choices=["replay"], help="replay: with the inputs and packages of its first export"
    )
    artifact.add_argument("artifact", metavar="ID")
    artifact.add_argument(
        "--no-wait", dest="wait", action="store_false", help="ask for it, and don't follow it"
    )


def _list_commands(command: Any) -> None:
    models = command("models", "List registered models.")
    versions = command("versions", "List versions.")
    versions.add_argument(
        "model", metavar="PROJECT/MODEL", nargs="?", default=None, help="only of this model"
    )
    artifacts = command("artifacts", "List artifacts.")
    artifacts.add_argument("version", metavar="VERSION", nargs="?", default=None, help="only of this version")
    artifacts.add_argument("--format", "-f", default=None, help="only of this format")
    for listing in (models, versions, artifacts):
        listing.add_argument("--project", "-p", default=None, help="short name of the project")
        listing.add_argument(
            "--search", default=None, metavar="WORDS", dest="words", help="words that must all occur"
        )
        listing.add_argument(
            "--limit", type=_count, default=LIST_LIMIT, help=f"most rows (default {LIST_LIMIT})"
        )
    audit = command("audit", "Check the audit log's seal from here, or fetch the proof of an event.")
    audit.add_argument(
        "what", choices=["verify", "proof"], help="the log since this desk last looked; one event"
    )
    audit.add_argument("event", metavar="EVENT", nargs="?", type=_count, help="id of the event, for `proof`")
    audit.add_argument(
        "--key", default=None, metavar="HEX", help="the log's public key, had from somebody you trust"
    )
    audit.add_argument("--output", "-o", default=None, metavar="FILE", help="write the proof here")
    formats = command("formats", "List export formats, or one with its options.")
    formats.add_argument("format", metavar="FORMAT", nargs="?", default=None)


def _verify_commands(command: Any) -> None:
    verify = command("verify", "Check a file against its signed certificate, offline.")
    verify.add_argument("file", metavar="FILE", help="the artifact: a file, a folder, or the zip of a folder")
    verify.add_argument(
        "--certificate",
        "-c",
        default=None,
        metavar="FILE",
        help="its certificate (default: FILE.intoto.jsonl)",
    )
    verify.add_argument(
        "--key", action="append", default=[], metavar="HEX", dest="keys",
        help="a public key that is trusted; may be repeated (default: DEPLOYHUB_CERTIFICATE_KEYS)",
    )  # fmt: skip
    verify.add_argument(
        "--any-outcome", action="store_true", help="accept a certificate that did not pass as well"
    )


def _dataset_commands(command: Any) -> None:
    dataset = command(
        "dataset", "Push a folder of labelled images, list datasets, or show one with its report."
    )
    dataset.add_argument("action", choices=["push", "list", "show"], help="what to do")
    dataset.add_argument(
        "path",
        metavar="FOLDER|DATASET",
        nargs="?",
        default="",
        help="push: a folder in YOLO layout or its zip; show: id, project/dataset or project/dataset@2",
    )
    dataset.add_argument("--project", "-p", default=None, help="short name of the project")
    dataset.add_argument("--name", default="", help="name of the dataset (default: that of the folder)")
    dataset.add_argument(
        "--purpose", choices=["evaluation", "calibration"], default="evaluation", help="of a new dataset"
    )
    dataset.add_argument("--notes", default="", help="what is different about this version")
    dataset.add_argument("--no-wait", action="store_true", help="do not follow the check to its end")
    dataset.add_argument("--limit", type=_count, default=LIST_LIMIT, help=f"most rows (default {LIST_LIMIT})")


def _tls_commands(command: Any) -> None:
    tls = command("tls", "Certificates of a server that runs here, from a local authority.")
    tls.add_argument(
        "action", choices=["init", "renew", "show"], help="make what is missing, renew, or tell what there is"
    )
    tls.add_argument(
        "--name", action="append", default=[], metavar="HOST",
        help="host name or address that people type; may be repeated (this machine's own are found)",
    )  # fmt: skip
    tls.add_argument(
        "--home", default="", metavar="DIR", help="state folder (default: DEPLOYHUB_HOME, or var)"
    )
    tls.add_argument(
        "--days",
        type=_certificate_days,
        default=90,
        help="life of the certificate, 90 to 397 days (default 90)",
    )
    tls.add_argument(
        "--new-authority",
        action="store_true",
        help="make the authority anew; every client has to trust it again",
    )


def _certificate_days(text: str) -> int:
    days = int(text)
    if not 90 <= days <= 397:
        raise argparse.ArgumentTypeError(f"{days} is not from 90 to 397")
    return days
