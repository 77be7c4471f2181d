"""``import questions``: sets of questions in MLAN's answer forms, found by whole targets."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from instraug.files.jsonl import read_jsonl
from instraug.files.presets import folder
from instraug.tasks.load import load_tasks
from instraug.tasks.placeholders import placeholders
from instraug.tasks.records import Task
from tests.commandline import failed, instraug_here
from tests.sets import write_rows

Row = dict[str, Any]

ARC = {
    "id": "a1",
    "question": {
        "stem": "Which melts?",
        "choices": [{"text": "ice", "label": "1"}, {"text": "iron", "label": "2"}],
    },
    "answerKey": "1",
}
SQUAD = {
    "id": "s1",
    "context": "It was red.",
    "question": "Which color?",
    "answers": {"text": ["red"]},
}


def imported(out: Path, *args: object) -> tuple[dict[str, Task], dict[str, list[Row]], str]:
    done = instraug_here("import", "questions", *args, "-o", out)
    assert done.returncode == 0, done.stderr
    rows = {p.stem: [r for _, r in read_jsonl(p)] for p in (out / "instances").glob("*.jsonl")}
    return {task.name: task for task in load_tasks(out)}, rows, done.stderr


def test_there_are_twenty_phrases_a_form_with_the_form_s_placeholders() -> None:
    """All differ, each shows its fields, and none repeats another form's."""
    wanted = {
        "choice": ["question", "choices"],
        "short": ["question"],
        "yes-no": ["question"],
        "rationale": ["rationale", "answer"],
    }
    pools = {task.answer_form: task for task in load_tasks(folder("configs") / "answer_forms")}
    assert pools.keys() == wanted.keys()
    for form, fields in wanted.items():
        texts = pools[form].instructions  # type: ignore[index]
        assert len(set(texts)) == len(texts) == 20
        assert all([p.source for p in placeholders(text)] == fields for text in texts)
    assert all(text.endswith("\n{choices}") for text in pools["choice"].instructions)
    assert all(text.endswith("\n{question}") for text in pools["short"].instructions)
    assert all(text.startswith("{rationale}\n") for text in pools["rationale"].instructions)
    assert all(text.endswith(" {answer}.") for text in pools["rationale"].instructions)


