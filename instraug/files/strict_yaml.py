"""YAML, strictly: line numbers kept, nothing coerced, nothing expanded, every problem at once.

The subset is what a person means to write: mappings with text keys, lists, text, decimal numbers,
``true``, ``false`` and ``null``. What YAML 1.1 would silently turn into something else (``no``,
``010``, a date) or cut off (``the # of``) is a problem whose fix says to quote it; anchors,
aliases, tags, duplicate keys, deep nesting and large files are refused before they can cost
anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.resolver import Resolver

from instraug.errors import Problem

MAX_BYTES = 1 << 20

MAX_DEPTH = 20

MAX_VALUES = 50_000

Where = tuple[str | int, ...]
"""The way to a value from the root of a document: keys and list positions (from 0)."""


class _Refused:
    """Stands where a value was refused and reported, so that it is not reported again."""


REFUSED: Final = _Refused()


@dataclass(frozen=True)
class Document:
    """One YAML file: its data, the line of everything in it, and what is wrong with it."""

    name: str
    """The file as messages show it."""
    data: Any
    """dict, list, str, int, float, bool or None; `REFUSED` wherever a problem says why."""
    lines: dict[Where, int]
    """Line (from 1) of each mapping key and each list item."""
    problems: tuple[Problem, ...]

    def place(self, where: Where = ()) -> str:
        """Return ``file:line`` of a value, or of the nearest one around it that has a line."""
        while where and where not in self.lines:
            where = where[:-1]
        return f"{self.name}:{self.lines.get(where, 1)}"


def read(path: Path) -> Document:
    """Read a YAML file; its problems are in the document."""
    name = str(path)
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "does not exist"
            return _unreadable(name, what, "give the path of a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(name, f"cannot be read: {error.strerror}", "check its permissions")
    return parse(content, name)


def parse(content: bytes, name: str) -> Document:
    """Parse the bytes of one YAML document; see `read`."""
    if len(content) > MAX_BYTES:
        return _unreadable(name, f"holds more than {MAX_BYTES:,} bytes", "split the file")
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} (0x{content[error.start]:02x}) is not UTF-8"
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(f"{name}:{line}", what, "save the file as UTF-8")
    if match := _UNPRINTABLE.search(text) or _LONE_CR.search(text):
        what = f"U+{ord(match[0]):04X} is not printable text"
        line = text.count("\n", 0, match.start()) + 1
        return _unreadable(f"{name}:{line}", what, "remove it; end lines with \\n or \\r\\n")
    return _DocumentBuilder(name).build(text)


def position(problem: Problem) -> int:
    """Return the line (from 1) that a problem of one file names, 0 where it names none."""
    line = problem.where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _unreadable(place: str, what: str, fix: str) -> Document:
    return Document(place, REFUSED, {}, (Problem(place, what, fix),))


# ── from events to data ──────────────────────────────────────────────────────────────────────

# All of C0, C1 and DEL but tab and line ends, surrogates and the non-characters.
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# YAML takes a lone carriage return for a line end, editors that count lines do not.
_LONE_CR = re.compile(r"\r(?!\n)")

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Stop(Exception):
    """The rest of the document cannot be trusted; the problem is already noted."""


class _DocumentBuilder:
    """Builds the data of one document from PyYAML's events, which construct nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Where, int] = {}
        self.problems: list[Problem] = []
        self.count = self.depth = 0
        self.events: Iterator[Any] = iter(())
        self.separators: dict[int, str] = {}
        self.rows: list[str] = []

    def build(self, text: str) -> Document:
        self.rows = text.split("\n")
        self.separators = _stand_ins(text)
        shielded = text.translate({ord(v): k for k, v in self.separators.items()})
        self.events = iter(yaml.parse(shielded, Loader=_PARSER))
        data: Any = REFUSED
        try:
            data = self.document()
        except _Stop:
            pass
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or "unreadable"
            fix = "check the indentation; quote text that holds ': ' or ' #' or starts with a brace"
            # The parser puts the end of the file on a line of its own.
            last = text.rstrip().count("\n")
            line = min(mark.line, last) + 1 if mark else 1
            row = self.rows[line - 1] if line <= len(self.rows) else ""
            if "\t" in row[: len(row) - len(row.lstrip())]:
                what, fix = "a tab in the indentation", "indent with spaces"
            self.problem(line, f"broken YAML: {what}", fix)
        return Document(self.name, data, self.lines, tuple(self.problems))

    def problem(self, line: int, what: str, fix: str) -> _Refused:
        self.problems.append(Problem(f"{self.name}:{line}", what, fix))
        return REFUSED

    def document(self) -> Any:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return self.problem(1, "the file is empty", "write its settings, or remove it")
        data = self.value(next(self.events), ())
        next(self.events)
        if not isinstance(after := next(self.events), yaml.StreamEndEvent):
            line = after.start_mark.line + 1
            self.problem(line, "a second document begins", "put it in a file of its own")
        return data

    def value(self, event: Any, where: Where) -> Any:
        line = event.start_mark.line + 1
        self.lines.setdefault(where, line)
        self.count += 1
        if self.count > MAX_VALUES:
            self.problem(line, f"more than {MAX_VALUES:,} values", "split the file")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            return self.problem(line, f"the alias *{event.anchor}", "write the value out")
        if event.anchor:
            self.problem(line, f"the anchor &{event.anchor}", "remove it, or quote the text")
        if isinstance(event, yaml.ScalarEvent):
            data = self.scalar(event, line)
        else:
            data = self.collection(event, where, line)
        if event.tag:
            return self.problem(line, f"the tag {event.tag}", "remove it, or quote the text")
        return data

    def collection(self, event: Any, where: Where, line: int) -> Any:
        if self.depth >= MAX_DEPTH:
            self.problem(line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            raise _Stop
        self.depth += 1
        data = (self.items if isinstance(event, yaml.SequenceStartEvent) else self.keys)(where)
        self.depth -= 1
        return data

    def items(self, where: Where) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            data.append(self.value(event, (*where, len(data))))
        return data

    def keys(self, where: Where) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = event.value if _is_word(event) else self.value(event, where)
            if isinstance(key, str):
                inner = (*where, key)
                first = self.lines.setdefault(inner, line)
                value = self.value(next(self.events), inner)
                if key in data:
                    what = f"the key {_clip(key)} is given twice, first on line {first}"
                    self.problem(line, what, "keep one")
                data.setdefault(key, value)
                continue
            if key is not REFUSED:
                self.problem(line, f"the key {_clip(key)} is not text", "put it in quotes")
            self.value(next(self.events), where)
        return data

    def scalar(self, event: Any, line: int) -> Any:
        value: str = event.value
        if self.separators:
            value = value.translate(self.separators)
        if not event.implicit[0]:
            if match := _UNPRINTABLE.search(value):
                what = f"an escape stands for U+{ord(match[0]):04X}, which is not printable text"
                return self.problem(line, what, "remove it")
            return value
        typed = _typed(value)
        if typed is REFUSED:
            fix = "put text in quotes; write a number in decimal, a boolean as true or false"
            what = f"unquoted {_clip(value)} does not mean the same to every reader of YAML"
            return self.problem(line, what, fix)
        if isinstance(typed, str) and self.is_cut(event.end_mark):
            what = f"a # behind one space cuts the unquoted text off after {_clip(value)}"
            fix = "put the text in quotes, or two spaces before the # if a comment is meant"
            return self.problem(event.end_mark.line + 1, what, fix)
        return typed

    def is_cut(self, end: Any) -> bool:
        """True where one space and a ``#`` follow, which may well have been meant as text."""
        return self.rows[end.line][end.column : end.column + 2] in (" #", "\t#")


def _is_word(event: Any) -> bool:
    """True for an unquoted word, which is text where a key stands: a boolean is not meant."""
    plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not event.anchor
    return bool(plain and event.value.isalpha())


def _clip(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _stand_ins(text: str) -> dict[int, str]:
    """Map two characters that the text lacks to U+2028 and U+2029, if it holds either.

    YAML 1.1 would take them for line ends and fold the spaces around them away; YAML 1.2 and
    everybody else takes them for what they are, characters of a text.
    """
    if "\u2028" not in text and "\u2029" not in text:
        return {}
    present = set(text)
    free = (i for i in range(0x10FFFD, 0x10000, -1) if chr(i) not in present)
    return {next(free): "\u2028", next(free): "\u2029"}


_NULLS = frozenset(["", "~", "null", "Null", "NULL"])

_BOOLEANS = dict.fromkeys(["true", "True", "TRUE"], True) | dict.fromkeys(
    ["false", "False", "FALSE"], False
)

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")

_FLOAT = re.compile(
    r"[-+]?([0-9]{1,40}\.[0-9]{0,40}|\.[0-9]{1,40}|[1-9][0-9]{0,40}(?=[eE]))([eE][-+]?[0-9]{1,3})?"
)

# Numbers to YAML 1.2 or to a reader, though not to PyYAML.
_NUMERAL = re.compile(r"[-+]?[0-9]+|0o[0-7]+|[-+]?[0-9.]+[eE][-+]?[0-9]+")

_RESOLVER: Any = Resolver()

_TEXT_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "value", "merge")}


def _typed(plain: str) -> Any:
    """Return what an unquoted scalar stands for; `REFUSED` where readers of YAML disagree."""
    if plain in _NULLS:
        return None
    if plain in _BOOLEANS:
        return _BOOLEANS[plain]
    if _INTEGER.fullmatch(plain) and (whole := int(plain)) >= -(2**63):
        return whole
    if _FLOAT.fullmatch(plain) and math.isfinite(number := float(plain)):
        return number
    tag = _RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))
    return plain if tag in _TEXT_TAGS and not _NUMERAL.fullmatch(plain) else REFUSED


# ── from data to text ────────────────────────────────────────────────────────────────────────


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = None if _typed(text) is text else "'"
    style = quoted if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def dump(data: Any) -> str:
    """Spell data as YAML that `read` gives back exactly: block style, keys in the order given.

    Args:
        data: Mappings with text keys, lists, text, numbers, booleans and None; text without
            control characters but tab and line ends.
    """
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
    return text
