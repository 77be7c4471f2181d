"""`instraug filter` loses no row: what its journal lacks ends it, and nothing is replaced."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import EXAMPLES, failed, instraug
from tests.fakeserver import FakeServer, running

OUTPUTS = ("instructions.jsonl", "rejected.jsonl", "manifest.json")
RULES = "rules: {semantic: 0.1, near_duplicate: 0.8}\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run over a few tasks, judged by embeddings too, and another model's beside it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "c.yaml").write_text("embedding_model: e\nrules: {semantic: 0.1}\n")
    with running(FakeServer()) as server:
        for name in ("out", "other"):
            given = ("--model", name, "--base-url", server.url, "-c", folder / "c.yaml")
            more = ("--rewrites", 4, "--variant", "iterative", "--only", "c*", "v*", "-q")
            tasks = EXAMPLES / "tasks"
            done = instraug("expand", tasks, "-o", folder / name, *given, *more)
            assert done.returncode == 0, done.stderr
        yield folder


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "out"


def outputs(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in OUTPUTS]


def asked(out: Path) -> dict[str, set[str]]:
    """Return task -> keys of the replies that its rows come from."""
    found: dict[str, set[str]] = {}
    for name in OUTPUTS[:2]:
        for line in (out / name).read_text().splitlines():
            row = json.loads(line)
            if row["reply"]:
                found.setdefault(row["task"], set()).add(row["reply"])
    return found


def kept(path: Path, keep: Callable[[int, dict[str, Any]], bool]) -> None:
    """Leave only some records of a journal."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(x for i, x in enumerate(lines) if keep(i, json.loads(x))))


def flipped(path: Path) -> None:
    """Change a bit of every fifth line that holds a reply."""
    lines = path.read_bytes().splitlines(keepends=True)
    for i, line in enumerate(lines):
        if b'"reply"' in line and i % 5 == 0:
            lines[i] = line[:40] + bytes([line[40] ^ 1]) + line[41:]
    path.write_bytes(b"".join(lines))


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


HARMS: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "torn off": half,
    "damaged": flipped,
    "every third gone": lambda path: kept(path, lambda i, _: i % 3 > 0),
    "only scores": lambda path: kept(path, lambda _, row: "score" in row),
    "another's": lambda path: shutil.copy(path.parents[1] / "other" / "replies.jsonl", path),
    "another file": lambda path: path.write_text("one\ntwo\n"),
}


@pytest.mark.parametrize(
    ("harm", "dest"), [*((harm, "") for harm in HARMS), ("missing", "new"), ("torn off", "other")]
)
def test_replies_that_the_journal_lacks_end_filter(out: Path, harm: str, dest: str) -> None:
    """Exit 5 with how many and which tasks; nothing is replaced, and the journal back, all is."""
    journal, rules = out / "replies.jsonl", out.parent / "rules.yaml"
    more = ("-o", out.parent / dest, "--force") if dest else ()
    safe, target = journal.read_bytes(), out.parent / (dest or "out")
    HARMS[harm](journal)
    before = outputs(target) if target.exists() else None
    there = journal.read_text("utf-8", "replace") if journal.exists() else ""
    tasks = {
        task: (sum(f'"reply":"{key}"' not in there for key in keys), len(keys))
        for task, keys in asked(out).items()
    }
    done = instraug("filter", out, "-c", rules, *more)
    failed(done, 5, "replies that the run needs are missing", "put the journal back")
    every = {key for keys in asked(out).values() for key in keys}
    count = re.search(r"(\d+) of (\d+) replies", done.stderr)
    assert count
    assert int(count[2]) == len(every)
    if harm not in ("damaged", "torn off"):
        assert int(count[1]) == sum(f'"reply":"{key}"' not in there for key in every) > 0
        for task, (lost, of) in tasks.items():
            assert (f"{task} ({lost} of {of})" in done.stderr) == (lost > 0)
    assert (outputs(target) if target.exists() else None) == before

    journal.write_bytes(safe)
    assert instraug("filter", out, "-c", rules, "-o", out.parent / "right").returncode == 0
    assert instraug("filter", out, "-c", rules, *more).returncode == 0
    assert outputs(target)[:2] == outputs(out.parent / "right")[:2]


def test_any_part_of_a_journal_gives_all_rows_or_none(out: Path) -> None:
    """Whatever records are gone: exit 0 with as many rows as before, or 5 with nothing changed."""
    journal = out / "replies.jsonl"
    safe, before, draw = journal.read_bytes(), outputs(out), random.Random(5)
    codes = set()
    for share in (0.0, 0.001, 0.01, 0.03, 0.5):
        journal.write_bytes(safe)
        kept(journal, lambda _, __, share=share: draw.random() >= share)  # type: ignore[misc]
        done = instraug("filter", out)
        codes.add(done.returncode)
        assert done.returncode in (0, 5), done.stderr
        assert outputs(out)[:2] == before[:2]
    assert codes == {0, 5}


def test_scores_that_the_journal_lacks_end_filter(out: Path) -> None:
    """Exit 5 with how many scores, of which tasks; without the rule they are not needed."""
    before, off = outputs(out), out.parent / "off.yaml"
    kept(out / "replies.jsonl", lambda _, row: "score" not in row)
    done = instraug("filter", out, "-o", out.parent / "new")
    failed(done, 5, "cosine:e scores are missing", *asked(out))
    assert not (out.parent / "new").exists()
    failed(instraug("filter", out), 5, "scores are missing")
    assert outputs(out) == before
    off.write_text("rules: {off: [semantic]}\n")
    assert instraug("filter", out, "-c", off).returncode == 0


@pytest.mark.parametrize("name", OUTPUTS[:2])
def test_rows_that_are_not_the_runs_end_filter(out: Path, name: str) -> None:
    """A row file that lost lines says nothing sure of what was bought: exit 1, nothing replaced."""
    path = out / name
    assert instraug("filter", out, "-c", out.parent / "rules.yaml").returncode == 0
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    before = outputs(out)
    failed(instraug("filter", out), 1, f"{name}: the file is not the one", "expand")
    assert outputs(out) == before


def test_replies_to_requests_that_are_no_longer_made_end_filter(out: Path) -> None:
    """A manifest whose seed is another makes other requests: exit 5, where all rows were lost."""
    manifest = out / "manifest.json"
    body = json.loads(manifest.read_text())
    body["config"]["seed"] += 1
    manifest.write_text(json.dumps(body))
    before = outputs(out)
    failed(instraug("filter", out), 5, "does not make", *asked(out))
    assert outputs(out) == before
