"""What a report is made of: told apart by what is in it; anything else is one line."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from instraug.evaluation.report.built import SetFigures
from instraug.evaluation.report.contents import gather
from instraug.evaluation.report.page import page
from instraug.evaluation.report.sources import BuiltSet, open_sources
from instraug.evaluation.report.warnings import of_set
from instraug.tasks.records import instruction_id
from tests.commandline import failed, instraug_here
from tests.fakeserver import FakeServer, running
from tests.runs import compared_file, run_folder, scores_file, wording
from tests.sets import built, caption_row, choice_row

pytest.importorskip("jinja2", reason="needs the extra report")

IDS = {
    task: [instruction_id(task, wording(task, origin)) for origin in range(3)]
    for task in ("task_0", "task_1")
}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return run_folder(tmp_path / "out")


def test_scores_take_their_texts_from_the_run_beside_them(out: Path, tmp_path: Path) -> None:
    """The best and the worst wording are named by their text."""
    scores = scores_file(tmp_path / "s.json", IDS)
    contents = gather(open_sources([scores, out]))
    (one,) = contents.scores
    best = one.sides[""][1][0].best
    assert best is not None
    assert one.texts[best.id] == wording("task_0", 0)
    assert "corrected Sensitivity is 8.2" in page(contents)


def test_scores_take_their_texts_from_the_set_beside_them(tmp_path: Path) -> None:
    """Where there is a set alone, a wording is shown as a prompt of the set."""
    summary = built(tmp_path, [caption_row(i) for i in range(3)])
    ids = {"caption": list(summary.used)}
    scores = scores_file(tmp_path / "s.json", ids)
    (one,) = gather(open_sources([tmp_path / "out.jsonl", scores])).scores
    assert set(one.texts.values()) <= {
        "Describe the picture.",
        "What does the picture show?",
        "Caption it.",
    }
    assert set(one.texts) == set(ids["caption"])


def test_scores_belong_to_the_set_named_before_them(tmp_path: Path) -> None:
    """So that several sets of several epsilons make a curve."""
    paths = []
    for number, epsilon in enumerate((1.0, 0.5)):
        folder = tmp_path / str(number)
        folder.mkdir()
        used = built(folder, [caption_row(i) for i in range(3)], epsilon=epsilon).used
        paths += [folder / "out.jsonl", scores_file(folder / "s.json", {"caption": list(used)})]
    contents = gather(open_sources(paths))
    assert [point[0] for point in contents.by_epsilon] == [0.5, 1.0]
    assert len({point[2] for point in contents.by_epsilon}) == 2
    text = page(contents)
    assert "All scores" in text
    assert "Score against epsilon" in text


def test_gain_stands_against_instance_text(tmp_path: Path) -> None:
    """A less B by task, against what its set's instances fill of its prompts."""
    summary = built(tmp_path, [choice_row(i) for i in range(3)])
    scores = compared_file(tmp_path / "s.json", {"choice": list(summary.used)})
    paths = [tmp_path / "out.jsonl", scores]
    contents = gather(open_sources(paths), tmp_path / "tasks")
    ((share, gain, task),) = contents.by_proportion
    assert (task, round(gain, 3)) == ("choice", 0.1)
    assert 0 < share < 1


def test_tokens_are_those_of_the_journal(tmp_path: Path) -> None:
    """Meta-prompts and temperatures are charged what their replies cost, a share of each."""
    tasks = Path(__file__).resolve().parents[3] / "examples" / "tasks"
    with running(FakeServer()) as server:
        where = ["--base-url", server.url, "--model", "m", "--only", "c*", "--rewrites", 2]
        done = instraug_here("expand", tasks, "-o", tmp_path / "run", *where)
    assert done.returncode == 0, done.stderr
    (run,) = gather(open_sources([tmp_path / "run"])).runs
    usage = run.folder.manifest["usage"]
    for listed in (run.meta_prompts, run.temperatures):
        spent = sum(one.tokens or 0 for one in listed)
        assert abs(spent - sum(usage.values())) <= len(listed)
    assert all(one.per_1000 for one in run.meta_prompts if one.accepted)


