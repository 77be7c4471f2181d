"""Checks as JUnit XML, which CI systems show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from instraug.errors import printable
from instraug.evaluation.verify import Check
from instraug.files.atomic import atomic_writer
from instraug.models.journal.replay import spare


def write_junit(path: Path, suite: str, checks: Sequence[Check]) -> None:
    """Write one test case a check; a failed one holds all its problems, one a line.

    Args:
        path: The XML file.
        suite: The name of the test suite.
        checks: What was verified.

    Raises:
        UsageError: the file is a journal of replies.
        StorageError: the file cannot be written.
    """
    spare(path)
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
