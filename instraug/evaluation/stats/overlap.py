"""Rows that share something with an evaluation set; held as 8-byte digests, never as texts."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

Row = Mapping[str, Any]

KINDS = ("image", "text", "prompt")
"""What two rows can share: image_path; task_name with text and question; prompt."""

SHOWN = 5
"""Examples kept of rows that share something."""


def digest(*parts: Any) -> int:
    """Return 63 bits of a digest of some texts; None is a part like any other."""
    spelled = "\0".join(repr(part) for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(spelled, digest_size=8).digest(), "big") >> 1


def keys(row: Row) -> dict[str, int]:
    """Return the keys a row can be recognised by, by kind.

    A kind whose fields the row lacks is left out. A path is compared after normalization
    (``./a.png`` is ``a.png``).
    """
    by_kind: dict[str, int] = {}
    if path := row.get("image_path"):
        by_kind["image"] = digest(posixpath.normpath(str(path)))
    asked = row.get("text"), row.get("question")
    if any(asked):
        by_kind["text"] = digest(row.get("task_name"), *asked)
    if prompt := row.get("prompt"):
        by_kind["prompt"] = digest(prompt)
    return by_kind


class Overlap:
    """Counts rows that share something with a set of evaluation rows, held as digests."""

    def __init__(self, evaluation: Iterable[Row]) -> None:
        self._seen: dict[str, set[int]] = {kind: set() for kind in KINDS}
        self.evaluation_rows = 0
        self.counts: Counter[str] = Counter()
        self.examples: list[dict[str, Any]] = []
        for row in evaluation:
            self.evaluation_rows += 1
            for kind, key in keys(row).items():
                self._seen[kind].add(key)

    def check(self, row: Row) -> None:
        """Count a row under each kind it shares with some evaluation row, and once under any."""
        shared = [kind for kind, key in keys(row).items() if key in self._seen[kind]]
        self.counts.update([*shared, "any"] if shared else [])
        if shared and len(self.examples) < SHOWN:
            who = {name: row.get(name) for name in ("task_name", "unique_id")}
            self.examples.append({**who, "shared": shared})

    def figures(self) -> dict[str, Any]:
        """Return the counts of rows checked so far, with the first few that share something."""
        counts = {kind: self.counts[kind] for kind in (*KINDS, "any")}
        return {"evaluation_rows": self.evaluation_rows, **counts, "examples": self.examples}