def test_what_needs_a_person_is_said(tmp_path: Path) -> None:
    """A run that stopped, templates left short, a parameter that was refused, a lost journal."""
    out = run_folder(
        tmp_path / "out",
        complete=False,
        run={"stopped": "no quota"},
        short_templates=[{"task": "t", "origin": 0, "why": "patience ended"}],
        sent_otherwise=[{"parameter": "temperature", "asked": 0.5, "sent": None, "answers": 9}],
        endpoints={"a": 1, "b": 2},
    )
    text = page(gather(open_sources([out])))
    for what in ("no quota", "patience ended", "another temperature", "endpoints: a, b", "journal"):
        assert what in text


SPOIL: dict[str, tuple[Callable[[Path], Any], str]] = {
    "unfinished": (lambda out: (out / "manifest.json").unlink(), "is not finished"),
    "damaged row": (lambda out: (out / "instructions.jsonl").write_text("{\n"), "jsonl:1: invalid"),
    "damaged answer": (lambda out: (out / "rejected.jsonl").write_text("{}\n"), "jsonl:1: this"),
    "not a run": (lambda out: [*map(Path.unlink, out.iterdir())], "holds no run"),
}


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_spoilt_run_is_one_line_and_writes_nothing(out: Path, tmp_path: Path, spoil: str) -> None:
    """Nothing is written where anything that was named cannot be read."""
    SPOIL[spoil][0](out)
    failed(instraug_here("report", out, "-o", tmp_path / "r.html"), 1, SPOIL[spoil][1])
    assert not (tmp_path / "r.html").exists()


SCORES = {
    "no json": ("{", "s.json:1:"),
    "a list": ("[]", "holds no scores"),
    "another object": ('{"a": 1}', "holds no scores"),
    "a figure that is text": ('{"mean": "x", "sensitivity": {}, "tasks": []}', "damaged (mean"),
    "tasks that are none": ('{"mean": 1, "sensitivity": {}, "tasks": [3]}', "are damaged"),
}


@pytest.mark.parametrize("content", SCORES)
def test_damaged_scores_are_one_line(out: Path, tmp_path: Path, content: str) -> None:
    """What is wrong, and where."""
    path = tmp_path / "s.json"
    path.write_text(SCORES[content][0])
    failed(instraug_here("report", out, path, "-o", tmp_path / "r.html"), 1, SCORES[content][1])


def test_scores_of_other_instructions_are_one_line(out: Path, tmp_path: Path) -> None:
    """Scores of another run beside it are refused; those of a harness have names of their own."""
    others = scores_file(tmp_path / "s.json", {"task_0": ["0123456789ab", "ba9876543210"]})
    done = instraug_here("report", out, others, "-o", tmp_path / "r.html")
    failed(done, 1, "s.json: none of its 2 instructions is in the run or set beside it")
    some = scores_file(tmp_path / "p.json", {"task_0": [IDS["task_0"][0], "0123456789ab"]})
    assert "1 of its instructions are in no run" in page(gather(open_sources([out, some])))
    harness = scores_file(tmp_path / "h.json", {"task_0": ["plain", "polite"]})
    assert instraug_here("report", out, harness, "-o", tmp_path / "r.html").returncode == 0


def test_a_path_of_another_kind_is_one_line(out: Path, tmp_path: Path) -> None:
    """A row file without its manifest, or nothing at all."""
    (tmp_path / "rows.jsonl").write_text("{}\n")
    page_ = ["-o", tmp_path / "r.html"]
    failed(instraug_here("report", tmp_path / "rows.jsonl", *page_), 1, "is neither a run, nor")
    failed(instraug_here("report", tmp_path / "nowhere", *page_), 1, "does not exist")
    failed(instraug_here("report", out), 2, "name the page")


