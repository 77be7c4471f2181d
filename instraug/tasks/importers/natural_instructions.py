"""Natural Instructions: one JSON file a task -> a task and its rows, a file at a time.

A template is the task's definition followed by ``{input}``. This form is ours: which one
MultiInstruct gave these tasks is not public.

Source:
    Super-NaturalInstructions (arXiv:2204.07705) and allenai/natural-instructions: its README, and
    its splits; the first 100 instances of a task are those that it is evaluated on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.disk import refusals
from instraug.files.json_file import read_json
from instraug.files.jsonl import write_jsonl
from instraug.tasks.records import Task

INSTANCES, TESTING = "instances", "testing_data"
"""Folder of the rows in the task folder, and in that of those to evaluate on."""

EVALUATED = 100
"""First instances of a task, which are to evaluate on."""

ANY = "any"

_MAX_BYTES = 512 << 20

_LISTS = {"test": "test_tasks.txt", "excluded": "excluded_tasks.txt"}


@dataclass(frozen=True)
class Choice:
    """What of the tasks is wanted."""

    languages: frozenset[str] = frozenset({"english"})
    """In lower case; all of a task's languages have to be among them. `ANY` takes all."""
    per_task: int | None = None
    """Most rows of a task to train on, chosen by a hash."""


@dataclass
class Outcome:
    """What an import did."""

    tasks: int = 0
    evaluation: int = 0
    """Tasks of the test list."""
    rows: int = 0
    testing: int = 0
    """Rows among the first of their task."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Why tasks or rows were left out -> the places."""

    def leave_out(self, why: str, place: str) -> None:
        """Note something that was left out."""
        self.left_out.setdefault(why, []).append(place)

    def problems(self) -> list[Problem]:
        """Return what was left out, one line a reason."""
        fix = "nothing to do, or fix the files"
        return [
            Problem(places[0], f"{why}{_more(places)}", fix)
            for why, places in self.left_out.items()
        ]


def _more(places: Collection[str]) -> str:
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""


def task_files(source: Path) -> list[Path]:
    """Return the task files of a checkout, of its ``tasks/``, or the one file given.

    Raises:
        InputError: there is none.
    """
    if source.is_file():
        return [source]
    folder = source / "tasks" if (source / "tasks").is_dir() else source
    files = sorted(p for p in folder.glob("*.json") if not p.name.startswith("."))
    if not files:
        what = "holds no task file" if source.exists() else "does not exist"
        fix = "give a checkout of natural-instructions, its folder tasks, or one task's .json"
        raise InputError([Problem(str(source), what, fix)])
    return files


def import_tasks(source: Path, choice: Choice, folder: Path, outcome: Outcome) -> list[Task]:
    """Read every task, and write its rows into a folder.

    Args:
        source: What `task_files` takes; the default split's lists are looked for beside it.
        choice: What is wanted.
        folder: Takes ``instances/NAME.jsonl`` and ``instances/testing_data/NAME.jsonl``.
        outcome: Takes the counts.

    Raises:
        InputError: every task file that is damaged.
        StorageError: a file cannot be read or written.
    """
    files, lists = task_files(source), _lists(source)
    testing = folder / INSTANCES / TESTING
    testing.mkdir(parents=True)
    tasks: list[Task] = []
    problems: list[Problem] = []
    for file in files:
        try:
            task = _import(file, choice, lists, testing.parent, outcome)
        except InputError as error:
            problems += error.problems
        else:
            tasks += [task] if task else []
    if problems:
        raise InputError(problems)
    if not tasks:
        what = "no task is left"
        raise InputError([*outcome.problems(), Problem(str(source), what, "see the reasons above")])
    return tasks


def _lists(source: Path) -> dict[str, frozenset[str]]:
    """Return the task names of each list of the default split; empty where there is none."""
    roots = (source, source.parent, source.parent.parent)
    split = next((s for root in roots if (s := root / "splits" / "default").is_dir()), None)
    lists: dict[str, frozenset[str]] = {}
    for name, file in _LISTS.items():
        path = split / file if split else None
        if path and path.is_file():
            with refusals(path, "read"):
                lists[name] = frozenset(path.read_text("utf-8", "replace").split())
        else:
            lists[name] = frozenset()
    return lists


