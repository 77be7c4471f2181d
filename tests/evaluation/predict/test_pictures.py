"""Pictures are sent as they are stored, or made smaller on request, and checked before."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from instraug.errors import BadRow, InputError, UsageError
from instraug.evaluation.predict import pictures
from instraug.evaluation.predict.config import PredictConfig
from instraug.evaluation.predict.pictures import Pictures
from tests.evaluation.predict.asking import asked, lines, looking, made_set, picture, sha
from tests.fakeserver import FakeServer, running


def url(folder: Path, name: str, resize: int | None = None) -> str:
    made = Pictures(PredictConfig(images=str(folder), resize=resize))
    made.check(name)
    return made.image(name).url()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_goes_out_byte_by_byte_under_the_type_of_its_bytes(
    tmp_path: Path, form: str
) -> None:
    """Whatever its name: endpoints refuse a PNG that calls itself JPEG."""
    (tmp_path / "a.jpg").write_bytes(picture(1, form=form))
    assert url(tmp_path, "./a.jpg").startswith(f"data:image/{form.lower()};base64,")


@pytest.mark.parametrize(("size", "sent"), [((400, 100), (64, 16)), ((30, 64), (30, 64))])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP"])
def test_resizing_bounds_the_longest_side(
    tmp_path: Path, size: tuple[int, int], sent: tuple[int, int], form: str
) -> None:
    """Proportions stay; a small one goes out as it is stored, if endpoints take its kind."""
    rows = made_set(tmp_path, 1)
    stored = picture(5, size, form)
    (tmp_path / "images/0.jpg").write_bytes(stored)
    seen: list[tuple[str, list[bytes]]] = []
    with running(FakeServer(rule=looking(lambda _p, _i: "x", seen))) as server:
        asked(rows, tmp_path / "out", server.url, resize=64)
    data = seen[0][1][0]
    assert opened(data).size == sent
    assert opened(data).format == ("PNG" if form == "BMP" else form)
    assert (data == stored) is (size == sent and form != "BMP")
    assert {row["image_sha256"] for row in lines(tmp_path / "out")} == {sha(stored)}
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["images_sent"]["longest_side"] == 64
    assert manifest["images_sent"]["pillow"]


def test_a_turned_photo_is_upright_when_it_was_resized(tmp_path: Path) -> None:
    """Resizing drops the EXIF data, so what it says is done first."""
    image = Image.new("RGB", (200, 100), "white")
    exif = image.getexif()
    exif[0x0112] = 6  # turn by a quarter
    image.save(tmp_path / "a.jpg", exif=exif)
    pictures.resized.cache_clear()
    made = Pictures(PredictConfig(images=str(tmp_path), resize=50))
    file = made._file("a.jpg")
    data = pictures.resized(str(file), (0, 0), 50)
    assert opened(data).size == (25, 50)


def test_a_transparent_or_odd_picture_is_resized_without_loss_of_it(tmp_path: Path) -> None:
    """A palette with transparency becomes RGBA in a PNG."""
    image = Image.new("P", (100, 100))
    image.save(tmp_path / "a.gif", transparency=0)
    data = pictures.resized(str(tmp_path / "a.gif"), (1, 1), 50)
    assert (opened(data).mode, opened(data).size, opened(data).format) == ("RGBA", (50, 50), "PNG")


@pytest.mark.parametrize(
    "spoil", [b"", b"no picture", picture(1, (99, 99), "JPEG")[:700]], ids=["empty", "text", "cut"]
)
def test_what_cannot_be_resized_is_known_before_anything_is_sent(
    tmp_path: Path, spoil: bytes
) -> None:
    """Empty, text, or cut short: one line for all rows that name it."""
    rows = made_set(tmp_path, 1)
    (tmp_path / "images/0.jpg").write_bytes(spoil)
    with pytest.raises(InputError, match=r"is no image, or damaged \(5 times"):
        asked(rows, tmp_path / "out", "http://127.0.0.1:9/v1", resize=64)


def test_a_picture_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file can hold a picture that no memory can."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (tmp_path / "a.png").write_bytes(picture(1, (40, 40)))
    with pytest.raises(BadRow, match="more than 1000 pixels"):
        Pictures(PredictConfig(images=str(tmp_path), resize=64)).check("a.png")


def test_resizing_needs_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, one line says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(UsageError, match=r"\.\[images\]"):
        Pictures(PredictConfig(resize=64))


def test_a_link_out_of_the_folder_is_outside(tmp_path: Path) -> None:
    """The folder of images is all that is ever sent."""
    (tmp_path / "secret.png").write_bytes(picture(1))
    inside = tmp_path / "images"
    inside.mkdir()
    (inside / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(BadRow, match="outside"):
        Pictures(PredictConfig(images=str(inside))).check("a.png")
