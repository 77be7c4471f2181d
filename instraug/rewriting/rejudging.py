"""Judge a finished run again; every reply that it needs must be in the journal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from instraug.errors import FrozenMiss, InputError, Problem, ScoreMiss
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import sha256
from instraug.models.chat import Reply
from instraug.models.journal.replay import Replay
from instraug.rewriting.config import Rules
from instraug.rewriting.earlier import read_earlier
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.output import Kept, read_output
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.rounds import Grown, rejudge
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
    """The replies that a finished run judged.

    Args:
        out: The run's output folder.
        kept: What its manifest keeps.
        journal: The run's journal.

    Raises:
        InputError: a row file is not the one that the manifest describes.
        FrozenMiss: the journal lacks a reply.
    """

    def __init__(self, out: Path, kept: Kept, journal: Replay) -> None:
        self.path, self._journal = kept.journal, journal
        self.parents: Counter[str] = Counter()
        """Id of each template that was sent -> answers to it."""
        self._keys: dict[str, dict[str, None]] = {}
        """Task -> the keys of the replies to it, in the order of the rows."""
        for name in (INSTRUCTIONS, REJECTED):
            path = out / name
            if sha256(path) != kept.outputs.get(name):
                what = "the file is not the one that the manifest describes"
                raise InputError([Problem(str(path), what, _AGAIN)])
            for task, reply, parent in _generated_rows(path):
                self._keys.setdefault(task, {})[reply] = None
                self.parents[parent] += 1
        self._all = frozenset(key for keys in self._keys.values() for key in keys)
        damaged = f" ({len(journal.damage)} records are damaged)" if journal.damage else ""
        self.require(frozenset(journal), f"missing{damaged}", f"{_BACK} to ask for them once more")

    def require(self, there: Set[str], what: str, fix: str) -> None:
        """Raise FrozenMiss if replies are lacking, with their number and their tasks."""
        lacking = {
            task: f"{n} of {len(keys)}"
            for task, keys in self._keys.items()
            if (n := sum(key not in there for key in keys))
        }
        if lacking:
            count = len(self._all) - sum(key in there for key in self._all)
            raise FrozenMiss(
                f"{self.path}: {count} of {len(self._all)} replies that the run needs "
                f"are {what}, of {_named(lacking)}; {fix}"
            )

    def get(self, key: str) -> Reply | None:
        """Return the reply to a request of that run."""
        return self._journal.get(key) if key in self._all else None


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
    kept: Kept, plan: Plan, rules: Rules, gate: Gate | None, replies: JudgedReplies
) -> list[Grown]:
    """Judge the answers of a finished run by other rules; nothing is asked.

    Raises:
        FrozenMiss: a semantic score is missing; or this version makes other requests than the
            one that made the run.
    """
    grown: list[Grown] = []
    unscored: dict[str, int] = {}
    scorer = ""
    for task in kept.tasks:
        try:
            grown += await rejudge([task], plan, rules, gate, replies, replies.parents)
        except ScoreMiss as miss:
            unscored[task.name], scorer = miss.count, miss.scorer
    if unscored:
        raise FrozenMiss(
            f"{replies.path}: {sum(unscored.values())} {scorer} scores are missing, of "
            f"{_named(unscored)}; {_BACK} to score anew, or turn the rule semantic off"
        )
    judged = {v.candidate.reply for g in grown for v in g.verdicts}
    answer = "to requests that this version, or this manifest, does not make"
    replies.require(judged, answer, "judge it with the version that made the run")
    return grown


def _named(tasks: Mapping[str, object]) -> str:
    """Name every task, each with its figure."""
    named = ", ".join(f"{task} ({figure})" for task, figure in tasks.items())
    return f"{'task' if len(tasks) == 1 else 'tasks'} {named}"
