"""Text files that may be edited by hand: one that was is never replaced.

A stamp is a comment at the end, in Markdown and XML alike, with a checksum of what stands before.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from instraug.files.atomic import atomic_writer
from instraug.files.disk import open_regular, refusals

_MOST = 1 << 26
"""Bytes of a file that is looked at; a larger one is not ours."""


def may_write(path: Path) -> bool:
    """Return whether there is nothing at a path, or a file as it was written with its stamp.

    Raises:
        StorageError: it cannot be looked at.
    """
    with refusals(path, "read"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return True
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST:
            return False
        with os.fdopen(open_regular(path), "rb") as file:
            content = file.read()
    text, _, _ = content.rpartition(b"<!--")
    return not content or content == text + _stamp(text)


def write_stamped(path: Path, text: str) -> bool:
    """Write a text with its stamp, unless something else stands there; return whether it did.

    Raises:
        StorageError: the file cannot be written.
    """
    if not may_write(path):
        return False
    content = text.encode("utf-8", "backslashreplace")
    with atomic_writer(path) as file:
        file.write(content + _stamp(content))
    return True


def _stamp(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"<!-- made by instraug, checksum {digest} -->\n".encode()
