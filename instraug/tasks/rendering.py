"""Rendering: a template and an instance's fields -> the prompt, in one pass; and its proof.

Values are text: one that holds a placeholder is inserted as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from instraug.errors import BadRow, PlaceholderError
from instraug.tasks.placeholders import Placeholder, parse, placeholders
from instraug.tasks.records import Task

DEFAULT_SEPARATOR = ", "
"""Joins a list for which the task names no separator."""


Renderer = Callable[[Mapping[str, Any]], str]


def renderer(template: str, task: Task) -> Renderer:
    """Compile a template into a function from an instance's fields to the rendered prompt.

    Constants are folded in; a field that is absent or null falls back to the task's default.
    Values are inserted as they are, in one pass: a value that holds ``{options}`` keeps it.

    Args:
        template: The template, of this task.
        task: Gives constants, separators and defaults.

    Raises:
        BadRow: (when called) a path resolves to nothing, or to a mapping.
    """
    return compiler(task)(template)


def compiler(task: Task) -> Callable[[str], Renderer]:
    """Return the function that does what `renderer` does for the templates of one task.

    They share what their placeholders have in common, which keeps hundreds of them small.
    """
    slot = cache(partial(_slot, task))

    def compiled(template: str) -> Renderer:
        pieces = [""]
        slots: list[_Slot] = []
        for segment in parse(template):
            if isinstance(segment, Placeholder) and segment.source not in task.constants:
                slots.append(slot(segment))
                pieces.append("")
            else:
                text = segment if isinstance(segment, str) else task.constants[segment.source]
                pieces[-1] += text
        if len(slots) == 1:
            return _with_one(pieces, slots[0])
        if len(slots) == 2:
            return _with_two(pieces, *slots)
        return _with_many(pieces, slots)

    return compiled


# Millions of rows pass through these, most of them through the first two: written out, they take
# half to two thirds of the time of the third, which would do for all.


def _with_one(pieces: list[str], slot: _Slot) -> Renderer:
    root, ready, fill = slot
    before, after = pieces

    def render(fields: Mapping[str, Any]) -> str:
        value = fields.get(root)
        return f"{before}{value if type(value) is ready else fill(value)}{after}"

    return render


def _with_two(pieces: list[str], slot: _Slot, other: _Slot) -> Renderer:
    root, ready, fill = slot
    other_root, other_ready, other_fill = other
    before, between, after = pieces

    def render(fields: Mapping[str, Any]) -> str:
        value, last = fields.get(root), fields.get(other_root)
        if type(value) is not ready:
            value = fill(value)
        if type(last) is not other_ready:
            last = other_fill(last)
        return f"{before}{value}{between}{last}{after}"

    return render


def _with_many(pieces: list[str], slots: list[_Slot]) -> Renderer:
    first, *rest = pieces
    steps = [(*slot, after) for slot, after in zip(slots, rest, strict=True)]

    def render(fields: Mapping[str, Any]) -> str:
        parts = [first]
        for root, ready, fill, after in steps:
            value = fields.get(root)
            parts += (value if type(value) is ready else fill(value), after)
        return "".join(parts)

    return render


class _Slot(NamedTuple):
    """A placeholder compiled for rendering."""

    root: str
    """The field its path starts at."""
    ready: type[str] | None
    """Values of this type need not be filled in, they are spelled as they are."""
    fill: Callable[[Any], str]
    """The field's value -> the spelling of what the path leads to."""


def _slot(task: Task, placeholder: Placeholder) -> _Slot:
    source, steps = placeholder.source, placeholder.path[1:]
    joiner = task.separators.get(source, DEFAULT_SEPARATOR)
    default = task.defaults.get(placeholder.root)

    def whole(value: Any) -> str:
        if type(value) is list or type(value) is tuple:
            try:
                return joiner.join(value)
            except TypeError:  # not all of them are text
                pass
        return _spelled(default if value is None else value, joiner, source)

    def part(value: Any) -> str:
        if value is None:
            value = default
        try:
            for step in steps:
                if type(value) is str:  # a letter of a text is not a field
                    raise LookupError
                value = value[step]
        except (LookupError, TypeError):
            raise _missing(source) from None
        return _spelled(value, joiner, source)

    root = placeholder.root
    return _Slot(root, None, part) if steps else _Slot(root, str, whole)


def _spelled(value: Any, joiner: str, source: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return joiner.join([_spelled(v, joiner, source) for v in value])
    if value is None or isinstance(value, Mapping):
        raise _missing(source)
    return str(value)


def _missing(source: str) -> BadRow:
    what = f"the row has nothing for {{{source}}}"
    return BadRow("missing field", what, "add it, or leave the row out")


class _Sample(str):
    """A sample value that every path resolves in: each path spells itself, as no real text does."""

    def __getitem__(self, step: Any) -> _Sample:
        inner = str.__getitem__(self, slice(1, -1))
        return _Sample(
            f"\u27e6{inner}[{step}]\u27e7"
            if isinstance(step, int)
            else f"\u27e6{inner}.{step}\u27e7"
        )


def prove(template: str, origin: str) -> str | None:
    """Render a template and its origin with sample fields and compare what comes out.

    Every field, constants too, gets a value that occurs nowhere else, so that counting is exact.

    Returns:
        None where each value appears as often as in the origin; otherwise what differs.
    """
    try:
        compiled, fields, wanted = _sampled(origin)
        ours = compiled(template)(fields)
    except (BadRow, PlaceholderError) as error:
        return f"does not render: {error}"
    for value, times in wanted.items():
        if (n := ours.count(value)) != times:
            return f"rendered value of {{{value[1:-1]}}} appears {n} times, wanted {times}"
    return None


@lru_cache(maxsize=1024)
def _sampled(
    origin: str,
) -> tuple[Callable[[str], Renderer], dict[str, _Sample], dict[str, int]]:
    """Return an origin's compiler, sample fields, and how often each value appears."""
    compiled = compiler(Task("", ()))
    used = placeholders(origin)
    fields = {p.root: _Sample(f"\u27e6{p.root}\u27e7") for p in used}
    text = compiled(origin)(fields)
    return compiled, fields, {v: text.count(v) for v in (f"\u27e6{p.source}\u27e7" for p in used)}
