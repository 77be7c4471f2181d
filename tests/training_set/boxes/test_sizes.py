"""Sizes of pictures: from the header alone, once a picture, as the reader of the model sees it."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from instraug.errors import BadRow
from instraug.training_set.boxes import sizes
from instraug.training_set.boxes.sizes import Sizes, measure, stated
from tests.sets import FIND, Row, built, find_row, rows_of

TASK = FIND | {"instructions": ["{text}"]}
SUFFIXES = ("jpg", "png", "webp", "tif", "gif", "bmp")


def picture(path: Path, orientation: int | None = None, size: tuple[int, int] = (400, 300)) -> Path:
    """Write a picture, with an EXIF orientation or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
        Image.new("RGB", size).save(path, exif=exif)
    else:
        Image.new("RGB", size).save(path)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_picture_is_measured(tmp_path: Path, suffix: str) -> None:
    """Width, then height."""
    file = picture(tmp_path / f"a.{suffix}")
    assert measure(file, turns=True) == ((400, 300), False)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_those_of_the_reader(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Turned as by Pillow's exif_transpose, which transformers and datasets call; or stored."""
    file = picture(tmp_path / f"a.{suffix}", orientation)
    with Image.open(file) as image:
        turned = ImageOps.exif_transpose(image).size
    assert measure(file, turns=True) == (turned, orientation != 1)
    assert measure(file, turns=False) == ((400, 300), orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_for_every_reader(tmp_path: Path, orientation: int) -> None:
    """Pillow turns it as it opens it, so that there is nothing to report."""
    file = picture(tmp_path / "a.tif", orientation)
    with Image.open(file) as image:
        turned = ImageOps.exif_transpose(image).size
    assert measure(file, turns=True) == measure(file, turns=False) == (turned, False)


def test_only_the_header_is_read(tmp_path: Path) -> None:
    """A picture of which nothing but the beginning is there has a size all the same."""
    file = picture(tmp_path / "a.png", size=(3000, 2000))
    file.write_bytes(file.read_bytes()[:64])
    assert measure(file, turns=True) == ((3000, 2000), False)


def test_a_large_picture_is_measured_without_a_warning(tmp_path: Path) -> None:
    """Its header says 10000x10000; nothing is decoded, so there is nothing to warn of."""
    file = picture(tmp_path / "a.png")
    content = file.read_bytes()
    header = b"IHDR" + struct.pack(">II", 10_000, 10_000) + content[24:29]
    file.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    assert measure(file, turns=True) == ((10_000, 10_000), False)


def test_a_picture_is_measured_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By path and time of change, for which each file is looked at once a second."""
    file = picture(tmp_path / "a.jpg")
    measured: list[Path] = []
    real = sizes.measure

    def counted(path: Path, *, turns: bool) -> object:
        measured.append(path)
        return real(path, turns=turns)

    monkeypatch.setattr(sizes, "measure", counted)
    monkeypatch.setattr(sizes, "EVERY", 0.0)
    known = Sizes(tmp_path, turns=False)
    for _ in range(3):
        known.begin()
        assert known.of({"image_path": "./a.jpg"}) == ((400, 300), False)
    picture(file, size=(40, 30))
    os.utime(file, ns=(1, 1))
    known.begin()
    assert known.of({"image_path": "./a.jpg"}) == ((40, 30), False)
    assert len(measured) == 2


def test_what_a_row_states_goes_before_the_file(tmp_path: Path) -> None:
    """The file need not even be there."""
    known = Sizes(tmp_path, turns=False)
    assert known.of({"image_path": "no.jpg", "image_size": [5, 6]}) == ((5, 6), False)
    assert known.of({"image_path": "no.jpg", "width": 5, "height": 6.5}) == ((5, 6.5), False)
    with pytest.raises(BadRow, match="there is no image"):
        known.of({"image_path": "no.jpg", "width": 5, "height": True})


def test_turned_pictures_are_counted_and_boxes_are_those_of_the_reader(tmp_path: Path) -> None:
    """Qwen's trainer turns pictures, LLaMA-Factory does not; either way it is reported."""
    picture(tmp_path / "images" / "0.jpg", 6, (640, 480))
    row = find_row(0, region=["0 0 240 320"], target_txt="0 0 240 320", options=None)
    given: Row = {"images": str(tmp_path), "boxes": "qwen2-vl", "tasks": [TASK]}
    (turned,) = rows_of(tmp_path, [row], profile="qwen2-vl", format="multiinstruct", **given)
    assert turned["target"] == "<|box_start|>(0,0),(500,500)<|box_end|>"
    profile = "qwen2-vl:llama-factory"
    (stored,) = rows_of(tmp_path, [row], profile=profile, format="multiinstruct", **given)
    assert stored["target"] == "<|box_start|>(0,0),(375,667)<|box_end|>"
    summary = built(tmp_path, [row], force=True, **given)
    assert summary.figures()["boxes"] == {"turned_pictures": {"find": 1}}
    (remark,) = [r for r in summary.remarks() if "EXIF" in r]
    assert remark.startswith(f"{tmp_path}/rows.jsonl:1: 1 rows (find 1): ")


@pytest.mark.parametrize(
    "fields",
    [
        {"width": "640", "height": "480"},
        {"width": " 640.0", "height": 480},
        {"image_size": "[640, 480]"},
        {"image_size": "640x480"},
        {"image_size": ["640", "480"]},
        {"image_size": "(640, 480)"},
        {"image_size": "large", "width": 640, "height": "480"},
    ],
    ids=str,
)
def test_sizes_are_read_as_text_too(fields: Row) -> None:
    """As cells of CSV have them."""
    assert stated(dict(fields)) == (640, 480)


@pytest.mark.parametrize("size", ["", "640", "640x", "x480", "0x5", "-1x5", "ax5", "nan,5", 5, {}])
def test_what_is_no_size_is_none(size: Any) -> None:
    """Then the picture is looked at."""
    assert stated({"image_size": size}) is None
