"""Rows of question sets -> question, choices, answer and rationale, whatever their keys are.

Known are the shapes of SQuAD, ARC, CommonsenseQA, CosmosQA, StrategyQA, BoolQ, A-OKVQA and VQAv2,
as their authors publish them and as Hugging Face has them, and plain rows with the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.json_file import read_json
from instraug.files.jsonl import read_jsonl

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question, read."""

    id: str
    text: str
    """With its context in front, where it has one."""
    choices: tuple[str, ...]
    answer: str
    """A text; of choices it is one of them."""
    rationale: str
    image: str


def read_questions(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield ``file:line`` (or ``file:row N``) and each row of a file of questions.

    A ``.json`` file is a list, or SQuAD's own nesting; anything else is an object a line.

    Raises:
        InputError: it is neither, or damaged.
        StorageError: it cannot be read.
    """
    if path.suffix != ".json":
        for line, row in read_jsonl(path):
            yield f"{path}:{line}", row
        return
    fix = "give a list of objects, one object a line, or SQuAD's own file"
    data = read_json(path, fix)
    rows = data if isinstance(data, list) else _inside(data)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError([Problem(f"{path}:row {number}", "is no JSON object", fix)])
        yield f"{path}:row {number}", row


def _inside(data: Any) -> list[Any]:
    """Return the rows of SQuAD's articles, or of an object that holds one list."""
    inner = data.get("data", data.get("questions")) if isinstance(data, dict) else None
    found: list[Any] = []
    for item in inner if isinstance(inner, list) else ():
        paragraphs = item.get("paragraphs") if isinstance(item, dict) else None
        if not isinstance(paragraphs, list):
            found.append(item)
            continue
        for paragraph in (p for p in paragraphs if isinstance(p, dict)):
            context = paragraph.get("context")
            found += [{"context": context, **asked} for asked in paragraph.get("qas", ())]
    return found


def question_of(row: Row, place: str, rationales: Mapping[str, str]) -> Question | None:
    """Read a row; None where it has no question or no answer.

    Args:
        row: The row.
        place: Its id where it has none.
        rationales: Id -> rationale, from a file beside the rows.
    """
    asked = row.get("question", row.get("question_text"))
    stem = asked.get("stem") if isinstance(asked, dict) else asked
    holder = asked if isinstance(asked, dict) and "choices" in asked else row
    labels, choices = _choices(holder)
    answer = _answer(row, labels, choices)
    if not isinstance(stem, str) or not stem.strip() or not answer:
        return None
    context = _first(row, ("context", "passage", "paragraph"))
    text = f"Context: {context}\n{stem}" if context else stem
    name = _first(row, ("unique_id", "id", "question_id", "qid"), number=True) or place
    rationale = rationales.get(name) or _first(row, ("rationale", "rationales", "explanation"))
    image = _first(row, ("image_path", "image", "file_name"))
    return Question(name, text, choices, answer, rationale, image)


def _first(row: Row, keys: tuple[str, ...], *, number: bool = False) -> str:
    """Return the first text among some keys; of a list, its first."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if number and type(value) is int:
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _choices(row: Row) -> tuple[list[str], tuple[str, ...]]:
    """Return the labels and the texts of a row's choices; none where it has none."""
    given = row.get("choices", row.get("options"))
    if isinstance(given, dict):
        labels, texts = given.get("label"), given.get("text")
    elif isinstance(given, list) and given and all(isinstance(item, dict) for item in given):
        labels, texts = [item.get("label") for item in given], [item.get("text") for item in given]
    elif isinstance(given, list):
        labels, texts = None, given
    else:
        numbered = [key for key in (f"answer{n}" for n in range(26)) if key in row]
        labels, texts = None, [row[key] for key in numbered]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return [], ()
    if not isinstance(labels, list) or len(labels) != len(texts):
        labels = list(ascii_uppercase[: len(texts)])
    return [str(label) for label in labels], tuple(text.strip() for text in texts)


_ANSWERS = ("answerKey", "answer", "target_txt", "target", "label", "answers", "direct_answers")

_PLACES = ("correct_choice_idx", "label", "answer_index", "answer")


def _answer(row: Row, labels: list[str], choices: tuple[str, ...]) -> str:
    """Return the answer as text; "" where there is none, or it is none of the choices."""
    if choices:
        return _chosen(row, labels, choices)
    for key in (*_ANSWERS, "multiple_choice_answer"):
        if text := _free(row.get(key)):
            return text
    return ""


def _chosen(row: Row, labels: list[str], choices: tuple[str, ...]) -> str:
    """Return the choice that a row's answer is, names by its label, or counts to from 0."""
    for key in _PLACES:
        place = row.get(key)
        if type(place) is int and 0 <= place < len(choices):
            return choices[place]
    for key in _ANSWERS:
        value = row.get(key)
        text = value.strip() if isinstance(value, str) else ""
        if text in choices:
            return text
        if text in labels:
            return choices[labels.index(text)]
    return ""


def _free(value: Any) -> str:
    """Return an answer as text: the first of several, a truth as yes or no."""
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, list) and value:
        value = value[0]
        if isinstance(value, dict):
            value = value.get("text", value.get("answer"))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip() if isinstance(value, str | int | float) else ""
