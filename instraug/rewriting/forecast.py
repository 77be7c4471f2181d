"""Forecast the requests and the cost of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from math import ceil
from typing import Any

from instraug.models.embedded import weights
from instraug.models.journal.replay import Replay
from instraug.models.opening import is_local, offline
from instraug.rewriting.job import ExpandJob, Inputs
from instraug.rewriting.judging.meaning import gate_of, scorer_of
from instraug.rewriting.prompts.plan import Plan, make_plan, skipped
from instraug.rewriting.prompts.requests import expand
from instraug.rewriting.records import Request
from instraug.rewriting.yields import Expected, expected
from instraug.tasks.records import Task, Template

_LOOKED_AT = 200
"""Templates of which the chats are made; those of more are estimated by so many, evenly chosen."""


def forecast(job: ExpandJob, inputs: Inputs) -> dict[str, Any]:
    """Return the requests and the cost that a run needs, without a call.

    ``requests`` is what the wanted rewrites need at the yield of the run's own journal, or at 60 %
    without one; replies that the journal already holds are counted in ``reused``. ``at_most`` is
    what patience or the plan allow. Tokens are estimated as a quarter of the characters, of the
    chats of at most 200 templates: no run waits for a forecast of each of its requests.
    """
    likely = _expected(job, inputs)
    plan = make_plan(job.config, job.model, inputs.meta_prompts)
    sent = [
        (task, template)
        for task in inputs.tasks
        for left_out in [skipped(task)]
        for template in task.templates
        if template.origin not in left_out
    ]
    asked = reused = 0.0
    for task, template in sent:
        new, known = likely.requests((task.name, template.origin))
        asked, reused = asked + new, reused + known
    looked_at = sent[:: ceil(len(sent) / _LOOKED_AT) or 1]
    prompt = completion = seen = 0.0
    for task, template in looked_at:
        new, _ = likely.requests((task.name, template.origin))
        seen += new
        for times, request in _chats(plan, task, template, new):
            prompt += times * (sum(len(m.content) for m in request.chat.messages) // 4)
            completion += times * plan.choices * (len(request.masked.text) // 4 + 1)
    if len(looked_at) < len(sent):
        share = asked / seen if seen else 0.0
        prompt, completion = prompt * share, completion * share
    price = job.config.prices.get(job.model)
    most = plan.whole
    if plan.patience is not None:
        most = min(most, ceil(plan.patience * sum(plan.steps) / plan.choices))
    return {
        "model": job.model,
        "tasks": len(inputs.tasks),
        "templates": len(sent),
        "wanted": wanted(job, inputs),
        "yield": round(likely.share, 3),
        "yield_from": "journal" if likely.answers else "usual",
        "requests": round(asked),
        "reused": round(reused),
        "at_most": len(sent) * most,
        "usage": {"prompt": round(prompt), "completion": round(completion)},
        "cost": price and round(price.of(round(prompt), round(completion)), 4),
    }


def _chats(
    plan: Plan, task: Task, template: Template, count: float
) -> Iterator[tuple[float, Request]]:
    """Yield a request of each kind, and how many of so many are like it.

    The chats of a template differ by their meta-prompts, which come in turn.
    """
    whole, turn = ceil(count), len(plan.meta_prompts)
    first = islice(expand(plan, task, template, template), min(turn, whole))
    for number, request in enumerate(first):
        yield len(range(number, whole, turn)) * count / whole, request


def wanted(job: ExpandJob, inputs: Inputs) -> int:
    """Return the accepted rewrites that a run wants in all."""
    return job.config.rewrites * sum(len(t.templates) - len(skipped(t)) for t in inputs.tasks)


def _expected(job: ExpandJob, inputs: Inputs) -> Expected:
    """Return what to expect by the replies in the run's journal, if it has one."""
    config, exists = job.config, job.replies.is_file()
    name = weights.name(job.model) if exists and is_local(job.model) else job.model
    backend = offline(name)
    plan = make_plan(
        config,
        name,
        inputs.meta_prompts,
        constrains=backend.constrains,
        instructed=backend.instructed,
    )
    with Replay.read(job.replies) if exists else nullcontext() as paid:
        gate = gate_of(config.rules, scorer_of(config, backend, paid)) if paid else None
        return expected(plan, config, inputs.tasks, paid, gate)
