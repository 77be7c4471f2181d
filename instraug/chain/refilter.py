"""``filter``: a finished run -> the same files, judged again by other rules, no call made."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from instraug.files.atomic import new_folder
from instraug.files.part import Part
from instraug.files.spool import Spool
from instraug.models.journal.paths import keep_apart
from instraug.models.journal.replay import Replay
from instraug.models.opening import offline
from instraug.models.session import (
    finish,
    reserved,
)
from instraug.rewriting.config import Config, Rules
from instraug.rewriting.job import (
    Inputs,
)
from instraug.rewriting.judging.meaning import Gate, gate_of, scorer_of
from instraug.rewriting.output import Kept, export, read_output
from instraug.rewriting.parts import write_part
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.rejudging import JudgedReplies, check_made_from, rejudge_all
from instraug.rewriting.run import Run
from instraug.tasks.pool import OUTPUTS
from instraug.training_set.destination import check_apart, check_free


def refilter(
    out: Path, rules: Rules | None, dest: Path, *, force: bool = False, part: Part | None = None
) -> Run:
    """Judge a run's journal again and write its row files and manifest anew.

    Args:
        out: The output folder of a run.
        rules: What to judge by; None: the run's own rules.
        dest: Where to write; may be ``out``, but for a part.
        force: Replace the rows of another run in ``dest``.
        part: Judge this share of the tasks, for `join`; None: all.

    Raises:
        InputError: ``out`` has no sound manifest, or its row files are others; or what is in
            ``dest`` was not made from ``out``.
        FrozenMiss: the journal lacks a reply of the run; or the semantic gate is on and it lacks
            a score. Nothing is written.
        UsageError: writing to ``dest`` would replace a journal.
    """
    kept = read_output(out)
    config = replace(kept.config, rules=rules or kept.config.rules)
    if part:
        check_free(dest, is_file=False, force=force)
        check_apart(dest, [out, kept.journal])
    else:
        keep_apart(dest, kept.journal, OUTPUTS)
        check_made_from(out, kept, dest, force=force)
    with (
        nullcontext(lambda: None) if part else reserved(dest) as make_dest,
        Replay.read(kept.journal) as journal,
        Spool(room_for(dest)) as spool,
        Spool(room_for(dest)) as named,
    ):
        run, gate = begun(kept, config, spool, journal)
        replies = JudgedReplies(out, kept, journal, named)
        if part:
            answers = [sum(replies.sent(task.name).values()) for task in kept.tasks]
            run.inputs = replace(run.inputs, tasks=tuple(part.take(kept.tasks, answers)))
        run.outcomes = finish(rejudge_all(run, gate, replies, journal))
        if part:
            with new_folder(dest) as folder:
                write_part(folder, dest, run, out, kept, part)
        else:
            make_dest()
            export(dest, run, kept.journal, None if dest.samefile(out) else out)
    return run


def begun(kept: Kept, config: Config, spool: Spool, journal: Replay) -> tuple[Run, Gate | None]:
    """Return a run that judges another one again, and its semantic gate."""
    model = offline(kept.model)
    plan = make_plan(
        config,
        model.name,
        kept.meta_prompts,
        constrains=model.constrains,
        instructed=model.instructed,
    )
    scorer = scorer_of(config, model, journal)
    inputs = Inputs(kept.tasks, kept.meta_prompts)
    run = Run(config, inputs, plan, scorer.id if scorer else None, spool)
    return run, gate_of(config.rules, scorer)


def room_for(dest: Path) -> Path:
    """Return the folder, of those that are there, that a destination is to stand in."""
    return next(folder for folder in (dest, *dest.absolute().parents) if folder.exists())
