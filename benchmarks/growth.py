"""How figures grow: the exponent of a size that fits them best."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from statistics import linear_regression
from typing import Any


def exponent(figures: Mapping[int, float]) -> float | None:
    """Return the slope of log(figure) over log(size): 1 is twice as much for twice the size.

    Args:
        figures: Size -> figure.

    Returns:
        None where a line cannot be laid: fewer than two sizes, or a figure of 0 or below.
    """
    if len(figures) < 2 or min(figures.values()) <= 0:
        return None
    slope = linear_regression(*zip(*[(log(n), log(y)) for n, y in figures.items()], strict=True))
    return round(slope.slope, 2)


def flat(found: Any, name: str = "") -> dict[str, float]:
    """Return the numbers of a JSON value by dotted names; a list of numbers gives its median."""
    if isinstance(found, bool) or found is None or isinstance(found, str):
        return {}
    if isinstance(found, int | float):
        return {name: found}
    if isinstance(found, Mapping):
        parts = {f"{name}.{key}" if name else str(key): value for key, value in found.items()}
    elif found and all(isinstance(one, int | float) for one in found):
        return {name: sorted(found)[len(found) // 2]}
    else:
        parts = {f"{name}.{n}" if name else str(n): value for n, value in enumerate(found)}
    return {key: value for part, one in parts.items() for key, value in flat(one, part).items()}


def table(sizes: Mapping[int, Mapping[str, float]], unit: str) -> str:
    """Return a Markdown table: a row a figure, a column a size, and the exponent of growth.

    Args:
        sizes: Size -> figure -> value.
        unit: What the sizes count.
    """
    names = dict.fromkeys(name for figures in sizes.values() for name in figures)
    heads = [f"{size:,} {unit}" for size in sizes]
    lines = [["", *heads, "exponent"], ["---", *["--:"] * (len(heads) + 1)]]
    for name in names:
        there = {size: figures[name] for size, figures in sizes.items() if name in figures}
        slope = exponent(there) if len(there) == len(sizes) else None
        shown = [spelled(there[size]) if size in there else "" for size in sizes]
        lines.append([name, *shown, "" if slope is None else f"{slope:.2f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spelled(value: float) -> str:
    """Spell a figure with at most four digits, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
