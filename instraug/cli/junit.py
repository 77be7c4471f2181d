"""Checks as JUnit XML, which CI systems show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.parsers import expat

from instraug.errors import UsageError, printable
from instraug.evaluation.verify import Check
from instraug.files.atomic import atomic_writer
from instraug.files.disk import open_regular
from instraug.files.lock import FOLDER_LOCK
from instraug.files.manifest import MANIFEST
from instraug.files.replacing import check_replaceable
from instraug.models.journal.replay import spare
from instraug.tasks.pool import INSTRUCTIONS, REJECTED, REPLIES

_TAKEN = (INSTRUCTIONS, REJECTED, REPLIES, MANIFEST, FOLDER_LOCK)


def check_junit(path: Path, *read: Path) -> None:
    """Refuse a path where anything but nothing, or an earlier JUnit file, stands.

    Args:
        path: The XML file.
        read: What the command reads: files, and folders of runs, whose own files may be empty.

    Raises:
        UsageError: something else does.
        StorageError: it cannot be read.
    """
    real = os.path.realpath(path)
    for given in map(os.path.realpath, read):
        if real == given or Path(real) in (Path(given, n) for n in _TAKEN):
            raise UsageError(f"{path}: is a file that is read; choose another path")
    if path.is_file():
        spare(path)
    check_replaceable(path, "JUnit file", _is_junit)


def _is_junit(path: Path) -> bool:
    """Whether a file parses as JUnit XML, which has no document type."""
    roots: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    parser.StartDoctypeDeclHandler = lambda *_: roots.append("!DOCTYPE")
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError:
        return False
    return roots[0] in ("testsuite", "testsuites")


def write_junit(path: Path, suite: str, checks: Sequence[Check]) -> None:
    """Write one test case a check; a failed one holds all its problems, one a line.

    Args:
        path: The XML file, which `check_junit` has passed.
        suite: The name of the test suite.
        checks: What was verified.

    Raises:
        StorageError: the file cannot be written.
    """
    failed = [c for c in checks if c.problems]
    counts = {"tests": len(checks), "failures": len(failed), "errors": 0, "skipped": 0}
    root = Element("testsuite", {"name": suite, **{k: str(n) for k, n in counts.items()}})
    for check in checks:
        case = SubElement(root, "testcase", classname=suite, name=printable(check.name))
        if check.problems:
            failure = SubElement(case, "failure", message=f"{len(check.problems)} problems")
            failure.text = "\n".join(map(str, check.problems))
    with atomic_writer(path) as file:
        file.write(tostring(root, encoding="utf-8", xml_declaration=True))