def _import(
    file: Path,
    choice: Choice,
    lists: Mapping[str, frozenset[str]],
    folder: Path,
    outcome: Outcome,
) -> Task | None:
    name = file.stem
    if name in lists["excluded"]:
        outcome.leave_out("is on the list of excluded tasks", str(file))
        return None
    data = _read(file)
    languages = {lang.strip().casefold() for key in _LANGUAGES for lang in _texts(data.get(key))}
    if ANY not in choice.languages and not languages <= choice.languages:
        outcome.leave_out("is in another language", str(file))
        return None
    definition = "\n".join(_texts(data.get("Definition"))).strip()
    if not definition:
        outcome.leave_out("has no definition", str(file))
        return None
    rows = list(_rows(file, name, data, outcome))
    if not rows:
        outcome.leave_out("has no instance that can be used", str(file))
        return None
    testing, training = rows[:EVALUATED], rows[EVALUATED:]
    if choice.per_task is not None:
        training = _capped(training, choice.per_task)
    outcome.testing += write_jsonl(folder / TESTING / f"{name}.jsonl", testing)
    if training:
        slim = [{k: v for k, v in row.items() if k != "outputs"} for row in training]
        outcome.rows += write_jsonl(folder / f"{name}.jsonl", slim)
    is_test = name in lists["test"]
    outcome.tasks += 1
    outcome.evaluation += is_test
    text = definition.replace("{", "{{").replace("}", "}}")
    return Task(
        name,
        instructions=(f"{text}\n\n{{input}}",),
        category=_line(_texts(data.get("Categories"))[:1]) or "Miscellaneous",
        split="eval" if is_test else "train",
        fields=("input",),
        sources=tuple(dict.fromkeys(s for t in _texts(data.get("Source")) if (s := _line([t])))),
        source=str(file),
    )


_LANGUAGES = ("Input_language", "Output_language")


def _read(file: Path) -> dict[str, Any]:
    with refusals(file, "read"):
        size = file.stat().st_size
    fix = "copy the file again from the repository"
    if size > _MAX_BYTES:
        raise InputError([Problem(str(file), f"has more than {_MAX_BYTES} bytes", fix)])
    data = read_json(file, fix)
    if not isinstance(data, dict) or not isinstance(data.get("Instances"), list):
        raise InputError([Problem(str(file), "is no task: it has no list Instances", fix)])
    return data


def _texts(value: Any) -> list[str]:
    """Return the texts of a key that older files give as one text, and newer ones as a list."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]


def _line(texts: list[str]) -> str:
    """Return a text as the one plain line that a task file takes."""
    joined = " ".join(" ".join(texts).split())
    return "".join(c for c in joined if c.isprintable()).strip()


def _rows(
    file: Path, name: str, data: Mapping[str, Any], outcome: Outcome
) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for number, instance in enumerate(data["Instances"]):
        given = instance if isinstance(instance, dict) else {}
        outputs = [text for text in _texts(given.get("output")) if text.strip()]
        text = given.get("input")
        if not isinstance(text, str) or not outputs:
            outcome.leave_out("an instance has no input or no output", f"{file}:instance {number}")
            continue
        stated = given.get("id")
        unique = stated if isinstance(stated, str) and stated else f"{name}-{number}"
        seen[unique] += 1
        if seen[unique] > 1:
            unique = f"{unique}-{seen[unique]}"
        yield {
            "unique_id": unique,
            "task_name": name,
            "input": text,
            "target_txt": outputs[_number(unique) % len(outputs)],
            "outputs": outputs,
        }


def _number(text: str) -> int:
    """Return a number of 64 bits that the text alone decides."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8, person=b"instraug-ni").digest(), "big")


def _capped(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return that many rows, the same ones of any larger number, in their order."""
    kept = {id(row) for row in sorted(rows, key=lambda row: _number(row["unique_id"]))[:most]}
    return [row for row in rows if id(row) in kept]
