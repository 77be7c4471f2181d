"""What to expand: the job, and its inputs, which are read before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.card import PICTURE, README
from instraug.files.decode import suggest
from instraug.files.manifest import MANIFEST, check_spelled
from instraug.files.stamp import may_write
from instraug.models.chat import Reply
from instraug.models.config import ByBatch
from instraug.models.endpoint.keys import check_url
from instraug.models.journal.paths import beside, check_journal_path
from instraug.models.journal.replay import Replay
from instraug.models.opening import Address
from instraug.rewriting.config import Config, as_plain, changes
from instraug.rewriting.earlier import read_earlier
from instraug.rewriting.prompts.meta_prompts import MetaPrompt, load_meta_prompts
from instraug.rewriting.prompts.requests import AS_TEXT
from instraug.rewriting.rounds import Grown
from instraug.tasks.load import load_tasks
from instraug.tasks.pool import OUTPUTS
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
    progress: Callable[[str], None] = lambda _text: None
    """With each line that says how far a run by batch is."""


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
    """A journal shared among output folders; None: see `replies`."""
    frozen: bool = False
    api_key: str | None = field(default=None, repr=False)
    foreseen: Mapping[str, Any] | None = None
    """What `forecast.forecast` returned, for the manifest to compare with."""
    force: bool = False
    """Drop the rows of tasks that the run does not write, and buy again what the journal lacks."""
    by_batch: ByBatch | None = None
    """Ask by the Batch API of the endpoint; None: online."""

    @cached_property
    def replies(self) -> Path:
        """The journal's path: as named, or that of the run before in the folder, or its own."""
        return self.journal or read_earlier(self.out).journal

    @property
    def meta_prompts(self) -> Path | None:
        """Their file or folder; None: the shipped ones."""
        named = self.config.meta_prompts
        return None if named is None else Path(named)

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
    left_out: tuple[str, ...] = ()
    """Names of tasks that are for evaluation, and so not expanded."""

    def notices(self) -> list[str]:
        """Say in a line which tasks are left out; no line where none is."""
        if not self.left_out:
            return []
        names = ", ".join(self.left_out[:_NAMED]) + (", ..." if len(self.left_out) > _NAMED else "")
        what = "1 task has" if len(self.left_out) == 1 else f"{len(self.left_out)} tasks have"
        return [f"left out: {what} split: eval ({names}); --include-eval expands them too"]


_NAMED = 5
"""Most tasks that a line names."""


def check_folder(job: ExpandJob, inputs: Inputs) -> list[str]:
    """Make sure that a run loses nothing of what is in its folder, and say what differs from it.

    Raises:
        InputError: rows in the folder count on the replies of a journal that is gone, or are those
            of tasks that the run would not write.
        UsageError: the journal's path, or one of the outputs, is that of something else.
    """
    earlier, path = read_earlier(job.out), job.out / MANIFEST
    manifest, notices = earlier.manifest, []
    if manifest.problem and path.exists():
        notices.append(f"{path}: {manifest.problem.what}; it is written anew")
    if job.journal is None and earlier.shares_journal:
        notices.append(f"the journal is {job.replies}, as {earlier.named_by} says")
    before = manifest.body.get("config")
    if isinstance(before, Mapping) and (changed := changes(before, job.config)):
        again = "replies to requests that stay the same are used again"
        notices.append(f"changed since the last run: {', '.join(changed)}; {again}")
    cards = (job.out / README, job.out / PICTURE)
    foreign = "is not as a run wrote it, and stays; remove it to have it written anew"
    notices += [f"{card}: {foreign}" for card in cards if not may_write(card)]
    if not (job.force or job.frozen):
        earlier.check_there(job.replies)
    if not job.force:
        earlier.check_tasks(task.name for task in inputs.tasks)
    return notices


def check_replies(job: ExpandJob, journal: Replay) -> None:
    """Raise InputError where the journal lacks what rows in the folder count on, unless forced."""
    if not (job.force or job.frozen):  # a frozen run names whatever it misses
        read_earlier(job.out).check_replies(journal, job.replies)


def load(job: ExpandJob) -> Inputs:
    """Read the tasks and meta-prompts of a job; nothing is touched, made or sent.

    Raises:
        InputError: every problem of the task folder at once, or no task is left to expand; or an
            earlier run's tasks, or its journal, would be lost.
        UsageError: the journal's path, or an output's, is that of something else, or a manifest
            could not name it.
    """
    only, config = job.config.only, job.config
    check_journal_path(job.replies, job.out, OUTPUTS, job.tasks, job.meta_prompts)
    if config.base_url:  # also where no call is made: the manifest keeps it
        check_url(config.base_url, allow_http=True)
    check_spelled([as_plain(config), job.model, beside(job.replies, job.out)])
    tasks = load_tasks(job.tasks)
    _check_only(only, [task.name for task in tasks], job.tasks)
    named = [t for t in tasks if not only or any(fnmatchcase(t.name, glob) for glob in only)]
    left = [] if config.include_eval else [t for t in named if t.split == "eval"]
    chosen = tuple(t for t in named if config.include_eval or t.split == "train")
    if not chosen:
        what = "every task to expand has split: eval, and those are left out"
        raise InputError([Problem(str(job.tasks), what, "add --include-eval")])
    left_out = tuple([task.name for task in left])
    inputs = Inputs(chosen, load_meta_prompts(job.meta_prompts), left_out)
    check_folder(job, inputs)
    return inputs


def _check_only(only: Sequence[str], names: Sequence[str], folder: Path) -> None:
    """Refuse a name that no task has; a pattern may match nothing, if another one does."""
    lost = [glob for glob in only if not any(fnmatchcase(name, glob) for name in names)]
    wrong = [glob for glob in lost if len(lost) == len(only) or not set(glob) & set("*?[")]
    if wrong:
        raise InputError(
            Problem(str(folder), f"no task's name matches --only {glob}", suggest(glob, names))
            for glob in wrong
        )
