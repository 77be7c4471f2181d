"""Strict data -> frozen dataclasses, checked against their type hints; a mismatch is a problem.

Hints may be str, int, float, bool, Any, ``X | None``, Literal, tuple[X, ...], Mapping[str, X],
dataclasses, and Annotated with checks: functions that take the value and return None, or the fix.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from math import inf
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from instraug.errors import Problem, printable
from instraug.files.strict_yaml import REFUSED, Where


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a setting takes: from ``low`` to ``high``, both included."""

    low: float
    high: float = inf
    above: bool = False
    """True where ``low`` itself is left out."""

    def __call__(self, value: float) -> str | None:
        """Return None for a number inside, else the fix: what to give instead."""
        if (self.low < value if self.above else self.low <= value) and value <= self.high:
            return None
        least = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        most = "" if self.high == inf else f" and at most {self.high:g}"
        return f"give a number {least}{most}"


Share = Annotated[float, Range(0, 1)]

Positive = Annotated[float, Range(0, above=True)]

Count = Annotated[int, Range(1, 2**63 - 1)]
"""At most what a manifest can hold."""


def some(value: tuple[object, ...] | str) -> str | None:
    """Return None for what is not empty, else the fix."""
    return None if value else "give at least one, or leave the setting out"


T = TypeVar("T")

Place = Callable[[Where], str]
"""Where a value stands, for messages: `strict_yaml.Document.place`."""

_MOST = 200
"""Most names that an unknown word is compared with, so that a file full of them stays cheap."""

_KINDS = {str: "put it in quotes", bool: "write true or false", int: "give a whole number"}


def decode(
    data: Any, kind: type[T], place: Place, where: Where = ()
) -> tuple[T | None, list[Problem]]:
    """Build a dataclass from a mapping of its fields.

    Args:
        data: What a strict loader read; an int is taken for a float, nothing else is converted.
        kind: The dataclass.
        place: Gives each problem its ``file:line``.
        where: The way from the document's root to ``data``.

    Returns:
        The instance and what is wrong. With problems it is good for further checks only: what is
        wrong or missing is `REFUSED` in it; it is None where ``data`` is not a mapping.
    """
    decoder = _Decoder(place)
    value = decoder.value(data, kind, where)
    return (None if value is REFUSED else value), decoder.problems


def suggest(word: str, known: Collection[str]) -> str:
    """Return the fix for an unknown word: the nearest known one, else all of them."""
    if not 0 < len(known) <= _MOST:
        return "remove it"
    if near := _nearest(word, known):
        return f"did you mean '{near}'?"
    names = sorted(known)
    listed = [*names[:20], "..."] if len(names) > 20 else names
    return f"use one of: {', '.join(listed)}"


def _nearest(word: str, known: Collection[str]) -> str | None:
    from rapidfuzz import fuzz, process

    near = process.extractOne(
        word[:64], list(known), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=60
    )
    return str(near[0]) if near else None


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name each setting that two configs have otherwise, as ``section.name OLD -> NEW``.

    Args:
        before: An earlier config as a manifest holds it, which may be of another version.
        now: The present one, likewise.
    """
    old, new = _flat(before), _flat(now)
    return [
        f"{printable(name)} {_plain(old, name)} -> {_plain(new, name)}"
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    ]


def _plain(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name])[:60] if name in settings else "unset"


def _flat(plain: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[above + key] = value
    return flat


def spell(where: Where) -> str:
    """Spell the way to a value as a person would: ``rules.off[0]``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.lstrip(".") or "the file"


