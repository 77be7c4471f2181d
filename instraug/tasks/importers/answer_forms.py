"""MLAN's answer forms: a set of questions -> a task whose templates ask for one kind of answer.

    choice      question, phrase, then the choices, one a line as `A text`; the target is the letter
    short       phrase, then the question
    yes-no      phrase, then the question
    rationale   the template makes the target: rationale, phrase, answer, full stop

The phrases are ours, 20 a form (configs/answer_forms), and can be expanded like any template. Where
a set does not say its form, its targets tell it: whole targets, never a part of one.

Source:
    MLAN, arXiv:2411.10557, and its public code: where question, phrase and choices stand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files import presets
from instraug.files.json_file import read_json
from instraug.files.jsonl import write_jsonl
from instraug.tasks.importers.questions import Question, question_of, read_questions
from instraug.tasks.load import load_tasks
from instraug.tasks.records import AnswerForm, Task

INSTANCES = "instances"

_YES_NO = {"yes", "no"}


@dataclass
class Outcome:
    """What an import did."""

    forms: dict[str, str] = field(default_factory=dict)
    """Task -> its answer form."""
    rows: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Why rows were left out -> their places."""

    def problems(self) -> list[Problem]:
        """Return what was left out, one line a reason."""
        return [
            Problem(places[0], f"{why} ({len(places)} rows)", "fix them, or leave them out")
            for why, places in self.left_out.items()
        ]


def form_of(questions: Collection[Question]) -> AnswerForm:
    """Return the form that targets tell: of choices, yes and no alone, or anything else."""
    if all(question.choices for question in questions):
        return "choice"
    if {_plain(question.answer) for question in questions} <= _YES_NO:
        return "yes-no"
    return "short"


def _plain(answer: str) -> str:
    return answer.strip().strip(".!").casefold()


def import_questions(
    files: Sequence[Path],
    form: AnswerForm | None,
    rationales: Path | None,
    sources: Sequence[str],
    folder: Path,
    outcome: Outcome,
) -> list[Task]:
    """Make a task of every file, named after it, and write its rows.

    Args:
        files: Of questions; see `read_questions`.
        form: The form of all of them; None: by their targets.
        rationales: A JSON file, id -> rationale; None: those of the rows.
        sources: The data sets that they are made of; none: each file's name.
        folder: Takes ``instances/NAME.jsonl``.
        outcome: Takes the counts.

    Raises:
        InputError: a file that is damaged, or that no row can be used of.
        StorageError: a file cannot be read or written.
    """
    reasons = _rationales(rationales) if rationales else {}
    (folder / INSTANCES).mkdir()
    pools = {
        task.answer_form: task for task in load_tasks(presets.folder("configs") / "answer_forms")
    }
    tasks = []
    for file in files:
        name = file.name.split(".")[0]
        rows = _questions(file, reasons, outcome)
        found = form or (form_of(rows) if rows else "short")
        usable = _usable(rows, found, file, outcome)
        if not usable:
            what = f"no row can be used as {found}"
            raise InputError(
                [*outcome.problems(), Problem(str(file), what, "see the reasons above")]
            )
        built = [_row(question, name, found) for question in usable]
        outcome.rows += write_jsonl(folder / INSTANCES / f"{name}.jsonl", built)
        outcome.forms[name] = found
        task = replace(pools[found], name=name, category="Answer Form", source=str(file))
        tasks.append(replace(task, sources=tuple(sources) or (name,)))
    return tasks


def _questions(file: Path, reasons: Mapping[str, str], outcome: Outcome) -> list[Question]:
    found = []
    for number, (place, row) in enumerate(read_questions(file), 1):
        question = question_of(row, f"{file.name.split('.')[0]}-{number}", reasons)
        if question is None:
            outcome.left_out.setdefault("has no question, or no answer", []).append(place)
        else:
            found.append(question)
    return found


def _usable(
    questions: Sequence[Question], form: AnswerForm, file: Path, outcome: Outcome
) -> list[Question]:
    """Return the questions that a form can ask."""
    tests: dict[AnswerForm, tuple[str, Callable[[Question], bool]]] = {
        "choice": ("has no choices", lambda q: 1 < len(q.choices) <= len(ascii_uppercase)),
        "yes-no": ("is not answered by yes or no", lambda q: _plain(q.answer) in _YES_NO),
        "rationale": ("has no rationale", lambda q: bool(q.rationale)),
        "short": ("", lambda _: True),
    }
    why, fits = tests[form]
    usable = [question for question in questions if fits(question)]
    if len(usable) < len(questions):
        places = [f"{file} ({q.id})" for q in questions if not fits(q)]
        outcome.left_out.setdefault(why, []).extend(places)
    return usable


def _row(question: Question, task: str, form: AnswerForm) -> dict[str, Any]:
    letters = zip(ascii_uppercase, question.choices, strict=False)
    choices = "\n".join(f"{letter} {text}" for letter, text in letters)
    answer = question.answer
    if question.choices and form in ("choice", "rationale"):
        answer = ascii_uppercase[question.choices.index(answer)]
    elif form == "yes-no":
        answer = _plain(answer)
    row: dict[str, Any] = {"unique_id": question.id, "task_name": task}
    if question.image:
        row["image_path"] = question.image
    row["question"] = question.text
    if form == "choice":
        row["choices"] = choices
    if form == "rationale":
        row["question"] = f"{question.text}\n{choices}" if choices else question.text
        row |= {"rationale": question.rationale, "answer": answer}
    return {**row, "target_txt": answer}


def _rationales(path: Path) -> dict[str, str]:
    """Read a JSON object, id -> rationale, or list of rationales."""
    fix = "give one JSON object, id: rationale"
    data = read_json(path, fix)
    if not isinstance(data, dict):
        raise InputError([Problem(str(path), "is not a JSON object", fix)])
    texts = {k: v[0] if isinstance(v, list) and v else v for k, v in data.items()}
    return {k: v.strip() for k, v in texts.items() if isinstance(v, str) and v.strip()}
