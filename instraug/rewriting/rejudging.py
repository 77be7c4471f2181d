"""Judge a finished run again; every reply that it needs must be in the journal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Set
from functools import partial
from pathlib import Path

from instraug.errors import FrozenMiss, InputError, Problem, ScoreMiss
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import sha256
from instraug.files.spool import Groups, Spool
from instraug.models.chat import Reply
from instraug.models.journal.ledger import Lookup
from instraug.models.journal.replay import Replay
from instraug.rewriting.earlier import read_earlier
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.outcome import Outcome, settle
from instraug.rewriting.output import Kept, read_output
from instraug.rewriting.rounds import rejudge
from instraug.rewriting.run import Run
from instraug.tasks.pool import INSTRUCTIONS, REJECTED

_AGAIN = "run the same `instraug expand` again to write it anew"
_BACK = "put the journal back, or run the same `instraug expand` again"


def check_made_from(out: Path, kept: Kept, dest: Path, *, force: bool) -> None:
    """Refuse to replace, unasked, what was not made by judging a run again.

    Args:
        out: The run's folder.
        kept: What its manifest keeps.
        dest: Where the new judgement goes; there or not.
        force: Replace another run's rows all the same; never a file that is no run's.

    Raises:
        InputError: there is another run in ``dest``, or one of other tasks.
        UsageError: a path of the outputs is taken by something else.
    """
    earlier = read_earlier(dest)
    if force or not earlier.is_there or os.path.realpath(out) == os.path.realpath(dest):
        return
    made_from = earlier.manifest.body.get("made_from", ...)
    if isinstance(made_from, str):
        own = os.path.realpath(dest / made_from) == os.path.realpath(out)
    else:  # none, or of a version that did not note it
        own = made_from is ... and not earlier.manifest.problem and kept.same_run(read_output(dest))
    if not own:
        fix = "choose another folder, or give --force to replace it"
        raise InputError([Problem(str(dest), f"the run there was not made from {out}", fix)])
    earlier.check_tasks(task.name for task in kept.tasks)


class JudgedReplies:
    """The replies that a finished run judged, by task.

    Args:
        out: The run's output folder.
        kept: What its manifest keeps.
        journal: The run's journal.
        spool: Holds what the rows name.

    Raises:
        InputError: a row file is not the one that the manifest describes.
        FrozenMiss: the journal lacks a reply.
    """

    def __init__(self, out: Path, kept: Kept, journal: Replay, spool: Spool) -> None:
        self.path = kept.journal
        self._known = frozenset(task.name for task in kept.tasks)
        self._rows = Groups(spool)
        """Task -> (reply, parent) of each of its rows."""
        for name in (INSTRUCTIONS, REJECTED):
            path = out / name
            if sha256(path) != kept.outputs.get(name):
                what = "the file is not the one that the manifest describes"
                raise InputError([Problem(str(path), what, _AGAIN)])
            for task, reply, parent in _generated_rows(path):
                self._rows.add(task, (reply, parent))
        damaged = f" ({len(journal.damage)} records are damaged)" if journal.damage else ""
        lacking = {task: self.keys(task, missing_from=journal) for task in self.tasks}
        self.require(lacking, f"missing{damaged}", f"{_BACK} to ask for them once more")

    @property
    def tasks(self) -> Set[str]:
        """The tasks that the rows are of."""
        return self._rows.names()

    @property
    def strangers(self) -> Set[str]:
        """Those of them that the manifest does not name."""
        return self.tasks - self._known

    def sent(self, task: str) -> Counter[str]:
        """Return the id of each template of a task that was sent -> answers to it."""
        return Counter(parent for _, parent in self._rows.rows(task))

    def keys(self, task: str, *, missing_from: Container[str] = ()) -> frozenset[str]:
        """Return the keys of the replies to a task, as far as they are not in a container."""
        keys = {reply for reply, _ in self._rows.rows(task)}
        return frozenset(key for key in keys if key not in missing_from)

    def require(self, lacking: Mapping[str, Set[str]], what: str, fix: str) -> None:
        """Raise FrozenMiss if replies are lacking, with their number and their tasks.

        Args:
            lacking: Task -> those of its replies that are lacking.
            what: What they are instead.
            fix: What the user can do.
        """
        if lost := frozenset[str]().union(*lacking.values()):
            every = frozenset[str]().union(*map(self.keys, self.tasks))
            named = {
                t: f"{len(keys)} of {len(self.keys(t))}" for t, keys in lacking.items() if keys
            }
            raise FrozenMiss(
                f"{self.path}: {len(lost)} of {len(every)} replies that the run needs "
                f"are {what}, of {_named(named)}; {fix}"
            )


class _OfTask:
    """The replies to one task of a run.

    Args:
        keys: Their keys.
        journal: The run's journal.
        count: Called with each reply that is taken.
    """

    def __init__(
        self, keys: Container[str], journal: Lookup, count: Callable[[Reply], None]
    ) -> None:
        self._keys, self._journal, self._count = keys, journal, count

    def get(self, key: str) -> Reply | None:
        """Return the reply to a request of that run."""
        reply = self._journal.get(key) if key in self._keys else None
        if reply is not None:
            self._count(reply)
        return reply


def _generated_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (task, reply, parent) of each generated row."""
    for number, row in read_jsonl(path):
        if row.get("source") == "original":
            continue
        values = [row.get(name) for name in ("task", "reply", "parent")]
        task, reply, parent = (value if isinstance(value, str) else None for value in values)
        if task is None or reply is None or parent is None:
            raise InputError([Problem(f"{path}:{number}", "not a row of a run", _AGAIN)])
        yield task, reply, parent


async def rejudge_all(
    run: Run, gate: Gate | None, replies: JudgedReplies, journal: Replay
) -> list[Outcome]:
    """Judge the answers of a finished run by the rules of another one; nothing is asked.

    Args:
        run: The new run, of the same plan, so that requests and their keys come out the same.
        gate: The semantic gate, or None.
        replies: The replies of the finished one.
        journal: Its journal.

    Returns:
        What became of each task.

    Raises:
        FrozenMiss: a semantic score is missing; or this version makes other requests than the
            one that made the run.
    """
    outcomes: list[Outcome] = []
    unscored: dict[str, int] = {}
    scorer, rules, count = "", run.config.rules, partial(run.count, bought=False)
    lacking: dict[str, Set[str]] = {}
    for task in run.inputs.tasks:
        keys = replies.keys(task.name)
        paid, sent = _OfTask(keys, journal, count), replies.sent(task.name)
        try:
            grown = await rejudge(task, run.plan, rules, gate, paid, sent)
        except ScoreMiss as miss:
            unscored[task.name], scorer = miss.count, miss.scorer
        else:
            lacking[task.name] = keys - {v.candidate.reply for v in grown.verdicts}
            outcomes.append(settle(grown, run.plan, journal, run.spool))
    if unscored:
        raise FrozenMiss(
            f"{replies.path}: {sum(unscored.values())} {scorer} scores are missing, of "
            f"{_named(unscored)}; {_BACK} to score anew, or turn the rule semantic off"
        )
    lacking |= {task: replies.keys(task) for task in replies.strangers}
    answer = "to requests that this version, or this manifest, does not make"
    replies.require(lacking, answer, "judge it with the version that made the run")
    return outcomes


def _named(tasks: Mapping[str, object]) -> str:
    """Name every task, each with its figure."""
    named = ", ".join(f"{task} ({figure})" for task, figure in tasks.items())
    return f"{'task' if len(tasks) == 1 else 'tasks'} {named}"
