"""Draw the example images; needs Pillow, and draws the same pixels every time.

Run ``python examples/make_images.py`` to write ``examples/images/*.png`` anew. Every scene is a
list of things with their boxes, so that a test can hold the example instances against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIZE = (320, 240)
"""Width and height of every image in pixels."""

Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels, from the top left corner."""

_SMOOTH = 3
"""Scenes are drawn this many times larger and averaged down, for smooth edges."""

Part = tuple[str, str, tuple[float, ...]]
"""Primitive, color ("" is the thing's own), and coordinates as shares of the thing's box."""

_WHEELS: tuple[Part, ...] = (
    ("ellipse", "#222222", (0.12, 0.62, 0.34, 1)),
    ("ellipse", "#222222", (0.66, 0.62, 0.88, 1)),
)
_POT: tuple[Part, ...] = (
    ("polygon", "", (0.2, 0.62, 0.8, 0.62, 0.72, 1, 0.28, 1)),
    ("ellipse", "#4a2f1b", (0.2, 0.56, 0.8, 0.68)),
)
_STALK: Part = ("rectangle", "#3c9d3c", (0.48, 0.3, 0.52, 0.62))

KINDS: dict[str, tuple[Part, ...]] = {
    "round": (("ellipse", "", (0, 0, 1, 1)),),
    "square": (("rectangle", "", (0, 0, 1, 1)),),
    "tree": (
        ("rectangle", "#7a4a21", (0.42, 0.55, 0.58, 1)),
        ("ellipse", "", (0, 0, 1, 0.68)),
    ),
    "bench": (
        ("rectangle", "", (0, 0, 1, 0.25)),
        ("rectangle", "", (0, 0.45, 1, 0.65)),
        ("rectangle", "", (0.1, 0.2, 0.16, 1)),
        ("rectangle", "", (0.84, 0.2, 0.9, 1)),
    ),
    "house": (
        ("rectangle", "", (0.06, 0.4, 0.94, 1)),
        ("polygon", "#a8442a", (0, 0.4, 0.5, 0, 1, 0.4)),
        ("rectangle", "#6fb7e9", (0.16, 0.5, 0.36, 0.7)),
        ("rectangle", "#6fb7e9", (0.64, 0.5, 0.84, 0.7)),
        ("rectangle", "#6b4423", (0.42, 0.62, 0.58, 1)),
    ),
    "car": (
        ("polygon", "", (0.2, 0.42, 0.32, 0, 0.7, 0, 0.84, 0.42)),
        ("rectangle", "", (0, 0.4, 1, 0.82)),
        ("rectangle", "#d8eefc", (0.36, 0.1, 0.66, 0.38)),
        *_WHEELS,
    ),
    "apple": (
        ("ellipse", "", (0, 0.2, 1, 1)),
        ("rectangle", "#5a3a1a", (0.46, 0, 0.56, 0.3)),
    ),
    "cup": (
        ("ellipse", "", (0.55, 0.2, 1, 0.75)),
        ("ellipse", "#e9dfc8", (0.65, 0.32, 0.9, 0.63)),
        ("rectangle", "", (0, 0, 0.75, 1)),
    ),
    "table": (
        ("rectangle", "", (0, 0, 1, 0.16)),
        ("rectangle", "", (0.06, 0.1, 0.14, 1)),
        ("rectangle", "", (0.86, 0.1, 0.94, 1)),
    ),
    "lamp": (
        ("rectangle", "#555555", (0.45, 0.4, 0.55, 0.94)),
        ("rectangle", "#555555", (0.2, 0.92, 0.8, 1)),
        ("polygon", "", (0.25, 0, 0.75, 0, 1, 0.5, 0, 0.5)),
    ),
    "cat": (
        ("ellipse", "", (0.3, 0.4, 1, 1)),
        ("polygon", "", (0.02, 0.3, 0.08, 0, 0.22, 0.2)),
        ("polygon", "", (0.28, 0.2, 0.42, 0, 0.48, 0.3)),
        ("ellipse", "", (0, 0.12, 0.5, 0.66)),
        ("ellipse", "#ffffff", (0.12, 0.28, 0.2, 0.4)),
        ("ellipse", "#ffffff", (0.3, 0.28, 0.38, 0.4)),
    ),
    "boat": (
        ("rectangle", "#7a4a21", (0.48, 0, 0.52, 0.75)),
        ("polygon", "", (0.54, 0.02, 0.95, 0.66, 0.54, 0.66)),
        ("polygon", "#7a4a21", (0, 0.72, 1, 0.72, 0.84, 1, 0.16, 1)),
    ),
    "balloon": (
        ("ellipse", "", (0, 0, 1, 0.66)),
        ("rectangle", "#555555", (0.48, 0.64, 0.52, 1)),
    ),
    "soil pot": _POT,
    "sprout pot": (
        *_POT,
        _STALK,
        ("ellipse", "#3c9d3c", (0.3, 0.3, 0.5, 0.4)),
        ("ellipse", "#3c9d3c", (0.5, 0.24, 0.7, 0.34)),
    ),
    "flower pot": (
        *_POT,
        _STALK,
        ("ellipse", "#f06ba8", (0.34, 0.0, 0.66, 0.34)),
        ("ellipse", "#ffd23f", (0.43, 0.1, 0.57, 0.24)),
    ),
    "parasol": (
        ("rectangle", "#7a4a21", (0.48, 0.3, 0.52, 1)),
        ("chord", "", (0, 0, 1, 0.8)),
    ),
    "cloud": (
        ("ellipse", "", (0, 0.3, 0.5, 1)),
        ("ellipse", "", (0.2, 0, 0.75, 0.9)),
        ("ellipse", "", (0.5, 0.3, 1, 1)),
    ),
    "rain": tuple(
        ("polygon", "", (x, y, x + 0.012, y, x, y + 0.08))
        for y in (0.0, 0.22, 0.44, 0.66, 0.88)
        for x in (0.02, 0.14, 0.26, 0.38, 0.5, 0.62, 0.74, 0.86, 0.98)
    ),
    "snowman": (
        ("ellipse", "", (0, 0.45, 1, 1)),
        ("ellipse", "", (0.2, 0.12, 0.8, 0.52)),
        ("rectangle", "#222222", (0.3, 0, 0.7, 0.16)),
        ("ellipse", "#222222", (0.38, 0.24, 0.46, 0.29)),
        ("ellipse", "#222222", (0.54, 0.24, 0.62, 0.29)),
        ("polygon", "#f28c28", (0.5, 0.3, 0.72, 0.34, 0.5, 0.37)),
    ),
    "cake": (
        ("rectangle", "", (0, 0.4, 1, 1)),
        ("rectangle", "#fff4e0", (0, 0.4, 1, 0.55)),
        *(
            part
            for x in (0.2, 0.47, 0.74)
            for part in (
                ("rectangle", "#4f86c6", (x, 0.14, x + 0.06, 0.4)),
                ("ellipse", "#ffb000", (x, 0, x + 0.06, 0.14)),
            )
        ),
    ),
    "present": (
        ("rectangle", "", (0, 0.2, 1, 1)),
        ("rectangle", "#ffd23f", (0.43, 0.2, 0.57, 1)),
        ("ellipse", "#ffd23f", (0.28, 0, 0.5, 0.22)),
        ("ellipse", "#ffd23f", (0.5, 0, 0.72, 0.22)),
    ),
}
"""What each kind of thing is drawn with."""


