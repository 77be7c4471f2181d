"""Near-duplicates of a pool: how many, which, and what a build would leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from instraug.errors import InputError
from instraug.files.jsonl import read_jsonl, write_jsonl
from instraug.files.replacing import check_replaceable
from instraug.tasks.near_duplicates import NEAR, NearPair, left_out, near_pairs

JSON = dict[str, Any]

SHOWN = 5
"""Examples kept of near pairs."""

_SHOWN_OF = ("id", "task", "source", "instruction")


def check_pairs_path(path: Path) -> None:
    """Raise UsageError where a file of pairs would replace another one."""
    check_replaceable(path, "list of near pairs", _is_pairs)


def near_figures(
    rows: Sequence[Mapping[str, Any]], threshold: float = NEAR, pairs_to: Path | None = None
) -> JSON:
    """Count the near-duplicates among the rows of a pool, and list them where a file is named.

    Args:
        rows: Rows that have ``task``, ``instruction`` and ``source``.
        threshold: ROUGE-L (0 to 1) from which on two instructions are near.
        pairs_to: Takes a line a pair; None: no file.
    """
    ordered = sorted(
        rows, key=lambda row: row["source"] != "original"
    )  # stable: hand-written first
    originals = sum(row["source"] == "original" for row in ordered)
    pairs = near_pairs([row["instruction"] for row in ordered], threshold)
    if pairs_to:
        write_jsonl(pairs_to, (_pair(ordered, pair) for pair in pairs))
    return {
        "threshold": threshold,
        "pairs": len(pairs),
        "across_tasks": sum(ordered[a]["task"] != ordered[b]["task"] for a, b, _ in pairs),
        "instructions": len(set(chain.from_iterable((a, b) for a, b, _ in pairs))),
        "left_out": len(left_out(pairs, lambda number: number < originals)),
        "examples": [_pair(ordered, pair) for pair in pairs[:SHOWN]],
    }


def _pair(rows: Sequence[Mapping[str, Any]], pair: NearPair) -> JSON:
    one, other = (
        {name: rows[number].get(name) for name in _SHOWN_OF} for number in (pair.one, pair.other)
    )
    return {"rouge_l": pair.rouge_l, "one": one, "other": other}


def _is_pairs(path: Path) -> bool:
    """Whether the first line of a file, if it has any, is a pair."""
    with suppress(InputError):
        for _, row in read_jsonl(path, on_problem=lambda _: None):
            return {"rouge_l", "one", "other"} <= row.keys()
    return False