def test_a_set_is_known_by_its_folder_or_its_data_file(tmp_path: Path) -> None:
    """Both are one set; a file of a run's folder is none; a damaged manifest is named."""
    built(tmp_path, [caption_row(i) for i in range(3)], "set")
    for path in (tmp_path / "set", tmp_path / "set" / "data.jsonl"):
        assert gather(open_sources([path])).sets[0].rows == 3
    built(tmp_path, [caption_row(i) for i in range(3)], "one.jsonl")
    (tmp_path / "one.jsonl.manifest.json").write_text("{")
    done = instraug_here("report", tmp_path / "one.jsonl", "-o", tmp_path / "r.html")
    failed(done, 1, "one.jsonl.manifest.json: the manifest is damaged")


def test_a_page_replaces_a_page_and_nothing_else(out: Path, tmp_path: Path) -> None:
    """Equal inputs give equal bytes; a file of somebody's, or a folder, is not touched."""
    dest = tmp_path / "r.html"
    assert instraug_here("report", out, "-o", dest).returncode == 0
    first = dest.read_bytes()
    assert instraug_here("report", out, "-o", dest).returncode == 0
    assert dest.read_bytes() == first
    dest.write_text("mine")
    failed(instraug_here("report", out, "-o", dest), 2, "is there already")
    assert dest.read_text() == "mine"
    failed(instraug_here("report", out, "-o", tmp_path), 2, "is a folder")
    failed(instraug_here("report", out, "-o", out / "instructions.jsonl"), 2, "is there already")


def test_without_the_extra_it_says_what_to_install(out: Path, tmp_path: Path) -> None:
    """One line, not an import error."""
    with patch.dict(sys.modules, {"jinja2": None}):
        failed(instraug_here("report", out, "-o", tmp_path / "r.html"), 1, "pip install")


def test_a_set_of_a_chat_format_is_shown_by_its_manifest(tmp_path: Path) -> None:
    """Its rows do not keep what lengths are measured on; its counts are there all the same."""
    built(tmp_path, [caption_row(i) for i in range(3)], "llava.json", format="llava")
    contents = gather(open_sources([tmp_path / "llava.json"]))
    assert (contents.sets[0].rows, contents.sets[0].figures) == (3, None)
    assert "Rows of the format llava" in page(contents)


def test_a_sets_manifest_with_odd_values_is_no_traceback(tmp_path: Path) -> None:
    """The same of a built set."""
    built(tmp_path, [caption_row(i) for i in range(3)])
    path = tmp_path / "out.jsonl.manifest.json"
    body = json.loads(path.read_text())
    for odd in ("x", 7, [1]):
        for key in body.keys() - {"kind"}:
            path.write_text(json.dumps(body | {key: odd}))
            done = instraug_here("report", tmp_path / "out.jsonl", "-o", tmp_path / "r.html")
            assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, (key, odd)


def test_a_manifest_with_odd_values_is_no_traceback(out: Path, tmp_path: Path) -> None:
    """Whatever a key of it holds, the page is written or one line says what is wrong."""
    body = json.loads((out / "manifest.json").read_text())
    for odd in ("x", 7, [1]):
        for key in body.keys() - {"kind"}:
            (out / "manifest.json").write_text(json.dumps(body | {key: odd}))
            done = instraug_here("report", out, "-o", tmp_path / "r.html")
            assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, (key, odd)


@pytest.mark.parametrize(
    ("rows", "real", "told"),
    [(20, 0.7, False), (20, 1.0, True), (2000, 0.53, False), (2000, 0.55, True)],
)
def test_a_share_that_chance_explains_is_no_warning(
    rows: int, real: float, told: bool, tmp_path: Path
) -> None:
    """A few rows may well differ from epsilon; four standard errors are worth a look."""
    tasks = {"t": {"rows": rows, "generated": rows - round(rows * real)}}
    epsilon = {"asked": 0.5, "realised": real, "realised_both_pools": real}
    source = BuiltSet(tmp_path, {"kind": "build", "epsilon": epsilon, "tasks": tasks})
    one = SetFigures("s", source, None, {}, (Counter(), Counter()), ("", ""))
    assert any("asked for was 50.0%" in line for line in of_set(one)) is told
