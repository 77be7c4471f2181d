"""How a run begins, whoever is asked, and how its replies are counted."""

from __future__ import annotations

from collections.abc import Callable

from instraug.files.spool import Spool
from instraug.models.chat import Reply
from instraug.models.generation import Generator
from instraug.models.journal.replay import Replay
from instraug.models.opening import Model
from instraug.rewriting.job import ExpandJob, Inputs, Watch
from instraug.rewriting.judging.meaning import gate_of, scorer_of
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.records import Request
from instraug.rewriting.rounds import Chain
from instraug.rewriting.run import Run


def begun(
    job: ExpandJob, inputs: Inputs, model: Model, journal: Replay, watch: Watch, spool: Spool
) -> tuple[Run, Chain]:
    """Return a run, and its chain with a generator that asks nobody."""
    config, rules = job.config, job.config.rules
    plan = make_plan(
        config,
        model.name,
        inputs.meta_prompts,
        constrains=model.constrains,
        instructed=model.instructed,
    )
    scorer = scorer_of(config, model, journal)
    scored_by = scorer.id if scorer else None
    run = Run(config, inputs, plan, scored_by, spool, foreseen=job.foreseen)
    nobody = Generator[Request](None, journal, 1)
    return run, Chain(plan, rules, nobody, gate_of(rules, scorer), watch.round)


def counted(
    run: Run, watch: Watch, look: Callable[[Reply], None], reply: Reply, bought: bool
) -> None:
    """Count a reply, and show it to whoever watches."""
    look(reply)
    run.count(reply, bought)
    watch.reply(reply, bought)
