"""What docs/api.md promises to pipelines is what the command does."""

from __future__ import annotations

import re
from pathlib import Path

from deployhub.client.arguments import EXIT_CODES, parser_build
from deployhub.client.failures import Exit
from deployhub.client.main import ROOMS

PAGE = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text()


def test_every_exit_code_is_documented_and_no_other():
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == {
        int(code) for code in Exit
    }
    assert {int(code) for code in re.findall(r"^ +(\d+) ", EXIT_CODES, re.MULTILINE)} == {
        int(code) for code in Exit
    }


def test_the_examples_are_commands_that_exist():
    parser = parser_build()
    examples = re.findall(r"^deployhub ([^#\n]+)", PAGE, re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        parser.parse_args(example.split())


def test_every_command_has_a_room():
    commands = next(action for action in parser_build()._actions if action.dest == "command").choices
    assert set(commands) == set(ROOMS)
