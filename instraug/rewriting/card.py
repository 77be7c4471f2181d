"""The card of an output folder of expand, and its picture: functions of the run's rows alone."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import instraug
from instraug.files.card import PICTURE, README, cell, head, table
from instraug.files.stamp import write_stamped
from instraug.rewriting.outcome import Outcome, added
from instraug.rewriting.run import Run
from instraug.tasks.lengths_picture import described, draw
from instraug.tasks.pool import INSTRUCTIONS, REJECTED, InstructionRow

_DTYPES = {"origin": "int64", "iteration": "int64", "choice": "int64", "temperature": "float64"}
"""Columns that are no text."""


def write_card(out: Path, run: Run, digest: str) -> None:
    """Write README.md and the picture of lengths, unless others stand there.

    Args:
        out: The folder.
        run: The run.
        digest: The SHA-256 of its instructions.jsonl.

    Raises:
        StorageError: a file cannot be written.
    """
    before = added(outcome.written for outcome in run.outcomes)
    after = added(outcome.generated for outcome in run.outcomes)
    write_stamped(out / PICTURE, draw(before, after) + "\n")
    write_stamped(out / README, _card(run, digest, described(before, after, _KINDS)))


_FEATURES = [
    {"name": f.name, "dtype": _DTYPES.get(f.name, "string")} for f in fields(InstructionRow)
]
"""Stated, so that a column that is empty for long is read as what it is."""

_LICENCES = (
    "The templates written by hand are under the terms of whoever wrote them. The rewrites came "
    "from the model named above; its terms say what its output may be used for (of the embedded "
    "model: Gemma terms of use, https://ai.google.dev/gemma/terms). instraug (Apache-2.0) adds no "
    "terms. State the licence in the head of this file before you publish it."
)

_KINDS = ("written by hand", "generated")


def _card(run: Run, digest: str, lengths: str) -> str:
    counts = run.counts
    rows = counts["templates"] + counts["accepted"]
    name = f"run_{digest[:12]}"
    configs = {
        "configs": [{"config_name": name, "data_files": INSTRUCTIONS}],
        "dataset_info": [{"config_name": name, "features": _FEATURES}],
    }
    yielded = counts["accepted"] / counts["answers"] if counts["answers"] else 0.0
    factor = rows / counts["templates"] if counts["templates"] else 0.0
    text = [
        "# Instruction templates",
        "",
        (
            f"{counts['templates']} instruction templates written by hand, of {counts['tasks']} "
            f"tasks, and {counts['accepted']} accepted rewrites of them: {factor:.3g} times as "
            f"many. Made by instraug {instraug.__version__} (INSTRAUG, arXiv:2402.14492) with the "
            f"model {cell(run.plan.model)}, variant {run.config.variant}, seed {run.config.seed}."
        ),
        "",
        (
            f"Of {counts['answers']} answers {yielded:.1%} were accepted. Every placeholder, such "
            "as `{text}`, is that of the origin. "
            f"`{REJECTED}` holds the other answers with the rules that they break; `manifest.json` "
            "every setting and hash."
        ),
        "",
        f"![Lengths of the instructions in words]({PICTURE})",
        "",
        f"Lengths: {lengths}.",
        "",
        *table(
            ["task", "written by hand", "generated", "answers", "yield"],
            [_of_task(one) for one in run.outcomes],
        ),
        "",
        *_rejections(counts["rejected_by_rule"]),
        "## Licences",
        "",
        _LICENCES,
        "",
    ]
    return head(rows, "text-generation", configs) + "\n".join(text)


def _of_task(one: Outcome) -> list[object]:
    share = one.accepted / one.answers if one.answers else None
    return [one.task, one.templates, one.accepted, one.answers, share]


def _rejections(rules: dict[str, int]) -> list[str]:
    if not rules:
        return []
    listed = [[rule, n] for rule, n in sorted(rules.items(), key=lambda r: (-r[1], r[0]))]
    return [*table(["rule", "answers that break it"], listed), ""]
