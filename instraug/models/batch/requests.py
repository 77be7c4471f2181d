"""Chats -> request files: at most so many lines and bytes each, one kind of request in each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from instraug.files.disk import refusals
from instraug.models.batch.lines import Outline, Sent, request_line
from instraug.models.budget import Amount
from instraug.models.chat import Chat
from instraug.models.config import MOST_LINES
from instraug.models.endpoint.quirks import Quirks
from instraug.models.tokens import OVERHEAD, estimate

if TYPE_CHECKING:
    from typing_extensions import Self

MOST_BYTES = 200_000_000
"""Bytes that it takes in one file."""


@dataclass
class RequestFile:
    """A file that is written, and what is known of it."""

    path: Path
    model: str
    sent: Sent
    most: int
    keys: bytearray = field(default_factory=bytearray)
    """SHA-256 of each request, one after the other."""
    size: int = 0
    worst: Amount = field(default_factory=Amount)
    prompt: int = 0
    digest: str = ""
    """SHA-256 (hex) of its bytes, once it is closed."""

    def __len__(self) -> int:
        return len(self.keys) // 32

    @property
    def outline(self) -> Outline:
        """What every request of it has in common."""
        return Outline(self.model, self.sent, self.prompt // max(1, len(self)), self.most)


class RequestFiles:
    """Writes chats into as many files as they need; a context manager that finishes them.

    Args:
        folder: Takes the files; it exists.
        quirks: What the endpoint takes.
        worst: Returns what one request may cost.
        most_lines: Requests in one file at most.
        most_bytes: Bytes of one file at most.
    """

    def __init__(
        self,
        folder: Path,
        quirks: Quirks,
        worst: Callable[[Chat], Amount],
        most_lines: int = MOST_LINES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._folder, self._quirks, self._worst = folder, quirks, worst
        self._most_lines, self._most_bytes = most_lines, most_bytes
        self._open: dict[tuple[str, Sent, int], tuple[RequestFile, BinaryIO, hashlib._Hash]] = {}
        self.files: list[RequestFile] = []
        """In the order in which they were begun."""
        self.size = 0
        """Bytes of all of them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, chat: Chat) -> None:
        """Write one request.

        Raises:
            StorageError: the disk refused.
        """
        line, sent = request_line(chat, self._quirks)
        most = self._quirks.limit(chat.max_tokens) * chat.n
        file, out, digest = self._place((chat.model, sent, most), len(line))
        with refusals(file.path, "write"):
            out.write(line)
        digest.update(line)
        file.keys += bytes.fromhex(chat.key)
        file.size += len(line)
        self.size += len(line)
        file.worst += self._worst(chat)
        file.prompt += sum(estimate(m.content) + OVERHEAD for m in chat.messages)

    def close(self) -> None:
        """Finish the files."""
        for kind in list(self._open):
            self._close(kind)

    def _place(
        self, kind: tuple[str, Sent, int], size: int
    ) -> tuple[RequestFile, BinaryIO, hashlib._Hash]:
        if kind in self._open:
            file = self._open[kind][0]
            if len(file) >= self._most_lines or file.size + size > self._most_bytes:
                self._close(kind)
        if kind not in self._open:
            path = self._folder / f"requests-{len(self.files) + 1:05}.jsonl"
            file = RequestFile(path, *kind)
            with refusals(path, "write"):
                self._open[kind] = (file, path.open("wb"), hashlib.sha256())
            self.files.append(file)
        return self._open[kind]

    def _close(self, kind: tuple[str, Sent, int]) -> None:
        file, out, digest = self._open.pop(kind)
        with refusals(file.path, "write"):
            out.close()
        file.digest = digest.hexdigest()
