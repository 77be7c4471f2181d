"""Placeholders: parse, mask, restore. Nothing is evaluated, one pass over any text.

A template is literal text and ``{path}`` placeholders; a path is a name, then any number of
``.name`` or ``[integer]``. ``{{`` and ``}}`` are literal braces.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count
from string import ascii_uppercase
from typing import Any

from instraug.errors import PlaceholderError, Problem
from instraug.tasks.literals import lost, slots

_NAME = r"[A-Za-z][A-Za-z0-9_]*"

_PATH = rf"{_NAME}(?:\.{_NAME}|\[-?[0-9]{{1,9}}\])*"

_TOKEN = re.compile(rf"\{{\{{|\}}\}}|\{{({_PATH})\}}|[{{}}]")

_STEP = re.compile(rf"{_NAME}|\[-?[0-9]+\]")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One ``{path}`` of a template."""

    source: str
    """The path as spelled, without braces: ``meta_data.relation``, ``region[0]``."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """The path's steps: names as str, indices as int."""
        return tuple(int(s[1:-1]) if s[0] == "[" else s for s in _STEP.findall(self.source))

    @property
    def root(self) -> str:
        """The field the path starts at."""
        return _STEP.findall(self.source)[0]  # type: ignore[no-any-return]


Segment = str | Placeholder


@lru_cache(maxsize=16384)
def parse(template: str) -> tuple[Segment, ...]:
    """Split a template into literal text (braces unescaped) and placeholders, in order.

    Raises:
        PlaceholderError: each brace that is neither a well-formed placeholder nor doubled; its
            ``where`` is the column (from 1).
    """
    pieces: list[Any] = _TOKEN.split(template)
    if None in pieces:
        return _parse_braces(template)
    pieces[1::2] = map(_placeholder, pieces[1::2])
    return tuple([piece for piece in pieces if piece])


_placeholder = lru_cache(maxsize=1024)(Placeholder)


def _parse_braces(template: str) -> tuple[Segment, ...]:
    """Parse a template with braces that are no placeholder's, doubled or stray."""
    segments: list[Segment] = []
    literal: list[str] = []
    problems: list[Problem] = []
    at = passed = 0
    for match in _TOKEN.finditer(template):
        if match.start() < passed:
            continue
        literal.append(template[at : match.start()])
        at = match.end()
        if match[1] is not None:
            segments += [*_joined(literal), Placeholder(match[1])]
            literal = []
        elif len(match[0]) == 2:
            literal.append(match[0][0])
        else:
            passed = _end(template, match.start())
            problems.append(_malformed(template, match.start(), passed))
    if problems:
        raise PlaceholderError(problems)
    return tuple(segments + _joined([*literal, template[at:]]))


def _joined(literal: list[str]) -> list[Segment]:
    text = "".join(literal)
    return [text] if text else []


def _end(template: str, at: int) -> int:
    """Return the index behind what starts with a stray brace: all that it encloses, or itself."""
    depth = 0
    for match in re.finditer(r"[{}]", template[at : at + 2000]):
        depth += 1 if match[0] == "{" else -1
        if depth <= 0:
            return at + match.end()
    return at + 1


def _malformed(template: str, at: int, end: int) -> Problem:
    seen = template[at : end if at + 1 < end <= at + 60 or template[at] == "}" else at + 20]
    fix = "write {name}, {name.part} or {name[0]}, or double the brace ({{ or }}) for a literal one"
    return Problem(f"column {at + 1}", f"malformed placeholder {seen!r}", fix)


def doubled(template: str) -> Iterator[Placeholder]:
    """Yield what stands in doubled braces and reads like a placeholder of another template engine.

    ``{{name}}`` is the literal text ``{name}`` here, and a field in Jinja.
    """
    last: re.Match[str] | None = None
    for match in _TOKEN.finditer(template):
        if last and last[0] == "{{" and match[0] == "}}":
            inner = template[last.end() : match.start()]
            if field := re.fullmatch(rf"\s*({_PATH})\s*(?:\|[^{{}}]*)?", inner):
                yield Placeholder(field[1])
        last = match


def placeholders(template: str) -> tuple[Placeholder, ...]:
    """Return the template's placeholders in order, repeats included."""
    return tuple([s for s in parse(template) if type(s) is Placeholder])


def sound(template: str) -> tuple[Placeholder, ...]:
    """Return the well-formed placeholders of a template that holds malformed ones, too."""
    found: list[Placeholder] = []
    passed = 0
    for match in _TOKEN.finditer(template):
        if match.start() < passed:
            continue
        if match[1] is not None:
            found.append(Placeholder(match[1]))
        elif len(match[0]) == 1:
            passed = _end(template, match.start())
    return tuple(found)


def path_of(text: str) -> Placeholder | None:
    """Return the placeholder that a text spells without its braces; None where it spells none."""
    try:
        segments = parse(f"{{{text}}}")
    except PlaceholderError:
        return None
    return Placeholder(text) if segments == (Placeholder(text),) else None


def is_name(text: str) -> bool:
    """Return whether a text is a path of one step, as the name of a field is."""
    path = path_of(text)
    return path is not None and path.root == text


def multiset(template: str) -> Counter[str]:
    """Count the template's placeholders by their spelled path."""
    return Counter(p.source for p in placeholders(template))


