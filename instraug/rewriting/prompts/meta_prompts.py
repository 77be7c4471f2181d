"""Meta-prompts: the shipped set, or a user's own file or folder; see docs/configuration.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instraug.errors import InputError, Problem
from instraug.files import presets as shipped
from instraug.files import strict_yaml
from instraug.files.decode import decode
from instraug.files.strict_yaml import Document, Where
from instraug.files.yaml_folder import files

_MASK = re.compile(r"\{[A-Z]+\}")


def load_meta_prompts(source: Path | None = None) -> tuple[MetaPrompt, ...]:
    """Read meta-prompts: those of a file, of every YAML file of a folder, or the shipped set.

    A file is one meta-prompt, or ``meta_prompts:`` with a list of them.

    Returns:
        The meta-prompts, sorted by file, then in the file's order.

    Raises:
        InputError: every problem of every file; also if there is no meta-prompt.
    """
    source = source or shipped.folder("meta_prompts")
    paths, problems = files(source) if source.is_dir() else ([source], [])
    meta_prompts: list[MetaPrompt] = []
    first: dict[str, str] = {}
    for path in paths:
        document = strict_yaml.read(path)
        drafts, wrong = _drafts(document)
        for where, draft in drafts:
            wrong += _faults(draft, document, where, first)
            meta_prompts.append(draft)
        problems += sorted([*document.problems, *wrong], key=strict_yaml.position)
    if not problems and not meta_prompts:
        problems = [Problem(str(source), "holds no meta-prompt", "add one, or use the shipped set")]
    if problems:
        raise InputError(problems)
    return tuple(meta_prompts)


def listing(meta_prompts: Iterable[MetaPrompt]) -> list[dict[str, str | int]]:
    """Return id, kind, title and number of examples of each meta-prompt."""
    return [
        {"id": m.id, "kind": m.kind, "title": m.title, "examples": len(m.examples)}
        for m in meta_prompts
    ]


@dataclass(frozen=True)
class _Several:
    """A file that holds a list of meta-prompts."""

    meta_prompts: tuple[MetaPrompt, ...]


def _drafts(document: Document) -> tuple[list[tuple[Where, MetaPrompt]], list[Problem]]:
    """Decode a file of either form; a wrong value in a draft is `strict_yaml.REFUSED`."""
    if isinstance(document.data, Mapping) and "meta_prompts" in document.data:
        several, problems = decode(document.data, _Several, document.place)
        drafts = several.meta_prompts if several else ()
        numbered = enumerate(drafts if isinstance(drafts, tuple) else ())
        return [
            (("meta_prompts", i), d) for i, d in numbered if isinstance(d, MetaPrompt)
        ], problems
    one, problems = decode(document.data, MetaPrompt, document.place)
    return [((), one)] if one else [], problems


def _faults(
    draft: MetaPrompt, document: Document, where: Where, first: dict[str, str]
) -> Iterator[Problem]:
    for name in ("id", "title", "text"):
        value = getattr(draft, name)
        if isinstance(value, str) and not value.strip():
            yield Problem(document.place((*where, name)), f"{name} is blank", "write it")
    if isinstance(draft.id, str):
        place = document.place((*where, "id"))
        if (other := first.setdefault(draft.id, place)) != place:
            what = f"the id {draft.id!r} is taken by {other}"
            yield Problem(place, what, "give every meta-prompt an id of its own")
    for i, example in enumerate(draft.examples if isinstance(draft.examples, tuple) else ()):
        if isinstance(example, Example) and (mismatch := _mismatch(example)):
            at = document.place((*where, "examples", i))
            yield Problem(at, mismatch, "a rewrite keeps every mask of its source, as often")


def _mismatch(example: Example) -> str | None:
    if not (isinstance(example.source, str) and isinstance(example.rewrite, str)):
        return None
    if not (example.source.strip() and example.rewrite.strip()):
        return "the source or the rewrite of an example is blank"
    wanted = Counter(_MASK.findall(example.source))
    given = Counter(_MASK.findall(example.rewrite))
    if wanted == given:
        return None
    missing, extra = " ".join((wanted - given).elements()), " ".join((given - wanted).elements())
    return f"the rewrite of an example lacks {missing or 'nothing'} and adds {extra or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example of a meta-prompt: a masked template and a good rewrite of it."""

    source: str
    rewrite: str


@dataclass(frozen=True, slots=True)
class MetaPrompt:
    """A guideline for rewriting, with worked examples (INSTRAUG, arXiv:2402.14492)."""

    id: str
    title: str
    kind: Literal["direct", "guided"]
    text: str
    """The system message."""
    examples: tuple[Example, ...] = ()
