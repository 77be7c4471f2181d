"""The frozen records that flow through the chain; each stage maps one kind to the next.

Task -> Request -> Reply -> Candidate -> Verdict, and Instance -> Row on the building side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from unicodedata import normalize

Split = Literal["train", "eval"]

Output = Literal["label", "text", "region"]

Answers = Literal["text", "letter", "index0", "index1"]
"""What targets are: an option's text, its letter, or its number, counted from 0 or from 1."""


def instruction_id(task: str, instruction: str) -> str:
    """Return the id of an instruction: 12 hex digits, the same in every run.

    Args:
        task: The task's name.
        instruction: The template text, placeholders in braces.
    """
    return hashlib.sha256(f"{task}\0{instruction}".encode("utf-8", "surrogatepass")).hexdigest()[
        :12
    ]


def file_key(name: str) -> str:
    """Return what two names share that are one file on some systems: case and accents fold."""
    return normalize("NFC", normalize("NFC", name).casefold())


@dataclass(frozen=True)
class Template:
    """One instruction of a task, hand-written or accepted earlier in the run."""

    task: str
    text: str
    """The template as a task file spells it: ``{path}`` placeholders, ``{{`` and ``}}`` literal."""
    origin: int
    """Position (from 0) among the task's hand-written instructions of the first ancestor."""
    parent: str | None = None
    """The id of the template this one was rewritten from; None for a hand-written one."""
    iteration: int = 0
    """Rewriting steps away from the hand-written ancestor (0 is hand-written)."""

    @cached_property
    def id(self) -> str:
        """The instruction id, see `instruction_id`."""
        return instruction_id(self.task, self.text)


@dataclass(frozen=True)
class Task:
    """One task folder entry; see the task-folder format in docs/task-folder.md."""

    name: str
    templates: tuple[Template, ...]
    category: str = "Miscellaneous"
    split: Split = "train"
    output: Output = "text"
    constants: Mapping[str, str] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    """What joins a list, by the placeholder's path as spelled in the template (``meta_data.x``)."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fields: frozenset[str] | None = None
    labels: tuple[str, ...] = ()
    answers: Answers | None = None
    """None: text where a target is an option's, else a letter."""
    fixed_options: bool = False
    """Options keep their order."""
    source: str = ""
    """``file`` the task was read from, for messages."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One example of a task: the fields its templates render with."""

    task: str
    unique_id: str
    fields: Mapping[str, Any]
    where: str = ""
    """``file:line``, for messages."""


@dataclass(frozen=True, slots=True)
class Row:
    """One training row: an instance rendered with one instruction of its task's pool."""

    instance: Instance
    instruction_id: str
    prompt: str
    target: str
