"""The rows of the page's table: every accepted rewrite as what it changed of its origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from instraug.evaluation.report.run import RunFigures
from instraug.evaluation.report.text import visible
from instraug.tasks.differences import differences

_KINDS = {"same": 0, "gone": 1, "new": 2}


class _Numbers:
    """Numbers texts as they come, so that each is written once."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self._of.setdefault(text, len(self._of))

    @property
    def texts(self) -> list[str]:
        return list(self._of)


def table(runs: Sequence[RunFigures]) -> dict[str, Any]:
    """Return the table as the page's script reads it.

    Returns:
        ``runs``, ``tasks``, ``prompts`` (names), ``origins`` (texts), and ``rows``, each: numbers
        of run, task, origin and meta-prompt, temperature (null: unknown), id, then the pieces: kind
        (0 same, 1 gone, 2 new) and text in turn.
    """
    tasks, prompts, origins = _Numbers(), _Numbers(), _Numbers()
    rows = list[list[Any]]()
    for number, run in enumerate(runs):
        originals = {(r.task, r.origin): r.instruction for r in run.rows if not r.generated}
        for row in run.rows:
            if row.generated:
                origin = originals.get((row.task, row.origin), "")
                place = [number, tasks.of(visible(row.task)), origins.of(visible(origin))]
                source = [prompts.of(visible(row.meta_prompt or "")), row.temperature, row.id]
                rows.append([*place, *source, *_pieces(origin, row.instruction)])
    return {
        "runs": [visible(run.name) for run in runs],
        "tasks": tasks.texts,
        "prompts": prompts.texts,
        "origins": origins.texts,
        "rows": rows,
    }


def _pieces(origin: str, instruction: str) -> Iterable[int | str]:
    for piece in differences(origin, instruction):
        yield _KINDS[piece.kind]
        yield visible(piece.text)
