"""What a run would ask and cost, before it is asked."""

from __future__ import annotations

from itertools import islice
from math import ceil
from typing import Any

from instraug.rewriting.config import Config
from instraug.rewriting.job import Inputs
from instraug.rewriting.prompts.plan import make_plan, skipped
from instraug.rewriting.prompts.requests import requests

YIELD = 0.6
"""Share of answers that a forecast takes to be accepted."""


def forecast(config: Config, model: str, inputs: Inputs) -> dict[str, Any]:
    """Say what a run would ask and cost, without a journal and without asking.

    Requests are what the wanted rewrites take at a yield of 60 %; ``at_most`` is the whole plan.
    Tokens are counted as a quarter of the characters.
    """
    plan = make_plan(config, model, inputs.meta_prompts)
    sent = [(t, m) for t in inputs.tasks for m in t.templates if m.origin not in skipped(t)]
    whole = plan.samples * len(plan.meta_prompts) * len(plan.temperatures)
    per_template = min(ceil(sum(plan.steps) / YIELD / plan.choices), whole)
    prompt = completion = 0
    for task, template in sent:
        for request in islice(requests(plan, task, template, template), per_template):
            prompt += sum(len(m.content) for m in request.chat.messages) // 4
            completion += plan.choices * (len(request.masked.text) // 4 + 1)
    price = config.prices.get(model)
    return {
        "model": model,
        "tasks": len(inputs.tasks),
        "templates": len(sent),
        "wanted": len(sent) * sum(plan.steps),
        "requests": len(sent) * per_template,
        "at_most": len(sent) * whole,
        "usage": {"prompt": prompt, "completion": completion},
        "cost": price and round(price.of(prompt, completion), 4),
    }
