"""What README and docs tell to type is there to be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from instraug import errors
from instraug.cli import cli
from tests.commandline import EXAMPLES

ROOT = EXAMPLES.parent

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples/README.md"]


def blocks(text: str) -> list[str]:
    """Return the code of a page: what is fenced, and what is indented by four."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    bare = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return fenced + re.findall(r"(?:^ {4}.+\n)+", bare, re.MULTILINE)


def typed(page: Path) -> list[list[str]]:
    """Return the arguments of every ``instraug`` command of a page."""
    code = "\n".join(blocks(page.read_text())).replace("\\\n", " ")
    found = []
    for line in code.split("\n"):
        for part in re.split(r"&&|\||;", line.split(" #")[0]):
            match = re.match(r"\s*(?:\S*/)?instraug ((?:[a-z-]+ ?)+.*)", part)
            if match:
                found.append(shlex.split(re.sub(r"[\[\]]", " ", match[1])))
    return found


COMMANDS = [(page.name, args) for page in PAGES for args in typed(page)]


@pytest.mark.parametrize(("page", "args"), COMMANDS, ids=lambda v: str(v)[:60])
def test_a_command_and_its_options_exist(page: str, args: list[str]) -> None:
    """Each word that starts with a dash is an option of the command that it is given to."""
    command: click.Command = cli
    rest = list(args)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        below = command.get_command(click.Context(command), name)
        assert below is not None, f"{page}: no command {name}"
        command = below
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    given = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert given <= known, f"{page}: {args}"


def test_the_pages_show_commands_at_all() -> None:
    """The tests above have something to look at, every command of the tool among it."""
    assert len(COMMANDS) > 15
    assert {args[0] for _, args in COMMANDS} >= set(cli.list_commands(click.Context(cli)))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the project."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_table_of_exit_codes_is_complete() -> None:
    """Every exit code that an error has stands in the README."""
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    codes = {k.exit_code for k in kinds if issubclass(k, errors.InstraugError)}
    assert told == codes | {0, 130, 143}
