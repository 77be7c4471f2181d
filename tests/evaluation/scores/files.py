"""Small files of predictions, in the shapes that tools write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

ANSWERS = {
    "i1": ("yes", "no", "yes", "no"),
    "i2": ("yes", "No.", "yes", "yes"),
    "i3": ("no", "perhaps", "no", "yes"),
}
"""Instruction -> what was answered where yes, no, yes, no is right: means 1, 3/4, 0."""

TARGETS = ("yes", "no", "yes", "no")


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Write JSONL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def predictions(
    answers: Mapping[str, Iterable[str]] = ANSWERS, task: str = "claim", **more: Any
) -> list[dict[str, Any]]:
    """Return rows as ``instraug predict`` writes them."""
    rows = []
    for instruction, texts in answers.items():
        for at, text in enumerate(texts):
            row = {
                "key": f"{task}{instruction}{at}",
                "unique_id": f"{task}_{at}",
                "task_name": task,
                "instruction_id": instruction,
                "instruction_source": "original",
                "prompt_sha256": "0" * 64,
                "prediction": text,
                "target": TARGETS[at % 4],
                "options": ["yes", "no"],
                "output": "label",
                "model": "m",
                "finish_reason": "stop",
                "usage": {"prompt": 9, "completion": 1},
            }
            rows.append(row | more)
    return rows


def harness(texts: Iterable[str], name: str = "none") -> list[dict[str, Any]]:
    """Return samples of lm-evaluation-harness, of a task that generates text."""
    return [
        {
            "doc_id": at,
            "doc": {"question": f"q{at}", "gold": TARGETS[at % 4]},
            "target": TARGETS[at % 4],
            "arguments": {"gen_args_0": {"arg_0": f"q{at}", "arg_1": {"until": ["\n"]}}},
            "resps": [[f" {text}"]],
            "filtered_resps": [text],
            "filter": name,
            "metrics": ["exact_match"],
            "doc_hash": f"hash{at}",
            "prompt_hash": "p",
            "target_hash": "t",
            "exact_match": 0.0,
        }
        for at, text in enumerate(texts)
    ]


def ranked(chosen: Iterable[int], targets: Iterable[object]) -> list[dict[str, Any]]:
    """Return samples of lm-evaluation-harness, of a task that ranks two options."""
    return [
        {
            "doc_id": at,
            "doc": {},
            "target": str(target),
            "arguments": {
                f"gen_args_{n}": {"arg_0": "q", "arg_1": f" {option}"}
                for n, option in enumerate(("cat", "dog"))
            },
            "resps": [[["-9", "False"]], [["-9", "False"]]],
            "filtered_resps": [["-1.5" if n == pick else "-2.5", "False"] for n in range(2)],
            "filter": "none",
            "metrics": ["acc"],
            "doc_hash": f"hash{at}",
            "acc": 1.0,
        }
        for at, (pick, target) in enumerate(zip(chosen, targets, strict=True))
    ]


def lmms(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return samples of lmms-eval: flat answers, no document."""
    return [
        {"doc_id": at, "target": TARGETS[at % 4], "filtered_resps": text, "input": "q"}
        for at, text in enumerate(texts)
    ]


def mlan(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return an answer file of MLAN (and LLaVA), which has no targets."""
    return [
        {
            "question_id": f"Mercury_{at}",
            "prompt": ["<s>Question: what?"],
            "text": text,
            "answer_id": f"a{at}",
            "model_id": "m",
            "metadata": {},
        }
        for at, text in enumerate(texts)
    ]
