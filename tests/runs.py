"""Output folders of finished runs, as ``expand`` leaves them, made without a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from instraug.files.jsonl import write_jsonl
from instraug.files.manifest import sha256, write_manifest
from instraug.tasks.pool import INSTRUCTIONS, REJECTED, InstructionRow
from instraug.tasks.records import Task, instruction_id

Row = dict[str, Any]

RULES = [
    {"rule": "length", "detail": "1 word of 9"},
    {"rule": "placeholders", "detail": "lost {text}"},
]

_HOW = [("direct", 0.5), ("guided", 0.75), ("active", 1.0)]


def run_folder(
    out: Path,
    *,
    tasks: int = 2,
    originals: int = 3,
    rewrites: int = 2,
    hostile: str = "",
    **manifest: Any,
) -> Path:
    """Write a folder of so many tasks, originals of each, and rewrites of every original.

    Args:
        out: The folder, made here.
        tasks: Tasks; of each, one answer was rejected.
        originals: Hand-written instructions of a task.
        rewrites: Accepted rewrites of an original.
        hostile: Stands in every text.
        manifest: Keys of the manifest that are to be other than usual.
    """
    out.mkdir(parents=True)
    listed = [_task(number, originals, hostile) for number in range(tasks)]
    write_jsonl(out / INSTRUCTIONS, _rows(listed, rewrites, hostile))
    write_jsonl(out / REJECTED, [_rejected(task, hostile) for task in listed])
    accepted = tasks * originals * rewrites
    body: Row = {
        "kind": "expand",
        "instraug": "0",
        "model": f"m{hostile}",
        "config": {"rewrites": rewrites, "variant": "multi-temp"},
        "inputs": {"tasks": [_kept(task) for task in listed], "meta_prompts": []},
        "outputs": {name: sha256(out / name) for name in (INSTRUCTIONS, REJECTED)},
        "journal": "replies.jsonl",
        "tasks": tasks,
        "templates": tasks * originals,
        "skipped": 0,
        "answers": accepted + tasks,
        "accepted": accepted,
        "rejected": tasks,
        "rejected_by_rule": {"length": tasks, "placeholders": tasks},
        "short": 0,
        "usage": {"prompt": 1000, "completion": 500},
        "cost": 0.25,
        "endpoints": {"embedded": accepted + tasks},
        "complete": True,
        "short_templates": [],
        "sent_otherwise": [],
    }
    write_manifest(out / "manifest.json", body | manifest)
    return out


def wording(task: str, origin: int, hostile: str = "") -> str:
    """The text of an original of `run_folder`."""
    return f"Does the object {{text}} number {origin} stand in {{region}}?{hostile} {{options}}"


def rewritten(origin: int, number: int, hostile: str = "") -> str:
    """The text of a rewrite of one."""
    return (
        f"Say if the object {{text}} number {origin} stands in {{region}}, {number}?{hostile} "
        "{options}"
    )


def _task(number: int, originals: int, hostile: str) -> Task:
    name = f"task_{number}"
    texts = tuple([wording(name, origin, hostile) for origin in range(originals)])
    return Task(name, texts, constants={})


def _kept(task: Task) -> Row:
    return {"templates" if k == "instructions" else k: v for k, v in task.keys().items()}


def _rows(tasks: list[Task], rewrites: int, hostile: str) -> Iterator[Row]:
    for task in tasks:
        for template in task.templates:
            yield InstructionRow(
                template.id, task.name, template.text, "original", template.origin
            ).as_json()
            for number in range(rewrites):
                text = rewritten(template.origin, number, hostile)
                meta_prompt, temperature = _HOW[number % len(_HOW)]
                yield InstructionRow(
                    instruction_id(task.name, text),
                    task.name,
                    text,
                    "generated",
                    template.origin,
                    template.id,
                    meta_prompt + hostile,
                    temperature,
                    1,
                    "m",
                    f"key{template.origin}-{number}",
                    0,
                ).as_json()


def _rejected(task: Task, hostile: str) -> Row:
    template = task.templates[0]
    row = InstructionRow(
        "", task.name, "", "generated", 0, template.id, "guided", 1.0, 1, "m", "key", 0
    )
    reasons = [{**reason, "detail": reason["detail"] + hostile} for reason in RULES]
    return {**row.as_json(), "text": f"Sure!{hostile}", "reasons": reasons}


def scores_file(path: Path, ids: dict[str, list[str]], **keys: Any) -> Path:
    """Write what ``score --json`` prints of one set.

    Args:
        path: The file.
        ids: Task -> instruction ids; the first is the best.
        keys: Other keys than usual.
    """
    tasks = [_scored(name, some) for name, some in ids.items()]
    shares = {"raw": 9.0, "raw_ddof1": 10.0, "raw_rms": 9.5, "floor": 4.0, "corrected": 8.25}
    body = {
        "scope": "these instructions and tasks, all instances like these",
        "protocols": {"choice": "the option"},
        "mean": sum(t["mean"] for t in tasks) / len(tasks),
        "sensitivity": {
            **shares,
            "p": 0.002,
            "interval": [6.0, 10.5],
            "ddof": 0,
            "tasks": list(ids),
        },
        "tasks": tasks,
        "permutations": 1000,
        "seed": 0,
        "notices": [],
    }
    path.write_text(json.dumps(body | keys))
    return path


def compared_file(path: Path, ids: dict[str, list[str]]) -> Path:
    """Write what ``score A B --json`` prints."""
    one = json.loads(scores_file(path, ids).read_text())
    other = json.loads(scores_file(path, ids).read_text())
    for task in other["tasks"]:
        task["mean"] -= 0.1
    both = {key: {"a": one[key], "b": other[key]} for key in ("mean", "sensitivity", "tasks")}
    shown = {"value": 0.1, "interval": [0.05, 0.15], "p": 0.01, "test": "swap", "holds": True}
    difference = {"mean": shown, "corrected": {**shown, "value": -1.5, "holds": False}}
    path.write_text(json.dumps(one | both | {"difference": difference}))
    return path


def _scored(name: str, ids: list[str]) -> Row:
    means = [0.8 - 0.05 * at for at in range(len(ids))]
    mean = sum(means) / len(means)
    return {
        "task": name,
        "protocol": "choice",
        "n": 100,
        "instructions": [{"id": i, "mean": m} for i, m in zip(ids, means, strict=True)],
        "mean": mean,
        "max": max(means),
        "min": min(means),
        "std": 0.05,
        "std_ddof1": 0.06,
        "gap": max(means) - min(means),
        "agreement": 0.7,
        "unparsed": 3,
        "incomplete": 0,
    }
