"""Small makers of records for the tests of the chain's stages."""

from __future__ import annotations

from typing import Any

from instraug.models.chat import Choice, Reply, Usage
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import candidates
from instraug.rewriting.prompts.meta_prompts import MetaPrompt
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.prompts.requests import expand
from instraug.rewriting.records import Candidate, Request
from instraug.tasks.records import Task

META = MetaPrompt("direct", "Rephrase", "direct", "Rephrase the input.")


def task(*instructions: str, name: str = "t", **fields: Any) -> Task:
    """A task of these instructions."""
    return Task(name, instructions, **fields)


def plan(**fields: Any) -> Plan:
    """A plan of one meta-prompt at one temperature, unless told otherwise."""
    usual: dict[str, Any] = {
        "model": "m",
        "meta_prompts": (META,),
        "temperatures": (0.6,),
        "top_p": 0.9,
        "samples": 8,
        "choices": 1,
        "answer_tokens": 64,
        "seed": 0,
        "steps": (3,),
    }
    return Plan(**{**usual, **fields})


def request(of: Task, origin: int = 0, position: int = 0) -> Request:
    """The request at a position of a template's plan."""
    template = of.templates[origin]
    return list(expand(plan(), of, template, template))[position]


def reply(to: Request, *texts: str | None, finish: str | None = "stop") -> Reply:
    """A reply with these choices."""
    choices = tuple(Choice(t, finish) for t in texts)
    return Reply(to.chat.key, "m", choices, Usage(10, 5), "{}")


def candidate(
    of: Task, said: str | None, *, position: int = 0, finish: str | None = "stop", **rules: Any
) -> Candidate:
    """What postprocessing makes of one answer to a task's first template."""
    asked = request(of, position=position)
    return next(candidates(of, asked, reply(asked, said, finish=finish), Rules(**rules)))


def broken(of: Task, said: str | None, **more: Any) -> list[str]:
    """Names of the rules that one answer to a task's first template breaks on its own."""
    return [r.rule for r in candidate(of, said, **more).reasons]
