"""``instraug show``: originals beside their rewrites, read as they are shown, as text."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from instraug.cli.wordings import FirstRewrites, cells, changed, marked, wrapped
from instraug.evaluation.run_folder import open_run
from instraug.evaluation.show import wordings
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.verdicts import State, judge
from instraug.rewriting.rounds import Grown
from tests.chain import candidate, task
from tests.commandline import failed, instraug_here
from tests.runs import run_folder

ESCAPE = "\x1b[31mred\x1b[0m \u202eback\u2066 <script>alert(1)</script>"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A finished run of two tasks, three originals each, two rewrites of every one."""
    return run_folder(tmp_path / "out", tasks=2, originals=3, rewrites=2)


def test_a_rewrite_stands_below_its_original_with_its_changes_marked(out: Path) -> None:
    """Where stdout is no terminal a rewrite is one line, and its marks are text."""
    done = instraug_here("show", out)
    assert done.returncode == 0, done.stderr
    blocks = done.stdout.strip().split("\n\n")
    assert len(blocks) == 6
    head, original, *rewrites = blocks[0].split("\n")
    assert head == "task_0 [0]  2 rewrites"
    assert original == "= Does the object {text} number 0 stand in {region}? {options}"
    assert rewrites[0] == (
        "+ [-Does-] {+Say if+} the object {text} number 0 [-stand-] {+stands+} "
        "in {region}{+, 0+}? {options}  (direct, T 0.5)"
    )
    assert "\x1b" not in done.stdout


def test_rejected_answers_come_with_every_reason(out: Path) -> None:
    """Each is a line with the rules that it breaks, and the head counts them."""
    done = instraug_here("show", out, "--rejected", "--task", "task_1")
    assert "task_1 [0]  2 of 3 answers accepted; length 1, placeholders 1" in done.stdout
    assert "- Sure!  (guided, T 1): length: 1 word of 9; placeholders: lost {text}" in done.stdout
    assert "task_0" not in done.stdout


def test_the_worst_come_first(out: Path) -> None:
    """``--worst N``: the originals with the smallest share of accepted answers."""
    rows = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    more = [{**rows[-1], "origin": 1}] * 4
    with (out / "rejected.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in more)
    done = instraug_here("show", out, "--worst", 1)
    assert re.findall(r"^(\S+ \[\d\])", done.stdout, re.MULTILINE) == ["task_1 [1]"]


def test_a_task_that_is_not_there_is_one_line_with_the_nearest(out: Path) -> None:
    """A pattern takes several; a wrong name says which there are."""
    failed(instraug_here("show", out, "--task", "tsk_1"), 1, "has no task 'tsk_1'", "task_1")
    assert instraug_here("show", out, "--task", "task_?").stdout.count("= Does") == 6


def test_hostile_text_moves_no_terminal(tmp_path: Path) -> None:
    """Escapes, right-to-left marks and controls of any row are shown as escapes."""
    out = run_folder(tmp_path / "out", hostile=ESCAPE)
    for shown in (instraug_here("show", out, "--rejected").stdout, on_terminal(out, "--rejected")):
        plain = re.sub(r"\x1b\[[0-9]{1,2}m", "", shown)
        assert "\x1b" not in plain
        assert "\u202e" not in shown
        assert "\\x1b[31mred" in re.sub(r"\s*\n[^+-]*[+-]? *", "", plain)


def test_a_terminal_shows_them_side_by_side(out: Path) -> None:
    """The original at the left, its rewrites at the right; what changed is styled, not marked."""
    shown = on_terminal(out, columns=100)
    plain = re.sub(r"\x1b\[[0-9]{1,2}m", "", shown)
    assert re.search(
        r"^Does the object \{text\} number 0 +\+ DoesSay|Does Say if", plain, re.MULTILINE
    )
    assert "\x1b[32m" in shown
    assert "{+" not in plain
    assert max(map(cells, plain.replace("\r", "").split("\n"))) <= 100


def test_no_more_is_read_than_is_shown(tmp_path: Path) -> None:
    """The first original is there before a damaged row far behind it is met."""
    out = run_folder(tmp_path / "out", tasks=3)
    with (out / "instructions.jsonl").open("a") as file:
        file.write("{")
    some = wordings(open_run(out), rejected=True)
    assert next(some).task == "task_0"
    done = instraug_here("show", out)
    failed(done, 1, "instructions.jsonl:", "invalid JSON")
    assert "task_1" in done.stdout


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda out: (out / "manifest.json").unlink(), "is not finished"),
        (lambda out: (out / "manifest.json").write_text("{"), "the manifest is damaged"),
        (lambda out: (out / "manifest.json").write_text('{"kind": "build"}'), "a built set"),
        (lambda out: (out / "instructions.jsonl").unlink(), "the file is missing"),
        (lambda out: (out / "rejected.jsonl").write_text('{"task": 1}\n'), "jsonl:1: this row"),
        (lambda out: [p.unlink() for p in out.iterdir()], "holds no run"),
    ],
)
def test_what_is_no_finished_run_is_one_line(out: Path, spoil: Any, what: str) -> None:
    """Unfinished, damaged, or of another kind: what it is, and the fix."""
    spoil(out)
    failed(instraug_here("show", out, "--rejected"), 1, what)


def test_the_first_rewrites_are_shown_once_each_of_another_template() -> None:
    """While a run goes on, a few of its rewrites are seen with what they changed."""
    of = task("Is the cat here?", "Is the dog there?", name="t\x1b")
    state, _ = judge(
        State(of, Rules(), None),
        [candidate(of, said, position=at) for at, said in enumerate(ANSWERS)],
        {},
    )
    first, grown = FirstRewrites(io.StringIO()), Grown(of, {}, state)
    assert list(first.of(grown)) == ["t\\x1b: Is the cat [-here-]{+around now+}?"]
    assert list(first.of(grown)) == []


ANSWERS = ("Is the cat around now?", "Is that cat in here?", "no")


def test_a_line_of_a_terminal_is_never_too_wide() -> None:
    """Wide characters take two cells, and a word that is longer than a line is cut."""
    text = "一二三四五六七八九十 " * 3 + "x" * 50
    lines = list(wrapped(changed("", text), 20))
    assert all(sum(cells(part) for part, _ in line) <= 21 for line in lines)
    assert "".join(part for line in lines for part, _ in line) == text
    assert marked("a b", "a c") == "a [-b-]{+c+}"


class Terminal(io.StringIO):
    """Takes what is printed, as a terminal does."""

    def isatty(self) -> bool:
        return True


def on_terminal(out: Path, *more: str, columns: int = 80) -> str:
    """What ``show`` prints on a terminal of that width."""
    from instraug.cli import main

    with (
        patch.object(sys, "argv", ["instraug", "show", str(out), *more]),
        patch.object(sys, "stdout", Terminal()) as stdout,
        patch.dict(os.environ, {"TERM": "xterm", "NO_COLOR": ""}),
        patch("instraug.cli.wordings.width_of_terminal", lambda: columns),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert ended.value.code in (0, None)
    return stdout.getvalue()