SHAPES: dict[str, tuple[Row, str, str, str]] = {
    "arc": (ARC, "choice", "A", "A ice\nB iron"),
    "arc of Hugging Face": (
        {"question": "Q?", "choices": {"text": ["u", "v"], "label": ["A", "B"]}, "answerKey": "B"},
        *("choice", "B", "A u\nB v"),
    ),
    "cosmosqa": (
        {"id": "x", "context": "C.", "question": "Q?", "answer0": "u", "answer1": "v", "label": 1},
        *("choice", "B", "A u\nB v"),
    ),
    "a-okvqa": (
        {"image": "i.jpg", "question": "Q?", "choices": ["u", "v"], "correct_choice_idx": 0},
        *("choice", "A", "A u\nB v"),
    ),
    "squad": (SQUAD, "short", "red", ""),
    "strategyqa": ({"qid": "x", "question": "Q?", "answer": False}, "yes-no", "no", ""),
    "boolq": ({"question": "Q?", "passage": "P.", "answer": True}, "yes-no", "yes", ""),
    "vqav2": (
        {"question_id": 7, "image": "i.jpg", "question": "Q?", "answers": [{"answer": "dog"}]},
        *("short", "dog", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_set_s_form_is_found_by_its_targets(tmp_path: Path, shape: str) -> None:
    """Each public shape is read: its form, target, and choices one a line."""
    row, form, target, choices = SHAPES[shape]
    file = write_rows(tmp_path / "set.jsonl", [row])
    tasks, rows, _ = imported(tmp_path / "tasks", file)
    (found,) = rows["set"]
    assert tasks["set"].answer_form == form
    assert (found["target_txt"], found.get("choices", "")) == (target, choices)
    if row.get("context"):
        assert found["question"] == f"Context: {row['context']}\n{row['question']}"
    assert found.get("image_path") == row.get("image")


def test_the_nesting_of_squad_is_read(tmp_path: Path) -> None:
    """Articles, paragraphs and questions of the authors' file become rows with their context."""
    asked = {"id": "q1", "question": "When?", "answers": [{"text": "1902", "answer_start": 3}]}
    paragraphs = [{"context": "In 1902.", "qas": [asked]}]
    (tmp_path / "squad.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    _, rows, _ = imported(tmp_path / "tasks", tmp_path / "squad.json", "--source", "SQuAD")
    (row,) = rows["squad"]
    assert row["question"] == "Context: In 1902.\nWhen?"
    assert row["target_txt"] == "1902"
    assert load_tasks(tmp_path / "tasks")[0].sources == ("SQuAD",)


def test_no_in_snow_is_not_an_answer_of_yes_or_no(tmp_path: Path) -> None:
    """One whole target beyond yes and no makes the set one of short answers."""
    rows = [{"question": "Q?", "answer": answer} for answer in ("yes", "No.", "snow")]
    tasks, found, _ = imported(tmp_path / "a", write_rows(tmp_path / "s.jsonl", rows))
    assert tasks["s"].answer_form == "short"
    assert [row["target_txt"] for row in found["s"]] == ["yes", "No.", "snow"]
    tasks, found, _ = imported(tmp_path / "b", write_rows(tmp_path / "s.jsonl", rows[:2]))
    assert tasks["s"].answer_form == "yes-no"
    assert [row["target_txt"] for row in found["s"]] == ["yes", "no"]


def test_a_named_form_leaves_out_what_it_cannot_ask(tmp_path: Path) -> None:
    """They are counted in one line; with --strict nothing is written."""
    file = write_rows(tmp_path / "s.jsonl", [ARC, SQUAD, {**SQUAD, "id": "s2"}])
    _, rows, told = imported(tmp_path / "a", file, "--form", "choice")
    assert [row["unique_id"] for row in rows["s"]] == ["a1"]
    assert "has no choices (2 rows)" in told
    args = ("import", "questions", file, "--form", "choice", "--strict", "-o", tmp_path / "b")
    failed(instraug_here(*args), 1, "has no choices (2 rows)")
    assert not (tmp_path / "b").exists()


def test_a_rationale_goes_before_the_phrase_and_the_answer(tmp_path: Path) -> None:
    """The target is rationale, newline, phrase, answer, full stop; rows without one are counted."""
    rows = [{**ARC, "id": f"a{n}"} for n in range(60)]
    file = write_rows(tmp_path / "s.jsonl", rows)
    reasons = {f"a{n}": f"Because {n}." for n in range(50)}
    (tmp_path / "r.json").write_text(json.dumps(reasons))
    given = ("--form", "rationale", "--rationales", tmp_path / "r.json")
    tasks, _, told = imported(tmp_path / "tasks", file, *given)
    assert "has no rationale (10 rows)" in told
    dest = tmp_path / "m.jsonl"
    args = ("build", tmp_path / "tasks", "--instances", tmp_path / "tasks", "-o", dest)
    assert instraug_here(*args).returncode == 0
    built = [row for _, row in read_jsonl(dest)]
    assert len(built) == 50
    phrases = Counter(t.removeprefix("{rationale}\n").removesuffix(" {answer}.")
                      for t in tasks["s"].instructions)  # fmt: skip
    used = set()
    for row in built:
        assert row["prompt"] == "Which melts?\nA ice\nB iron"
        reason, said = row["target"].split("\n")
        assert reason == reasons[row["unique_id"]]
        assert said.endswith(" A.")
        used.add(said.removesuffix(" A."))
    assert used <= phrases.keys()
    assert len(used) > 5


def test_build_leaves_out_and_counts_rows_without_a_rationale(tmp_path: Path) -> None:
    """Rows of one's own, too: they are no fault, and --per-instance all gives each phrase."""
    file = write_rows(tmp_path / "s.jsonl", [{**ARC, "rationale": "So it is."}])
    imported(tmp_path / "tasks", file, "--form", "rationale")
    own = write_rows(tmp_path / "own.jsonl", [
        {"unique_id": "x", "task_name": "s", "question": "Q?", "answer": "A", "target_txt": "A"},
        {"unique_id": "y", "task_name": "s", "question": "Q?", "rationale": "R.", "answer": "A",
         "target_txt": "A"},
    ])  # fmt: skip
    args = ("build", tmp_path / "tasks", "--instances", own, "-o", tmp_path / "m.jsonl", "--json")
    done = instraug_here(*args, "--per-instance", "all")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["skipped"] == {"no rationale": 1}
    assert json.loads(done.stdout)["rows"] == 20


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_rationales_that_are_no_object_are_refused(tmp_path: Path, content: str) -> None:
    """One line names the file."""
    (tmp_path / "r.json").write_text(content)
    file = write_rows(tmp_path / "s.jsonl", [ARC])
    given = ("--form", "rationale", "--rationales", tmp_path / "r.json")
    failed(instraug_here("import", "questions", file, *given, "-o", tmp_path / "t"), 1, "r.json")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("s.json", "{", "s.json:1: invalid JSON"),
        ("s.json", "[1]", "s.json:row 1: is no JSON object"),
        ("s.jsonl", '{"a": 1}\n', "no row can be used as short"),
        ("s.jsonl", '{"question": "Q?", "choices": ["a"], "answer": "z"}\n', "no row can be used"),
    ],
)
def test_a_file_that_holds_no_questions(tmp_path: Path, name: str, content: str, what: str) -> None:
    """It is named, and nothing is written."""
    (tmp_path / name).write_text(content)
    done = instraug_here("import", "questions", tmp_path / name, "-o", tmp_path / "tasks")
    assert done.returncode == 1
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "tasks").exists()
