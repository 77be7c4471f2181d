"""What to expand: the job, and its inputs, which are read before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.models.chat import Reply
from instraug.models.opening import Address
from instraug.rewriting.config import Config
from instraug.rewriting.journal_path import check_journal_path
from instraug.rewriting.prompts.meta_prompts import MetaPrompt, load_meta_prompts
from instraug.rewriting.prompts.requests import AS_TEXT
from instraug.rewriting.rounds import Grown
from instraug.tasks.load import load_tasks
from instraug.tasks.pool import REPLIES
from instraug.tasks.records import Task


@dataclass(frozen=True)
class Watch:
    """Callbacks of a run."""

    reply: Callable[[Reply, bool], None] = lambda _reply, _bought: None
    """After each reply; True where it was bought just now."""
    round: Callable[[Grown], None] = lambda _grown: None
    """After each round of a task."""
    notice: Callable[[str], None] = lambda _text: None
    """With each line that the user should read."""


QUIET = Watch()
"""Calls nothing."""


@dataclass(frozen=True)
class ExpandJob:
    """What to expand, where to, and how."""

    tasks: Path
    out: Path
    model: str
    """The model's name; see `models.opening.chosen`."""
    config: Config = field(default_factory=Config)
    journal: Path | None = None
    """A journal shared among output folders; None: replies.jsonl in the output folder."""
    frozen: bool = False
    api_key: str | None = field(default=None, repr=False)
    foreseen: Mapping[str, Any] | None = None
    """What `forecast.forecast` returned, for the manifest to compare with."""

    @property
    def replies(self) -> Path:
        """The journal's path."""
        return self.journal or self.out / REPLIES

    @property
    def models(self) -> tuple[str, ...]:
        """The models that may be asked, each of which a cost limit needs a price for."""
        return tuple(m for m in (self.model, self.config.embedding_model) if m)

    @property
    def address(self) -> Address:
        """Where the model is."""
        return address(self.config, self.model, self.api_key)


def address(config: Config, model: str, api_key: str | None) -> Address:
    """Return where a model is, by the settings of a config."""
    return Address(
        model,
        config.base_url,
        config.embedding_model,
        api_key,
        config.endpoint,
        config.answer_tokens,
        AS_TEXT,
    )


@dataclass(frozen=True)
class Inputs:
    """What a run starts from."""

    tasks: tuple[Task, ...]
    meta_prompts: tuple[MetaPrompt, ...]


def load(job: ExpandJob) -> Inputs:
    """Read the tasks and meta-prompts of a job.

    Raises:
        InputError: every problem of the task folder at once, or no task is left to expand.
        UsageError: the journal's path holds something else; nothing was changed.
    """
    only, config = job.config.only, job.config
    named = None if config.meta_prompts is None else Path(config.meta_prompts)
    check_journal_path(job.replies, job.out, job.tasks, named)
    chosen = tuple(
        task
        for task in load_tasks(job.tasks)
        if (not only or any(fnmatchcase(task.name, glob) for glob in only))
        and (task.split == "train" or config.include_eval)
    )
    if not chosen:
        fix = "name one of its train tasks with --only, or add --include-eval"
        raise InputError([Problem(str(job.tasks), "no task is left to expand", fix)])
    return Inputs(chosen, load_meta_prompts(named))
