"""``filter``: a finished run -> the same files, judged again by other rules, no call made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from instraug.models.journal.paths import keep_apart
from instraug.models.journal.replay import Replay
from instraug.models.opening import offline
from instraug.models.session import (
    finish,
    reserved,
)
from instraug.rewriting.config import Rules
from instraug.rewriting.job import (
    Inputs,
)
from instraug.rewriting.judging.meaning import gate_of, scorer_of
from instraug.rewriting.output import export, read_output
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.rejudging import JudgedReplies, check_made_from, rejudge_all
from instraug.rewriting.run import Run
from instraug.tasks.pool import OUTPUTS


def refilter(out: Path, rules: Rules | None, dest: Path, *, force: bool = False) -> Run:
    """Judge a run's journal again and write its row files and manifest anew.

    Args:
        out: The output folder of a run.
        rules: What to judge by; None: the run's own rules.
        dest: Where to write; may be ``out``.
        force: Replace the rows of another run in ``dest``.

    Raises:
        InputError: ``out`` has no sound manifest, or its row files are others; or what is in
            ``dest`` was not made from ``out``.
        FrozenMiss: the journal lacks a reply of the run; or the semantic gate is on and it lacks
            a score. Nothing is written.
        UsageError: writing to ``dest`` would replace a journal.
    """
    kept = read_output(out)
    config = replace(kept.config, rules=rules or kept.config.rules)
    model = offline(kept.model)
    keep_apart(dest, kept.journal, OUTPUTS)
    check_made_from(out, kept, dest, force=force)
    plan = make_plan(
        config,
        model.name,
        kept.meta_prompts,
        constrains=model.constrains,
        instructed=model.instructed,
    )
    with reserved(dest) as make_dest, Replay.read(kept.journal) as journal:
        scorer = scorer_of(config, model, journal)
        gate = gate_of(config.rules, scorer)
        run = Run(
            config, Inputs(kept.tasks, kept.meta_prompts), plan, scorer.id if scorer else None
        )
        replies = JudgedReplies(out, kept, journal)
        run.grown = finish(rejudge_all(kept, plan, config.rules, gate, replies))
        run.recount(replies)
        make_dest()
        made_from = None if dest.samefile(out) else out
        export(dest, run, kept.journal, journal, made_from)
    return run
