"""Read an error body of any shape: its messages, its codes, the parameters it names.

Bodies come as OpenAI's object, FastAPI's list, a list of objects, nested objects, JSON in a text,
plain text, HTML. All are read in the same way: by the names of their keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_WORDS = frozenset(
    ("message", "msg", "detail", "details", "error", "errors", "description", "reason", "title",
     "error_description", "error_message", "errormessage", "raw", "cause", "text", "error_msg")
)  # fmt: skip
"""Keys of messages for people."""

_NAMING = frozenset(
    ("param", "params", "parameter", "parameters", "field", "fields", "loc", "path", "property",
     "pointer", "argument", "name", "instancepath", "datapath")
)  # fmt: skip
"""Keys whose values name a parameter."""

_CODES = frozenset(("code", "type", "status", "reason", "error", "error_type", "error_code"))
"""Keys of codes for programs."""

_BY_FIELD = frozenset(("errors", "error", "detail", "details", "fields", "message"))
"""Keys of objects whose keys may be the names of fields."""

_ECHOES = frozenset(("input", "messages", "prompt", "ctx", "url", "content"))
"""Keys that repeat what was sent; an object with messages is a whole request."""

_DEEPEST = 12

_LONGEST = 4000
"""Characters of a text that are read."""

_TAGS = re.compile(r"(?is)<(style|script)\b.*?</\1\s*>|<[^>]*>")


@dataclass(frozen=True, slots=True)
class Remark:
    """One message of a body."""

    text: str
    names: tuple[str, ...] = ()
    """Paths that fields such as ``param`` and ``loc`` give, parts joined by dots."""
    codes: frozenset[str] = frozenset()
    """The error codes beside it, in lower case."""

    @property
    def shown(self) -> str:
        """The text, with the parameters it is about in front unless it names them itself."""
        about = [n for n in self.names if n and n.rsplit(".", 1)[-1] not in self.text]
        return f"{', '.join(about)}: {self.text}" if about and self.text else self.text


def remarks(text: str) -> list[Remark]:
    """Return every message of an error body, outermost first."""
    messages = [r for r in _walk(_parsed(text), 0) if r.text or r.names or r.codes]
    return messages or [Remark(_plain(text))]


def words(remarks: list[Remark]) -> str:
    """Return the messages for people as one text, each once; "" where there are none."""
    lines = dict.fromkeys(r.shown.strip() for r in remarks)
    kept = [a for a in lines if a and not any(a != b and a in b for b in lines)]
    return "; ".join(kept)


def codes(remarks: list[Remark]) -> frozenset[str]:
    """Return every error code of a body, in lower case."""
    return frozenset(code for remark in remarks for code in remark.codes)


def fields(text: str) -> Iterator[tuple[str, Any]]:
    """Yield every key of a body at any depth, in lower case, with its value."""
    yield from _fields(_parsed(text), 0)


def _fields(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping) and "messages" not in value:
        for key, inner in value.items():
            yield str(key).lower(), inner
            if str(key).lower() not in _ECHOES:
                yield from _fields(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:50]:
            yield from _fields(inner, depth + 1)


def _walk(value: Any, depth: int) -> Iterator[Remark]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        inner = _parsed(value)
        if isinstance(inner, str):
            yield Remark(_plain(inner))
        else:
            yield from _walk(inner, depth + 1)
    elif isinstance(value, list):
        for item in value[:50]:
            yield from _walk(item, depth + 1)
    elif isinstance(value, Mapping) and "messages" not in value:
        yield from _object({str(k).lower(): v for k, v in value.items()}, depth)


def _object(value: Mapping[str, Any], depth: int) -> Iterator[Remark]:
    """Yield the messages of one object, then those of its values."""
    named = tuple(path for k, v in value.items() if k in _NAMING and (path := _path(v)))
    own_codes = frozenset(
        v.lower() for k, v in value.items() if k in _CODES and isinstance(v, str) and len(v) < 80
    )
    texts, deeper = [], []
    for key, inner in value.items():
        if key in _ECHOES or key in _NAMING:
            continue
        if isinstance(inner, str) and isinstance(_parsed(inner), str):
            if key in _WORDS:
                texts.append(_plain(inner))
        elif isinstance(inner, str | Mapping | list):
            deeper.append(inner)
    for text in texts or [""]:
        yield Remark(text, named, own_codes)
    for key in _BY_FIELD & value.keys():
        yield from _by_field(value[key])
    for inner in deeper:
        yield from _walk(inner, depth + 1)


def _by_field(value: Any) -> Iterator[Remark]:
    """Yield the messages of an object from the names of fields to what is wrong with them."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        texts = inner if isinstance(inner, list) else [inner]
        if str(key).lower() not in _WORDS | _CODES | _NAMING | _ECHOES:
            yield from (Remark(_plain(t), (str(key),)) for t in texts[:50] if isinstance(t, str))


def _path(value: Any) -> str:
    """Write the value of a naming field as a path: a name, a pointer, or a list of steps."""
    if isinstance(value, list):
        return ".".join(str(step) for step in value[:20] if isinstance(step, str | int))
    if isinstance(value, str):
        return re.sub(r"[/\[\]>\s-]+", ".", value.strip()).strip(".") if len(value) < 200 else ""
    return ""


def _parsed(text: str) -> Any:
    """Return the JSON value of a text, or of an object inside it; else the text."""
    start = text.find("{")
    for piece in (text, text[start : text.rfind("}") + 1] if start >= 0 else ""):
        if piece.lstrip()[:1] in ("{", "["):
            try:
                return orjson.loads(piece) or text
            except orjson.JSONDecodeError:
                continue
    return text


def _plain(text: str) -> str:
    """Return a text on one line, without HTML tags."""
    text = text[: 10 * _LONGEST]
    if re.search(r"(?i)<(?:!doctype|html|body|head|h1|p|title|center)\b", text):
        text = _TAGS.sub(" ", text)
    return " ".join(text.split())[:_LONGEST]
