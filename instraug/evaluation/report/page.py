"""The page: our template, filled with values; no text of a file is ever a template."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import instraug
from instraug.evaluation.report import charts, warnings
from instraug.evaluation.report.contents import Contents
from instraug.evaluation.report.robustness import Spread
from instraug.evaluation.report.table import table
from instraug.evaluation.report.text import as_script, count, figure, share, shown
from instraug.files.jsonl import dumps
from instraug.tasks.differences import slots
from instraug.tasks.lengths_picture import KINDS, described, draw

if TYPE_CHECKING:
    from markupsafe import Markup

Lengths = tuple[Counter[int], Counter[int]]

MARK = "<!-- a page of instraug report -->"
"""By which a later report knows that it may replace the file."""

_HERE = Path(__file__).parent

_CUT = 600
"""Characters of an answer that are shown."""


def page(contents: Contents) -> str:
    """Return the page as HTML, everything in it.

    Raises:
        ImportError: jinja2 is not there.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, finalize=shown, trim_blocks=True
    )
    environment.filters |= _filters()
    mark, style, script = map(_ours, (MARK, _read("page.css"), _read("page.js")))
    return environment.get_template("page.html.jinja").render(
        mark=mark,
        version=instraug.__version__,
        policy=_policy(style, script),
        style=style,
        script=script,
        title=contents.title,
        warnings=list(_warnings(contents)),
        runs=contents.runs,
        rewrites=_rewrites(contents),
        sets=contents.sets,
        scores=contents.scores,
        proportions=contents.proportions,
        papers=list(_papers(contents)),
    )


def _ours(text: str) -> Markup:
    """Mark a text that is no data, or that was spelled for its place, as ready to stand there."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - the one place


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return what the page may do: show itself; nothing is loaded, and no other script runs."""
    sums = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{sums[0]}'; script-src 'sha256-{sums[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _filters() -> dict[str, Callable[..., Any]]:
    def svg(drawn: Callable[..., str]) -> Callable[..., Markup]:
        return lambda *given: _ours(drawn(*given))

    return {
        "count": count,
        "share": share,
        "figure": figure,
        "slots": lambda text: list(slots(text)),
        "cut": lambda text: text if len(text) <= _CUT else f"{text[:_CUT]} …",
        "bar": svg(charts.bar),
        "strip": svg(_strip),
        "lengths": svg(_lengths),
        "described": _described,
        "scatter": svg(charts.scatter),
        "in_script": lambda value: _ours(as_script(dumps(value))),
    }


def _lengths(pair: Lengths, kinds: tuple[str, str] = KINDS) -> str:
    return draw(pair[0], pair[1], kinds, alone=False)


def _described(pair: Lengths, kinds: tuple[str, str] = KINDS) -> str:
    return described(pair[0], pair[1], kinds)


def _strip(spread: Spread, scale: tuple[float, float]) -> str:
    """Draw a task's means on the scale that all tasks of a file share."""
    label = f"{len(spread.means)} instructions, {min(spread.means):.3f} to {max(spread.means):.3f}"
    return charts.strip(spread.means, *scale, label)


def _warnings(contents: Contents) -> Iterator[tuple[str, str]]:
    for run in contents.runs:
        yield from ((run.name, what) for what in warnings.of_run(run))
    for one in contents.sets:
        yield from ((one.name, what) for what in warnings.of_set(one))
    for scores in contents.scores:
        yield from ((scores.name, what) for what in warnings.of_scores(scores))


def _rewrites(contents: Contents) -> dict[str, Any] | None:
    """Return what the searchable table shows; None where there is no rewrite."""
    data = table(contents.runs)
    if not data["rows"]:
        return None
    heats = sorted({row[4] for row in data["rows"] if row[4] is not None})
    return {
        "data": data,
        "count": len(data["rows"]),
        **{key: list(enumerate(data[key])) for key in ("runs", "tasks", "prompts")},
        "heats": [(_as_script_spells(heat), f"{heat:g}") for heat in heats],
    }


def _as_script_spells(number: float) -> str:
    """Spell a number as JavaScript does: without a point where it is whole."""
    return str(int(number)) if number == int(number) else repr(number)


def _papers(contents: Contents) -> Iterator[tuple[str, list[charts.Point], str, str, bool]]:
    """Yield title, points, both axes, and whether they are joined, of figures across sources."""
    if len(contents.by_epsilon) > 1:
        axes = ("epsilon", "mean score")
        yield "Score against epsilon", contents.by_epsilon, *axes, True
    if contents.by_proportion:
        axes = ("instance text proportion", "A less B")
        yield "Gain against instance text proportion", contents.by_proportion, *axes, False
    for name, points in contents.by_temperature.items():
        yield f"Yield against temperature of {name}", points, "temperature", "yield", True
