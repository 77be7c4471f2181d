"""The figures of ``instraug score`` as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instraug.errors import printable

_COLUMNS = ("protocol", "n", "mean", "max", "min", "std", "gap", "agreement", "unparsed")

_SENSITIVITY = ("raw", "raw_ddof1", "raw_rms", "floor", "corrected")

_SHOWN = 20


def scoresheet(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines: a table of tasks, means by instruction, Sensitivity, the comparison."""
    if "difference" not in figures:
        yield from _set(figures["tasks"], figures["sensitivity"], figures["mean"])
    else:
        for side in ("a", "b"):
            yield f"{side.upper()}"
            yield from _set(*(figures[k][side] for k in ("tasks", "sensitivity", "mean")))
            yield ""
        yield from _difference(figures["difference"])
    yield ""
    yield f"these figures are about {figures['scope']}"
    yield from (f"{name}: {what}" for name, what in figures["protocols"].items())


def _set(
    tasks: Sequence[Mapping[str, Any]], sensitivity: Mapping[str, Any], mean: float | None
) -> Iterator[str]:
    yield from _table(["task", *_COLUMNS], [[t["task"], *(t[c] for c in _COLUMNS)] for t in tasks])
    yield ""
    yield "mean by instruction"
    for task in tasks:
        means = [f"{i['id']} {_cell(i['mean'])}" for i in task["instructions"]]
        more = f", and {len(means) - _SHOWN} more" if len(means) > _SHOWN else ""
        yield printable(f"  {task['task']}: {', '.join(means[:_SHOWN])}{more}")
    yield ""
    yield f"mean score over tasks: {_cell(mean)}"
    if sensitivity["corrected"] is None:
        yield "Sensitivity: no task has one"
        return
    over = len(sensitivity["tasks"])
    yield f"Sensitivity over {over} task{'s' if over > 1 else ''}, times 100, raw with ddof 0"
    yield from _table(list(_SENSITIVITY), [[sensitivity[name] for name in _SENSITIVITY]], 2)
    low, high = sensitivity["interval"]
    yield f"corrected lies from {low:.2f} to {high:.2f} (95 %)"
    yield f"p = {sensitivity['p']:.3g} where wordings are exchangeable"


def _difference(difference: Mapping[str, Any]) -> Iterator[str]:
    names = {"mean": ("mean score", 4), "corrected": ("corrected Sensitivity", 2)}
    for key, (name, digits) in names.items():
        one = difference[key]
        if one["value"] is None:
            yield f"{name}, A less B: does not exist"
            continue
        low, high = one["interval"]
        yield (
            f"{name}, A less B: {one['value']:+.{digits}f} "
            f"(95 % {low:+.{digits}f} to {high:+.{digits}f}, p = {one['p']:.3g} by {one['test']}): "
            + _verdict(key, one)
        )


def _verdict(key: str, one: Mapping[str, Any]) -> str:
    if not one["holds"]:
        return "does not hold; it may be chance"
    higher = one["value"] > 0
    if key == "mean":
        return f"holds: {'A' if higher else 'B'} scores higher"
    return f"holds: {'B' if higher else 'A'} wavers less"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], digits: int = 3) -> Iterator[str]:
    """Align a table: texts to the left, figures to the right."""
    cells = [list(header)]
    cells += [[_cell(value, digits) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [isinstance(value, str) for value in rows[0]] if rows else []
    for line in cells:
        padded = (
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(line, widths, left, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _cell(value: Any, digits: int = 3) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if isinstance(value, float) else printable(str(value))
