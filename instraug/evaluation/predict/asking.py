"""Rows -> requests, and a note of each on the disk, by which its reply is found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from tempfile import TemporaryFile
from typing import BinaryIO

from instraug.evaluation.predict.config import PredictConfig
from instraug.evaluation.predict.job import Loaded
from instraug.evaluation.predict.rows import TestRow
from instraug.files.disk import refusals
from instraug.models.chat import Chat, Image, Message

ANSWER_TOKENS = 512
"""Tokens one answer may have unless the user or a thinking model asks for more."""


@dataclass(frozen=True, slots=True)
class RowRequest:
    """A row's chat."""

    where: str
    """``file:line`` of the row."""
    about: str
    """Its task and instance, for messages."""
    chat: Chat


def chat_of(config: PredictConfig, model: str, prompt: str, images: tuple[Image, ...]) -> Chat:
    """Return the chat of a prompt: the system message if there is one, then images and prompt."""
    system = (Message("system", config.system),) if config.system else ()
    return Chat(
        model=model,
        messages=(*system, Message("user", prompt, images)),
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.answer_tokens or ANSWER_TOKENS,
        seed=config.seed,
        sample=0,
    )


class Noted:
    """Which rows were asked, under which key and with which image: 72 bytes a row, on the disk."""

    _record = Struct("<Q32s32s")

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path

    def add(self, row: TestRow, chat: Chat) -> None:
        """Note the next row."""
        images = chat.messages[-1].images
        image = bytes.fromhex(images[0].sha256) if images else bytes(32)
        with refusals(self._path, "write"):
            self._file.write(self._record.pack(row.number, bytes.fromhex(chat.key), image))

    def __iter__(self) -> Iterator[tuple[int, str, str | None]]:
        """Yield (row's number, key, SHA-256 of its image) of every row, in order."""
        with refusals(self._path, "read"):
            self._file.seek(0)
            while record := self._file.read(self._record.size):
                number, key, image = self._record.unpack(record)
                yield number, key.hex(), image.hex() if any(image) else None


@contextmanager
def noting(out: Path) -> Iterator[Noted]:
    """Open an empty note, which is gone when the block ends; it never has a name."""
    with ExitStack() as held:
        with refusals(out, "write"):
            file = held.enter_context(TemporaryFile(dir=out))
        yield Noted(file, out)


def requests(
    config: PredictConfig, model: str, loaded: Loaded, noted: Noted | None = None
) -> Iterator[RowRequest]:
    """Yield the request of each row that can be asked, and note it where there is a note."""
    for row in loaded.rows:
        if row.number in loaded.checked.left_out:
            continue
        images = (loaded.pictures.image(row.image),) if row.image else ()
        chat = chat_of(config, model, row.fields["prompt"], images)
        if noted is not None:
            noted.add(row, chat)
        about = f"{row.fields['task_name']} {row.fields['unique_id']}"
        yield RowRequest(row.where, about, chat)