@dataclass(frozen=True)
class Thing:
    """Something in a scene: its name, how it is drawn, its color and its box."""

    name: str
    kind: str
    color: str
    box: Box


def _backdrop(above: str, below: str, horizon: int) -> tuple[Thing, ...]:
    return (
        Thing("background", "square", above, (0, 0, SIZE[0], horizon)),
        Thing("ground", "square", below, (0, horizon, *SIZE)),
    )


_OUTDOORS = _backdrop("#bfe3f7", "#8fcf6b", 150)
_INDOORS = _backdrop("#f3e7d3", "#c9a27a", 190)
_SILL = _backdrop("#dceefb", "#e8e1d5", 200)

SCENES: dict[str, tuple[Thing, ...]] = {
    "park": (
        *_OUTDOORS,
        Thing("the sun", "round", "#ffd23f", (250, 15, 295, 60)),
        Thing("the tree", "tree", "#2f8f3a", (20, 40, 110, 190)),
        Thing("the blue bench", "bench", "#2a5fb8", (135, 130, 225, 185)),
        Thing("the red ball", "round", "#d92b2b", (250, 175, 290, 215)),
    ),
    "street": (
        *_backdrop("#bfe3f7", "#8a8a8a", 170),
        Thing("the house", "house", "#f7f3e6", (20, 30, 160, 170)),
        Thing("the tree", "tree", "#2f8f3a", (240, 50, 310, 172)),
        Thing("the blue car", "car", "#2a5fb8", (130, 160, 250, 220)),
    ),
    "kitchen": (
        *_backdrop("#f3e7d3", "#d9c7ad", 215),
        Thing("the table", "table", "#9b6a3c", (20, 140, 300, 235)),
        Thing("the green book", "square", "#2f8f3a", (40, 124, 110, 140)),
        Thing("the red cup", "cup", "#d92b2b", (55, 88, 95, 124)),
        Thing("an apple", "apple", "#c4302b", (150, 112, 178, 140)),
        Thing("an apple", "apple", "#c4302b", (195, 112, 223, 140)),
        Thing("an apple", "apple", "#c4302b", (240, 112, 268, 140)),
    ),
    "room": (
        *_INDOORS,
        Thing("the picture frame", "square", "#6b4423", (30, 25, 100, 75)),
        Thing("the picture", "square", "#9fd0e8", (36, 31, 94, 69)),
        Thing("the table", "table", "#9b6a3c", (90, 120, 290, 215)),
        Thing("the yellow lamp", "lamp", "#f2c230", (200, 55, 250, 121)),
        Thing("the black cat", "cat", "#1c1c1c", (145, 165, 225, 218)),
    ),
    "lake": (
        *_backdrop("#d7eefc", "#3f8fc4", 150),
        Thing("the boat", "boat", "#f28c28", (60, 70, 160, 180)),
        Thing("a balloon", "balloon", "#d92b2b", (190, 20, 215, 70)),
        Thing("a balloon", "balloon", "#7b3fb5", (220, 50, 245, 100)),
        Thing("a balloon", "balloon", "#2f8f3a", (250, 20, 275, 70)),
        Thing("a balloon", "balloon", "#ffd23f", (280, 50, 305, 100)),
    ),
    "pot_soil": (*_SILL, Thing("the pot", "soil pot", "#c8643c", (90, 20, 230, 220))),
    "pot_sprout": (*_SILL, Thing("the pot", "sprout pot", "#c8643c", (90, 20, 230, 220))),
    "pot_flower": (*_SILL, Thing("the pot", "flower pot", "#c8643c", (90, 20, 230, 220))),
    "beach": (
        *_backdrop("#a9dcf5", "#f0dca0", 140),
        Thing("the parasol", "parasol", "#d92b2b", (150, 50, 270, 200)),
        Thing("the ball", "round", "#2a5fb8", (50, 165, 95, 210)),
    ),
    "rain": (
        *_backdrop("#a7b3bd", "#7d8a6a", 170),
        Thing("the house", "house", "#e8dcc0", (190, 70, 300, 185)),
        Thing("the cloud", "cloud", "#5c6670", (30, 10, 180, 75)),
        Thing("the rain", "rain", "#2a5fb8", (10, 80, 310, 235)),
    ),
    "snow": (
        *_backdrop("#cfe8f7", "#f4f8fb", 160),
        Thing("the sun", "round", "#ffd23f", (255, 12, 303, 60)),
        Thing("the snowman", "snowman", "#ffffff", (50, 75, 130, 215)),
        Thing("the tree", "tree", "#2f6f45", (190, 60, 260, 200)),
    ),
    "party": (
        *_INDOORS,
        Thing("the table", "table", "#9b6a3c", (30, 150, 290, 235)),
        Thing("the cake", "cake", "#e58fb1", (70, 75, 170, 150)),
        Thing("the present", "present", "#4f86c6", (205, 95, 265, 150)),
    ),
}
"""Scene name -> its things, back to front."""

