"""Small task folders, pools and rows, and sets built of them by the real code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instraug.chain.build import build as build_set
from instraug.files.jsonl import read_jsonl
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig
from instraug.training_set.summary import Summary

Row = dict[str, Any]

CHOICE = {
    "name": "choice",
    "output": "label",
    "instructions": [
        "Pick one. {question}{options_token} {options}",
        "{question} Choose: {options}",
    ],
    "constants": {"options_token": "\n\n[Options]:"},
    "separators": {"options": "||||"},
}
CAPTION = {
    "name": "caption",
    "instructions": ["Describe the picture.", "What does the picture show?", "Caption it."],
}
FIND = {
    "name": "find",
    "output": "region",
    "instructions": ['Where is "{text}"? {options}', "Give the box of {text} out of {options}."],
    "separators": {"options": "||||"},
}
TASKS = (CHOICE, CAPTION, FIND)

NASTY = 'tab\there, "quoted"\nnext line\r\nlone\rand \\n é 漢字 😀 \u2028 {options} <b>&amp; %s ,;|'
"""Everything that a file format could trip over."""


def write_tasks(folder: Path, tasks: Iterable[Row] = TASKS) -> Path:
    """Write a task folder; JSON is YAML."""
    folder.mkdir(exist_ok=True)
    for task in tasks:
        (folder / f"{task['name']}.yaml").write_text(json.dumps(task))
    return folder


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """Write rows, one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def write_pool(path: Path, tasks: Iterable[Row] = TASKS, each: int = 4) -> Path:
    """Write an instructions.jsonl with so many rewrites of each task's first template."""
    rows = [
        {
            "task": task["name"],
            "instruction": f"Rewrite {i}: {task['instructions'][0]}",
            "source": "generated",
            "origin": 0,
        }
        for task in tasks
        for i in range(each)
    ]
    return write_rows(path, rows)


def choice_row(number: int, **fields: Any) -> Row:
    """A row of the task ``choice``."""
    return {
        "unique_id": f"c{number}",
        "task_name": "choice",
        "image_path": f"images/{number}.jpg",
        "question": f"Which is {number}?",
        "options": ["a", "b", "c", "d"],
        "target_txt": "b",
        **fields,
    }


def caption_row(number: int, **fields: Any) -> Row:
    """A row of the task ``caption``."""
    return {
        "unique_id": f"p{number}",
        "task_name": "caption",
        "image_source": "coco2014",
        "image_path": f"images/{number}.jpg",
        "target_txt": f"Picture {number}.",
        **fields,
    }


def find_row(number: int, **fields: Any) -> Row:
    """A row of the task ``find``, whose answer is a region."""
    region = f"{number}.5 10.0 200.25 300.0"
    return {
        "unique_id": f"f{number}",
        "task_name": "find",
        "image_path": f"images/{number}.jpg",
        "text": f"thing {number}",
        "region": [region],
        "options": ["1.0 2.0 3.0 4.0", region],
        "target_txt": region,
        **fields,
    }


def nasty_row() -> Row:
    """A row of the task ``choice`` whose every text is nasty."""
    return choice_row(
        0,
        unique_id=f"id {NASTY}",
        image_source=NASTY,
        image_path=f"images/{NASTY}.jpg",
        question=NASTY,
        options=[NASTY, "plain"],
        target_txt=NASTY,
        meta_data={"note": NASTY, NASTY: [1, None]},
    )


_OF_A_JOB = ("workers", "force", "part", "engine", "progress")


def built(
    folder: Path, rows: Iterable[Row] | Path, dest: str = "out.jsonl", **given: Any
) -> Summary:
    """Build rows (or a file of them) into ``folder/dest``; keywords are settings, or the job's.

    The folder holds the tasks and, with ``pool=N``, N rewrites of each.
    """
    tasks = write_tasks(folder / "tasks", given.pop("tasks", TASKS))
    pool = given.pop("pool", 0)
    path = write_pool(folder / "instructions.jsonl", each=pool) if pool else None
    file = rows if isinstance(rows, Path) else write_rows(folder / "rows.jsonl", rows)
    own = {name: given.pop(name) for name in _OF_A_JOB if name in given}
    config = BuildConfig(**given)
    return build_set(BuildJob(tasks, (file,), folder / dest, path, config, **own))


def rows_of(folder: Path, rows: Iterable[Row] | Path, **given: Any) -> list[Row]:
    """Build rows in the format multiinstruct and return them."""
    built(folder, rows, "out.jsonl", force=True, **given)
    return [row for _, row in read_jsonl(folder / "out.jsonl")]
