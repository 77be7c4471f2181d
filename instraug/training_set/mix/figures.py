"""What a set came to: rows, tokens and shares of each source, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from instraug.training_set.mix.choice import Plan, Pool, Taken
from instraug.training_set.mix.shares import show_share


def figures_of(plan: Plan, pools: Sequence[Pool], by: str) -> dict[str, Any]:
    """Return the figures of one set, as the manifest and ``--json`` have them (docs/mixing.md)."""
    taken = {pool.name: pool.taken(plan.draws[pool.name]) for pool in pools}
    rows = sum(t.rows for t in taken.values())
    text = sum(t.text for t in taken.values())
    image = _sum([t.pictures for t in taken.values()])
    total = None if image is None else text + image
    return {
        "share": None if plan.share is None else _number(plan.share),
        "by": by,
        "rows": rows,
        "tokens": {"text": text, "image": image, "total": total},
        "text_only": {
            "rows": _share(sum(t.rows - t.with_picture for t in taken.values()), rows),
            "tokens": _share(sum(t.text_only for t in taken.values()), total),
        },
        "sources": {
            pool.name: _of_source(pool, taken[pool.name], plan.shares, rows, total)
            for pool in sorted(pools, key=lambda pool: pool.name)
        },
        "interleave_probs": [_share(taken[pool.name].rows, rows) for pool in pools],
    }


def _of_source(
    pool: Pool, taken: Taken, shares: Mapping[str, Fraction], rows: int, total: int | None
) -> dict[str, Any]:
    tokens = None if taken.pictures is None else taken.text + taken.pictures
    return {
        "asked": _number(shares[pool.name]) if shares else None,
        "rows": taken.rows,
        "available": pool.available,
        "text_tokens": taken.text,
        "image_tokens": taken.pictures,
        "share_of_rows": _share(taken.rows, rows),
        "share_of_tokens": _share(tokens, total),
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return round(part / whole, 6) if part is not None and whole else None


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _number(share: Fraction) -> float:
    return float(show_share(share))
