"""Charts of the page as SVG elements; their colours are the page's."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from instraug.errors import printable

Point = tuple[float, float, str]
"""x, y, and what it is."""

_NAMED = 20
"""Most points that bear their names."""

_W, _H, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 300, 76, 44, 12, 16


def strip(means: Sequence[float], low: float, high: float, label: str) -> str:
    """Draw a dot for each mean on one line, and a mark at their mean.

    Args:
        means: What to draw; not empty.
        low: The value at the left end.
        high: The value at the right end.
        label: For those who do not see it.
    """
    root = _svg(240, 24, label)
    span = (high - low) or 1

    def at(value: float) -> str:
        return f"{8 + 224 * (value - low) / span:.1f}"

    _line(root, "axis", at(low), "12", at(high), "12")
    for value in means:
        dot = Xml.SubElement(root, "circle", cx=at(value), cy="12", r="4.5")
        dot.set("class", "dot")
        Xml.SubElement(dot, "title").text = f"{value:.3f}"
    middle = at(sum(means) / len(means))
    _line(root, "mean", middle, "3", middle, "21")
    return Xml.tostring(root, encoding="unicode")


def bar(share: float) -> str:
    """Draw a share (0 to 1) as a bar; the figure beside it says the same."""
    root = Xml.Element("svg", {"viewBox": "0 0 100 10", "aria-hidden": "true", "class": "bar"})
    for name, width in (("track", 1.0), ("fill", min(1.0, max(0.0, share)))):
        rect = Xml.SubElement(root, "rect", width=f"{100 * width:.1f}", height="10", rx="2")
        rect.set("class", name)
    return Xml.tostring(root, encoding="unicode")


def scatter(points: Sequence[Point], x: str, y: str, joined: bool = False) -> str:
    """Draw points on two axes.

    Args:
        points: At least one.
        x: What the horizontal axis is.
        y: What the vertical axis is.
        joined: Draw a line through them, in their order.
    """
    listed = "; ".join(f"{printable(name)}: {px:.3g}, {py:.3g}" for px, py, name in points[:40])
    root = _svg(_W, _H, f"{y} against {x}. {listed}")
    across, up = _scale([p[0] for p in points]), _scale([p[1] for p in points])

    def place(px: float, py: float) -> tuple[float, float]:
        right = (px - across[0]) / (across[-1] - across[0])
        height = (py - up[0]) / (up[-1] - up[0])
        return _LEFT + right * (_W - _LEFT - _RIGHT), _H - _BOTTOM - height * (_H - _BOTTOM - _TOP)

    for tick in across:
        at = place(tick, up[0])
        _line(root, "grid", f"{at[0]:.1f}", str(_TOP), f"{at[0]:.1f}", f"{at[1]:.1f}")
        _text(root, at[0], at[1] + 16, f"{tick:g}", "middle")
    for tick in up:
        at = place(across[0], tick)
        _line(root, "grid", f"{at[0]:.1f}", f"{at[1]:.1f}", str(_W - _RIGHT), f"{at[1]:.1f}")
        _text(root, at[0] - 6, at[1] + 4, f"{tick:g}", "end")
    _text(root, (_LEFT + _W - _RIGHT) / 2, _H - 8, x, "middle")
    upright = _text(root, 0, 0, y, "middle")
    upright.set("transform", f"translate(14 {(_TOP + _H - _BOTTOM) / 2:.0f}) rotate(-90)")
    spots = [place(px, py) for px, py, _ in points]
    if joined:
        line = Xml.SubElement(
            root, "polyline", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in spots)
        )
        line.set("class", "line")
    for (a, b), (px, py, name) in zip(spots, points, strict=True):
        if not joined and len(points) <= _NAMED:
            left = a < 0.75 * _W
            side = "start" if left else "end"
            text = _text(root, a + (8 if left else -8), b - 6, printable(name), side)
            text.set("class", "name")
        dot = Xml.SubElement(root, "circle", cx=f"{a:.1f}", cy=f"{b:.1f}", r="5")
        dot.set("class", "dot")
        Xml.SubElement(dot, "title").text = f"{printable(name)}: {px:.3g}, {py:.3g}"
    return Xml.tostring(root, encoding="unicode")


def _scale(values: Sequence[float]) -> list[float]:
    """Return round ticks, four to seven of them, around all values."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = next(
        s * 10.0**power
        for power in range(-9, 20)
        for s in (1, 2, 5)
        if (high - low) / (s * 10.0**power) <= 5
    )
    first, last = int(low // step), int(-(-high // step))
    return [round(i * step, 10) for i in range(first, last + 1)]


def _svg(width: int, height: int, label: str) -> Xml.Element:
    box = f"0 0 {width} {height}"
    return Xml.Element("svg", {"viewBox": box, "role": "img", "aria-label": printable(label)})


def _line(root: Xml.Element, kind: str, x1: str, y1: str, x2: str, y2: str) -> None:
    Xml.SubElement(root, "line", {"class": kind, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def _text(root: Xml.Element, x: float, y: float, text: str, anchor: str) -> Xml.Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    element = Xml.SubElement(root, "text", place)
    element.text = text
    return element