def own_words(template: str) -> list[str]:
    """Return the whitespace words that hold a letter or digit outside any placeholder."""
    text = "".join(s if isinstance(s, str) else "\0" for s in parse(template))
    return [w for w in text.split() if any(c.isalnum() for c in w)]


def escape(literal: str) -> str:
    """Double the braces of literal text, so that `parse` gives it back."""
    return literal.replace("{", "{{").replace("}", "}}")


def unparse(segments: Collection[Segment]) -> str:
    """Spell segments as a template; the inverse of `parse`."""
    return "".join(escape(s) if isinstance(s, str) else f"{{{s.source}}}" for s in segments)


# ── masking ──────────────────────────────────────────────────────────────────────────────────


def mask(template: str, constants: Collection[str] = ()) -> Masked:
    """Replace each distinct placeholder by one short token that nothing in the text looks like.

    A trailing block that opens with a constant and holds only placeholders and white space, such
    as ``{options_token} {options}``, is held back: the model never sees it, `restore` puts it back.

    Args:
        template: The template to protect.
        constants: Names of the task's constants.

    Returns:
        The masked text; repeats of a placeholder share their token.
    """
    segments = parse(template)
    cut = _tail(segments, constants)
    head, held = list(segments[:cut]), list(segments[cut:])
    text_before = head[-1] if head and isinstance(head[-1], str) else ""
    if held and (space := text_before[len(text_before.rstrip()) :]):
        head[-1], held = text_before.rstrip(), [space, *held]
    literal = "\0".join(s for s in head if isinstance(s, str))
    pattern, suffix = next(f for f in _families() if not re.search(f[0], literal))
    tokens: dict[str, str] = {}
    for segment in head:
        if isinstance(segment, Placeholder) and segment.source not in tokens:
            tokens[segment.source] = f"{{{_letters(len(tokens))}{suffix}}}"
    text = "".join(s if isinstance(s, str) else tokens[s.source] for s in head)
    spelled = {token: f"{{{source}}}" for source, token in tokens.items()}
    return Masked(text, spelled, pattern, suffix=unparse(held))


def _tail(segments: tuple[Segment, ...], constants: Collection[str]) -> int:
    """Return the index of the first segment to hold back; ``len(segments)`` where none is."""
    cut = len(segments)
    for i in range(len(segments) - 1, -1, -1):
        segment = segments[i]
        if isinstance(segment, str):
            if segment.strip():
                break
        elif segment.root in constants:
            cut = i
    own = any(isinstance(s, str) and s.strip() for s in segments[:cut])
    return cut if own else len(segments)


def _families() -> Iterator[tuple[str, str]]:
    """Yield (pattern, suffix) of token families: {A} {B} ..., then {A0} {B0} ..., {A1} ..."""
    for suffix in chain([""], map(str, count())):
        yield rf"\{{[A-Z]+{suffix}\}}", suffix


def _letters(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA, as spreadsheet columns do."""
    letters = ""
    while index >= 0:
        index, last = divmod(index, 26)
        letters = ascii_uppercase[last] + letters
        index -= 1
    return letters


@dataclass(frozen=True, slots=True)
class Restored:
    """What `restore` made of an answer."""

    instruction: str | None
    """The template with its placeholders back; None where the tokens do not fit."""
    difference: str = ""
    """How the answer's tokens differ from the template's, exactly; "" where they fit."""


def restore(answer: str, masked: Masked) -> Restored:
    """Put the placeholders back into an answer, or describe exactly how its tokens differ.

    Every other brace of the answer is literal text and comes back doubled. Nothing is repaired:
    a dropped, doubled, renamed or invented token is a rejection, and so is a lost literal.

    Args:
        answer: The model's rewrite of ``masked.text``.
        masked: What the model was given.
    """
    pattern = re.compile(masked.pattern)
    present = pattern.findall(answer)
    wanted = pattern.findall(masked.text)
    difference = []
    if sorted(present) != sorted(wanted):
        difference = _difference(Counter(wanted), Counter(present), masked.tokens)
    stray = slots(answer, pattern)
    stray = stray - slots(masked.text, pattern) if stray else stray
    difference += [f"invented {s[:60]}" for s in stray]
    difference += lost(answer, masked.text, masked.pattern)
    if difference:
        return Restored(None, "; ".join(difference))
    parts = re.split(f"({masked.pattern})", answer)
    spelled = (masked.tokens[p] if i % 2 else escape(p) for i, p in enumerate(parts))
    return Restored(masked.prefix + "".join(spelled) + masked.suffix)


def _difference(
    wanted: Counter[str], present: Counter[str], tokens: Mapping[str, str]
) -> list[str]:
    lines = [
        f"{tokens[t]} ({t}) wanted {n} times, found {present[t]}"
        for t, n in wanted.items()
        if present[t] != n
    ]
    return lines + [f"invented {t}" for t in present if t not in wanted]


@dataclass(frozen=True, slots=True)
class Masked:
    """A template as the model sees it: placeholders replaced by short tokens, ends held back."""

    text: str
    """What the model rewrites."""
    tokens: Mapping[str, str]
    """Mask token -> placeholder as spelled, braces included."""
    pattern: str
    """Regular expression that matches every token of this family, ours or invented."""
    prefix: str = ""
    """Template text held back from the model and put back in front."""
    suffix: str = ""
    """Template text held back from the model and put back behind."""
