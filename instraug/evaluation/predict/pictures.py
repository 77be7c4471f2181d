"""The pictures of rows: found, checked, hashed, and made into data URLs when they are sent."""

from __future__ import annotations

import base64
import warnings
from functools import lru_cache, partial
from hashlib import sha256
from io import BytesIO
from os import SEEK_END
from pathlib import Path
from typing import Any

from instraug.errors import BadRow, InputError, Problem, StorageError, UsageError
from instraug.evaluation.predict.config import PredictConfig
from instraug.files.disk import refusals
from instraug.files.images import find_image, unreadable
from instraug.models.chat import Image

_STARTS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
"""First bytes of a file -> its kind, as a media type names it; WebP's are looked at apart."""

_HEAD = 16

_NO_IMAGE = "is no PNG, JPEG, GIF or WebP"

_OUT = "or leave the rows out: --skip-bad"


class Pictures:
    """The pictures below one folder, by the settings of a run."""

    def __init__(self, config: PredictConfig) -> None:
        """Take note of the settings.

        Raises:
            UsageError: images are to be resized, and Pillow is missing.
        """
        self._folder = Path(config.images) if config.images else None
        self._config = config
        if config.resize:
            _pillow()

    def check(self, path: str) -> None:
        """Look at a picture, without reading all of it unless it is to be resized.

        Raises:
            BadRow: it is missing, outside the folder, too large, or no image; ``kind`` is what
                is wrong in words that hold for all such rows.
            InputError: the folder itself is not there.
        """
        file, config = self._file(path), self._config
        try:
            with file.open("rb") as data:
                head, size = data.read(_HEAD), data.seek(0, SEEK_END)
        except OSError as error:
            raise _bad("an image cannot be read", unreadable(path, error).fix) from None
        if config.resize:
            _check_pixels(file, config.resize)
        elif _kind(head) is None:
            raise _bad(f"an image {_NO_IMAGE}", f"convert it, or give --resize N, {_OUT}")
        elif size > config.image_bytes:
            what = f"an image has more than {config.image_bytes} bytes"
            raise _bad(what, f"give --resize N, {_OUT}")

    def image(self, path: str) -> Image:
        """Return a picture that was checked, for a message.

        Raises:
            StorageError: it is not there any more.
        """
        config = self._config
        try:
            file = self._file(path)
        except BadRow as fault:
            raise StorageError(f"{path}: {fault.what}; {fault.fix}") from None
        state = _state(file)
        url = partial(_url, str(file), state, config.resize)
        return Image(_sha256(str(file), state), config.resize, url, config.image_tokens)

    def _file(self, path: str) -> Path:
        if self._folder is None:
            raise _bad("the row names an image", f"name the folder of images: --images DIR, {_OUT}")
        try:
            return find_image(self._folder, path)
        except BadRow as fault:
            if "outside" in fault.what:
                raise _bad(
                    f"an image lies outside {self._folder}", f"put it inside, {_OUT}"
                ) from None
            if not self._folder.is_dir():
                what = "is not a folder" if self._folder.exists() else "does not exist"
                fix = "give the folder that image paths start from: --images DIR"
                raise InputError([Problem(str(self._folder), what, fix)]) from None
            raise _bad(f"an image is not in {self._folder}", f"check --images, {_OUT}") from None


def _bad(what: str, fix: str) -> BadRow:
    return BadRow("image", what, fix)


def _kind(head: bytes) -> str | None:
    """Return the kind of an image that endpoints take, by its first bytes; None for others."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)


_State = tuple[int, int]
"""Size and time of change: a file of the same name that has others is another file."""


def _state(file: Path) -> _State:
    with refusals(file, "read"):
        found = file.stat()
    return found.st_size, found.st_mtime_ns


# Rows of one instance follow each other, under each of its instructions.


@lru_cache(maxsize=1024)
def _sha256(file: str, _state: _State) -> str:
    with refusals(Path(file), "read"):
        return sha256(Path(file).read_bytes()).hexdigest()


def _url(file: str, state: _State, side: int | None) -> str:
    data = resized(file, state, side) if side else b""
    if not data:
        with refusals(Path(file), "read"):
            data = Path(file).read_bytes()
    kind = _kind(data[:_HEAD])
    if kind is None:
        raise StorageError(f"{file}: {_NO_IMAGE} any more; run again")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


# ── resizing ─────────────────────────────────────────────────────────────────────────────────


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise UsageError("--resize needs Pillow; pip install '.[images]'") from None
    return PIL.Image


def _check_pixels(file: Path, side: int) -> None:
    """Decode an image as `resized` will.

    Raises:
        BadRow: it is no image, damaged, or of too many pixels.
    """
    pillow = _pillow()
    with warnings.catch_warnings():
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        try:
            with pillow.open(file) as image:
                image.draft("RGB", (2 * side, 2 * side))
                image.load()
        except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
            what = f"an image has more than {pillow.MAX_IMAGE_PIXELS} pixels"
            raise _bad(what, f"make it smaller, {_OUT}") from None
        except (OSError, ValueError, SyntaxError):
            raise _bad("a file is no image, or damaged", f"check it, {_OUT}") from None


@lru_cache(maxsize=16)
def resized(file: str, _state: _State, side: int) -> bytes:
    """Return an image with at most so many pixels a side; b"" where it is so as it is stored.

    It is turned as its EXIF data says, which does not outlive this; its proportions stay.
    """
    pillow = _pillow()
    from PIL import ImageOps

    with refusals(Path(file), "read"), pillow.open(file) as image:
        if max(image.size) <= side and _kind(Path(file).read_bytes()[:_HEAD]):
            return b""
        image.draft("RGB", (2 * side, 2 * side))
        turned = ImageOps.exif_transpose(image)
        turned.thumbnail((side, side), pillow.Resampling.LANCZOS)
        out = BytesIO()
        if image.format == "JPEG" and turned.mode in ("L", "RGB"):
            turned.save(out, "JPEG", quality=95)
        else:
            plain = turned.mode in ("1", "L", "LA", "RGB", "RGBA")
            (turned if plain else turned.convert("RGBA")).save(out, "PNG")
        return out.getvalue()
