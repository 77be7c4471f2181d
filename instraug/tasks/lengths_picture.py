"""How long instructions are before and after, drawn as SVG: for a page, or as a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from instraug.tasks.lengths import lengths

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 260, 48, 44, 28

_BINS = 24

KINDS = ("hand-written", "generated")
"""What the two distributions are, usually."""

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.axis { stroke: #57606a } .grid { stroke: #d0d7de }
.before { fill: #9a6700 } .after { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis { stroke: #9198a1 } .grid { stroke: #3d444d }
  .before { fill: #d4a72c } .after { fill: #58a6ff } }
"""


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of lengths, in words, and the share of texts (0 to 1) that are so long."""

    first: int
    last: int
    before: float
    after: float


def bins(before: Mapping[int, int], after: Mapping[int, int]) -> list[Bin]:
    """Return two distributions over the same bins, given as length -> texts."""
    counts = [{k: n for k, n in some.items() if n} for some in (before, after)]
    everything = [length for some in counts for length in some]
    if not everything:
        return []
    low, high = min(everything), max(everything)
    width = -(-(high - low + 1) // _BINS)
    sums = [sum(some.values()) or 1 for some in counts]
    return [
        Bin(
            start,
            start + width - 1,
            *(
                sum(n for length, n in some.items() if start <= length < start + width) / total
                for some, total in zip(counts, sums, strict=True)
            ),
        )
        for start in range(low, high + 1, width)
    ]


def described(before: Mapping[int, int], after: Mapping[int, int], names: tuple[str, str]) -> str:
    """Return the two distributions in words."""
    parts = []
    for name, some in zip(names, (before, after), strict=True):
        if spread := lengths(some):
            middle = f"median {spread.median} words, {spread.min} to {spread.max}"
            parts.append(f"{name}: {spread.texts} texts, {middle}")
    return "; ".join(parts) or "no text"


def draw(
    before: Mapping[int, int],
    after: Mapping[int, int],
    names: tuple[str, str] = KINDS,
    *,
    alone: bool = True,
) -> str:
    """Draw two distributions of lengths as bars, equal inputs as equal text.

    Args:
        before: Length in words -> texts.
        after: The same.
        names: What the two are.
        alone: The picture is a file, with its own colours; else a page gives them.

    Returns:
        An ``svg`` element.
    """
    root = Xml.Element("svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    if alone:
        root.set("xmlns", "http://www.w3.org/2000/svg")
        Xml.SubElement(root, "style").text = _STYLE
    label = described(before, after, names)
    root.set("aria-label", f"Lengths. {label}")
    found = bins(before, after)
    most = max((max(b.before, b.after) for b in found), default=0) or 1
    _axes(root, most)
    step = (_WIDTH - _LEFT - 8) / max(1, len(found))
    base = _HEIGHT - _BOTTOM
    for at, one in enumerate(found):
        x = _LEFT + at * step
        for side, share in enumerate((one.before, one.after)):
            height = share / most * (base - _TOP)
            bar = Xml.SubElement(
                root,
                "rect",
                x=f"{x + step * (0.1 + 0.4 * side):.1f}",
                y=f"{base - height:.1f}",
                width=f"{step * 0.4:.1f}",
                height=f"{height:.1f}",
            )
            bar.set("class", ("before", "after")[side])
            words = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
            Xml.SubElement(bar, "title").text = f"{names[side]}, {words} words: {share:.1%}"
        if at % max(1, len(found) // 8) == 0:
            _text(root, x + step / 2, base + 16, str(one.first), "middle")
    _text(root, (_LEFT + _WIDTH) / 2, _HEIGHT - 8, "words", "middle")
    _legend(root, names)
    return Xml.tostring(root, encoding="unicode")


def _axes(root: Xml.Element, most: float) -> None:
    base = _HEIGHT - _BOTTOM
    for part in (0.0, 0.5, 1.0):
        y = base - part * (base - _TOP)
        line = Xml.SubElement(
            root, "line", x1=str(_LEFT), x2=str(_WIDTH - 8), y1=f"{y:.1f}", y2=f"{y:.1f}"
        )
        line.set("class", "axis" if not part else "grid")
        _text(root, _LEFT - 6, y + 4, f"{part * most:.0%}", "end")


def _legend(root: Xml.Element, names: tuple[str, str]) -> None:
    for side, name in enumerate(names):
        x = _LEFT + side * 190
        box = Xml.SubElement(root, "rect", x=str(x), y="6", width="12", height="12")
        box.set("class", ("before", "after")[side])
        _text(root, x + 18, 16, name, "start")


def _text(root: Xml.Element, x: float, y: float, text: str, anchor: str) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    Xml.SubElement(root, "text", place).text = text