FLAWED = {"park_dark": "park", "street_blurred": "street", "room_upside_down": "room"}
"""Image with a flaw -> the scene it shows."""


def draw(scene: str) -> Image.Image:
    """Draw a scene of `SCENES`, or a flawed image of `FLAWED`, as RGB of `SIZE`."""
    if scene in FLAWED:
        return _spoil(scene, draw(FLAWED[scene]))
    canvas = Image.new("RGB", (SIZE[0] * _SMOOTH, SIZE[1] * _SMOOTH))
    pen = ImageDraw.Draw(canvas)
    for thing in SCENES[scene]:
        _place(pen, thing)
    return canvas.reduce(_SMOOTH)


def _place(pen: ImageDraw.ImageDraw, thing: Thing) -> None:
    x1, y1, x2, y2 = (c * _SMOOTH for c in thing.box)
    for primitive, color, shares in KINDS[thing.kind]:
        at = [
            round(y1 + s * (y2 - y1)) if i % 2 else round(x1 + s * (x2 - x1))
            for i, s in enumerate(shares)
        ]
        fill = color or thing.color
        if primitive == "chord":
            pen.chord(at, 180, 360, fill=fill)
        elif primitive == "polygon":
            pen.polygon(at, fill=fill)
        elif primitive == "ellipse":
            pen.ellipse(at, fill=fill)
        else:
            pen.rectangle(at, fill=fill)


def _spoil(name: str, image: Image.Image) -> Image.Image:
    if name.endswith("dark"):
        return ImageEnhance.Brightness(image).enhance(0.15)
    if name.endswith("blurred"):
        return image.filter(ImageFilter.GaussianBlur(7))
    return image.transpose(Image.Transpose.ROTATE_180)


def images() -> Iterator[tuple[str, Image.Image]]:
    """Yield the file name and the palette image of every example."""
    for scene in (*SCENES, *FLAWED):
        # 128 colors are plenty for flat shapes, and keep a file within a few kilobytes.
        yield f"{scene}.png", draw(scene).quantize(128, dither=Image.Dither.NONE)


def main() -> None:
    """Write every image into the folder ``images`` beside this file."""
    folder = Path(__file__).parent / "images"
    folder.mkdir(exist_ok=True)
    for name, image in images():
        image.save(folder / name, optimize=True)


if __name__ == "__main__":
    main()
