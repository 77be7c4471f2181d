"""The files of a report: the page, and the figures for papers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from instraug.errors import UsageError
from instraug.evaluation.report.contents import Contents
from instraug.evaluation.report.page import MARK, page
from instraug.files.atomic import atomic_writer
from instraug.files.disk import refusals
from instraug.files.replacing import check_replaceable


def check_page(path: Path, read: Iterable[Path]) -> None:
    """Refuse a path where anything but nothing, or an earlier page, stands.

    Raises:
        UsageError: something else does, or the path is one that is read.
        StorageError: it cannot be looked at.
    """
    if os.path.realpath(path) in map(os.path.realpath, read):
        raise UsageError(f"{path}: is what the report is about; choose another path")
    check_replaceable(path, "page of `instraug report`", lambda p: MARK.encode() in _start(p))


def write_page(path: Path, contents: Contents) -> None:
    """Write the page.

    Raises:
        ImportError: the extra is not there.
        StorageError: the file cannot be written.
    """
    html = page(contents).encode("utf-8", "backslashreplace")
    with atomic_writer(path) as file:
        file.write(html)


def check_plots(folder: Path) -> None:
    """Refuse a folder of figures that is a file, or that holds other files under their names.

    Raises:
        UsageError: it does.
        StorageError: it cannot be looked at.
    """
    from instraug.evaluation.report.plots import MADE, NAMES

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is not a folder; choose another path")
    for name in NAMES:
        for suffix in (".svg", ".png"):
            path = folder / f"{name}{suffix}"
            check_replaceable(path, "figure of `instraug report`", lambda p: MADE in _start(p))


def write_plots(folder: Path, contents: Contents) -> Iterator[str]:
    """Draw each figure for which there are data; yield a line for each that lacks them.

    Raises:
        ImportError: the extra is not there.
        StorageError: a file cannot be written.
    """
    from instraug.evaluation.report.plots import drawn, lacking

    with refusals(folder, "make"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in drawn(contents):
        with atomic_writer(folder / name) as file:
            file.write(content)
    yield from lacking(contents)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
