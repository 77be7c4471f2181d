"""What a task is: its keys, as files spell them, and its templates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, Literal
from unicodedata import normalize

from instraug.tasks.placeholders import is_name

Split = Literal["train", "eval"]

Output = Literal["label", "text", "region"]

Answers = Literal["text", "letter", "index0", "index1"]
"""What targets are: an option's text, its letter, or its number, counted from 0 or from 1."""

AnswerForm = Literal["choice", "short", "yes-no", "rationale"]
"""How a task wants its answers, as MLAN has them (arXiv:2411.10557); see docs/mlan.md."""


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


def _one_line(text: str) -> str | None:
    plain = text.isprintable() and text.strip() == text != ""
    return None if plain else "give one line of text without spaces around it"


def _filled(text: str) -> str | None:
    return None if text.strip() else "write it, or remove it"


def _some(items: tuple[str, ...]) -> str | None:
    return None if items else "give at least one"


def _name(text: str) -> str | None:
    return None if is_name(text) else "a name is letters, digits and _ after a letter"


@dataclass(frozen=True, kw_only=True)
class TaskKeys:
    """The keys of a task, in the order in which files spell them; see docs/task-folder.md.

    This is the one list of them. Task files are read, checked and written by it, and so are the
    tasks in a run's manifest.
    """

    name: Annotated[str, _one_line] = field(kw_only=False)
    category: Annotated[str, _one_line] = "Miscellaneous"
    split: Split = "train"
    output: Output = "text"
    instructions: Annotated[tuple[Annotated[str, _filled], ...], _some] = field(kw_only=False)
    constants: Mapping[str, str] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    """What joins a list, by the placeholder's path as spelled in the template (``meta_data.x``)."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[Annotated[str, _name], ...] | None = None
    labels: tuple[Annotated[str, _filled], ...] = ()
    answers: Answers | None = None
    """None: text where a target is an option's, else a letter."""
    fixed_options: bool = False
    """Options keep their order."""
    answer_form: AnswerForm | None = None
    sources: tuple[Annotated[str, _one_line], ...] = ()
    """The data sets that the task is made of."""

    def keys(self) -> dict[str, Any]:
        """Return each key and its value."""
        return {key.name: getattr(self, key.name) for key in fields(TaskKeys)}


@dataclass(frozen=True)
class Task(TaskKeys):
    """A task: what its file holds, and where that is."""

    source: str = field(default="", kw_only=True)
    """``file`` the task was read from, for messages."""

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """The hand-written instructions."""
        return tuple([Template(self.name, text, i) for i, text in enumerate(self.instructions)])
