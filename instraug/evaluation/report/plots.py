"""Figures for papers, as SVG and PNG: equal inputs give equal files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from instraug.evaluation.report.contents import Contents
from instraug.tasks.lengths_picture import KINDS, bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MADE = b"made by instraug report"
"""By which a later report knows that it may replace a file."""

_SIZE = (4.8, 3.2)
"""Inches: a column of a paper."""

_COLOURS = ("#9a6700", "#0969da", "#6639ba", "#116329")

_STYLES: dict[Any, Any] = {
    "svg.hashsalt": "instraug",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "text.parse_math": False,
}


def _lengths(axes: Axes, contents: Contents) -> bool:
    run = next(iter(contents.runs), None)
    if run is None:
        return False
    found = bins(*run.lengths)
    span = found[0].last - found[0].first + 1 if found else 1
    for side, name in enumerate(KINDS):
        places = [b.first - 0.5 + span * (0.05 + 0.45 * side) for b in found]
        heights = [100 * (b.after if side else b.before) for b in found]
        axes.bar(places, heights, 0.45 * span, align="edge", label=name, color=_COLOURS[side])
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.set(xlabel="words of the instruction", ylabel="share of texts (%)")
    axes.legend(frameon=False)
    return True


def _by_epsilon(axes: Axes, contents: Contents) -> bool:
    points = contents.by_epsilon
    axes.plot([p[0] for p in points], [p[1] for p in points], "o-", color=_COLOURS[1])
    axes.set(xlabel="epsilon", ylabel="mean score")
    return len(points) > 1


def _by_proportion(axes: Axes, contents: Contents) -> bool:
    points = contents.by_proportion
    axes.axhline(0, color="#57606a", linewidth=0.8)
    axes.scatter([p[0] for p in points], [p[1] for p in points], color=_COLOURS[1])
    for x, y, task in points:
        axes.annotate(task, (x, y), xytext=(3, 3), textcoords="offset points", fontsize=7)
    axes.set(xlabel="instance text proportion", ylabel="gain (A less B)")
    return bool(points)


def _by_temperature(axes: Axes, contents: Contents) -> bool:
    for at, (name, points) in enumerate(contents.by_temperature.items()):
        colour = _COLOURS[(at + 1) % len(_COLOURS)]
        places, heights = [p[0] for p in points], [100 * p[1] for p in points]
        axes.plot(places, heights, "o-", color=colour, label=name)
    axes.set(xlabel="temperature", ylabel="yield (%)")
    if len(contents.by_temperature) > 1:
        axes.legend(frameon=False)
    return bool(contents.by_temperature)


_FIGURES: dict[str, tuple[Callable[[Any, Contents], bool], str]] = {
    "lengths": (_lengths, "needs a run"),
    "score_by_epsilon": (_by_epsilon, "needs two built sets or more, each followed by its scores"),
    "gain_by_instance_text": (
        _by_proportion,
        "needs scores of A and B, and a set of their tasks with a run or --tasks",
    ),
    "yield_by_temperature": (_by_temperature, "needs a run with several temperatures"),
}

NAMES = tuple(_FIGURES)
"""Of the files, without suffix."""


def drawn(contents: Contents) -> Iterator[tuple[str, bytes]]:
    """Yield file name and content of each figure for which there are data.

    Raises:
        ImportError: matplotlib is not there.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLES):
        for name, (draw, _) in _FIGURES.items():
            figure = Figure(figsize=_SIZE, layout="constrained")
            if draw(figure.subplots(), contents):
                made = MADE.decode()
                yield f"{name}.svg", _saved(figure, "svg", {"Creator": made, "Date": None})
                yield f"{name}.png", _saved(figure, "png", {"Software": made})


def lacking(contents: Contents) -> Iterator[str]:
    """Yield a line for each figure that the sources have no data for."""
    there = {
        "lengths": bool(contents.runs),
        "score_by_epsilon": len(contents.by_epsilon) > 1,
        "gain_by_instance_text": bool(contents.by_proportion),
        "yield_by_temperature": bool(contents.by_temperature),
    }
    yield from (f"{name}: not drawn; it {_FIGURES[name][1]}" for name in NAMES if not there[name])


def _saved(figure: Any, kind: str, metadata: dict[str, str | None]) -> bytes:
    content = BytesIO()
    figure.savefig(content, format=kind, dpi=300, metadata=metadata)
    return content.getvalue()