def shown(value: Any) -> str:
    """Describe a value in a few words: text and numbers as written, lists and mappings by kind."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        if len(value) == 1:
            return f"a list of one, {shown(value[0])}"
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _holds_refused(data: Any, hint: Any) -> bool:
    """Return whether data is a list with an item refused and reported, where no list is wanted."""
    if not isinstance(data, list | tuple) or not any(item is REFUSED for item in data):
        return False
    while get_origin(hint) in (Annotated, Union, UnionType):
        hint = next(a for a in get_args(hint) if a is not NoneType)
    return hint is not Any and get_origin(hint) is not tuple


def _fix(data: Any, hint: Any) -> str:
    if hint is str and isinstance(data, list | tuple) and len(data) == 1:
        return "write what is in the list, without the list; or put it in quotes, brackets and all"
    if hint is str and isinstance(data, list | tuple):
        each = f"write each of its {len(data)} items after a '- ' of its own"
        return f"{each}; or put it in quotes, brackets and all"
    if hint is str and isinstance(data, Mapping) and data and None not in data.values():
        key = shown(next(iter(data)))
        return f"write the text alone, without the key {key}; or put all in quotes, key and all"
    return _KINDS[hint]


class _Decoder:
    """Walks data and hints side by side and notes what does not fit."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.problems: list[Problem] = []

    def wrong(self, data: Any, where: Where, fix: str) -> Any:
        self.problems.append(
            Problem(self.place(where), f"{spell(where)} is {shown(data)}", fix),
        )
        return REFUSED

    def value(self, data: Any, hint: Any, where: Where) -> Any:
        if data is REFUSED or _holds_refused(data, hint):
            return REFUSED
        origin, args = get_origin(hint), get_args(hint)
        if data is None and hint is not Any and NoneType not in args:
            return self.wrong(data, where, "give a value, or leave it out")
        if origin is Annotated:
            return self.checked(self.value(data, args[0], where), args[1:], where)
        if origin in (Union, UnionType):
            (inner,) = [a for a in args if a is not NoneType]
            return None if data is None else self.value(data, inner, where)
        if origin is Literal:
            if data in args and isinstance(data, str):
                return data
            return self.wrong(data, where, suggest(str(data), args))
        if origin is tuple:
            return self.sequence(data, args[0], where)
        if origin is not None:
            return self.mapping(data, args[1], where)
        if is_dataclass(hint):
            return self.fields(data, hint, where)
        return self.plain(data, hint, where)

    def checked(self, value: Any, checks: tuple[Any, ...], where: Where) -> Any:
        if value is not REFUSED:
            for check in checks:
                if fix := check(value):
                    return self.wrong(value, where, fix)
        return value

    def plain(self, data: Any, hint: Any, where: Where) -> Any:
        if hint is not float:
            sound = hint is Any or type(data) is hint
            return data if sound else self.wrong(data, where, _fix(data, hint))
        # Not below 1e300 are infinity, NaN and integers too large for a float.
        if isinstance(data, int | float) and not isinstance(data, bool) and abs(data) < 1e300:
            return float(data)
        return self.wrong(data, where, "give a number")

    def sequence(self, data: Any, item: Any, where: Where) -> Any:
        if not isinstance(data, list | tuple):
            fix = "give a list, each item on a line of its own after '- '"
            if isinstance(data, str) and data.lstrip()[:1] == "[":
                fix = "take the quotes around the list off"
            return self.wrong(data, where, fix)
        return tuple([self.value(d, item, (*where, i)) for i, d in enumerate(data)])

    def mapping(self, data: Any, item: Any, where: Where) -> Any:
        if not isinstance(data, Mapping):
            return self.wrong(data, where, "give a mapping, each line 'name: value'")
        return {key: self.value(d, item, (*where, key)) for key, d in data.items()}

    def fields(self, data: Any, kind: Any, where: Where) -> Any:
        if not isinstance(data, Mapping):
            return self.wrong(data, where, "give a mapping, each line 'name: value'")
        hints = _hints(kind)
        unknown = [key for key in data if key not in hints]
        missing = [f.name for f in fields(kind) if f.name not in data and _required(f)]
        # What is misspelled is not missing as well; nor is all of it where no key is a known one.
        misspelled = {_nearest(key, hints) for key in unknown} if len(unknown) <= _MOST else set()
        renamed = missing if len(missing) == 1 == len(unknown) and misspelled == {None} else []
        for key in unknown:
            at, fix = self.place((*where, key)), suggest(key, hints)
            if renamed:
                fix = f"did you mean '{renamed[0]}', which is missing?"
            self.problems.append(Problem(at, f"unknown key {shown(key)}", fix))
        stranger = bool(unknown) and len(unknown) == len(data)
        values = {
            k: self.value(data[k], hint, (*where, k)) for k, hint in hints.items() if k in data
        }
        for name in missing:
            values[name] = REFUSED
            if not (stranger or name in misspelled or name in renamed):
                what = f"{spell(where)} lacks the key '{name}'"
                self.problems.append(Problem(self.place(where), what, "add it"))
        return kind(**values)


@lru_cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
