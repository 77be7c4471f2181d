"""The result of a run: counts, tokens, cost, and whether it met its targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from instraug.errors import (
    EndpointUnavailable,
    InstraugError,
    Interrupted,
    NothingAccepted,
    RejectedRequest,
)
from instraug.files.spool import Spool
from instraug.models.chat import Reply
from instraug.models.prices import cost_of
from instraug.rewriting.config import Config, as_plain
from instraug.rewriting.job import Inputs
from instraug.rewriting.outcome import Outcome, added
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.shortfall import few, shortfalls
from instraug.tasks.records import Template

JSON = dict[str, Any]


def counts(outcomes: Sequence[Outcome]) -> JSON:
    """Count a run: templates, answers, accepted, rejections by rule, templates left short.

    An answer that breaks several rules counts once under each.
    """
    answers, accepted = sum(o.answers for o in outcomes), sum(o.accepted for o in outcomes)
    return {
        "tasks": len(outcomes),
        "templates": sum(o.templates for o in outcomes),
        "skipped": sum(o.skipped for o in outcomes),
        "answers": answers,
        "accepted": accepted,
        "rejected": answers - accepted,
        "rejected_by_rule": dict(sorted(added(o.broken for o in outcomes).items())),
        "short": sum(len(o.short) for o in outcomes),
    }


def sent_otherwise(outcomes: Iterable[Outcome]) -> list[JSON]:
    """Count the answers to requests that the endpoint did not take as planned.

    Returns:
        Objects of parameter, asked (the planned value; null for seeds, which all differ), sent
        (null: the parameter was left out) and answers.
    """
    counted = added(o.sent_otherwise for o in outcomes)
    return [
        {"parameter": name, "asked": asked, "sent": sent, "answers": n}
        for (name, asked, sent), n in sorted(counted.items(), key=str)
    ]


@dataclass(repr=False)
class Run:
    """The state and the result of a run."""

    config: Config
    inputs: Inputs
    plan: Plan
    scorer: str | None
    """Id of the semantic scorer; None where the gate is off."""
    spool: Spool
    """Holds the rows of its outcomes."""
    outcomes: Sequence[Outcome] = ()
    """What became of each task, in their order."""
    stopped: InstraugError | None = None
    """Why the run ended before its targets; None where it did not."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Keys that got no reply, and why."""
    refused: Collection[str] = ()
    """Those of them that the endpoint refused, and would refuse again."""
    bought: int = 0
    reused: int = 0
    ahead: int = 0
    """Replies bought in this run by batch that no round needed, or before the rest was bought
    online."""
    in_batches: int = 0
    """Requests that are sent by batch and not over."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of every reply that was judged, bought in this run or before."""
    endpoints: Counter[str] = field(default_factory=Counter)
    """Who answered -> replies that were judged; those of which no journal notes it: unknown."""
    unknown: list[str] = field(default_factory=list)
    """Keys that an earlier run asked for without recording an outcome; asked once more."""
    foreseen: Mapping[str, Any] | None = None
    """What `forecast.forecast` returned for the run."""
    began: float = field(default_factory=monotonic)

    def __repr__(self) -> str:
        """Spell the counts, not the replies."""
        done, n = self.stopped is None and not self.failed, self.counts
        figures = ", ".join(f"{k}={n[k]}" for k in ("tasks", "templates", "accepted", "rejected"))
        return f"Run(model={self.plan.model!r}, {figures}, complete={done})"

    @property
    def settings(self) -> dict[str, Any]:
        """What the journal notes of the run."""
        return {"config": as_plain(self.config), "model": self.plan.model}

    def count(self, reply: Reply, bought: bool) -> None:
        """Add a reply to the run's figures."""
        if bought:
            self.bought += 1
        else:
            self.reused += 1
        self.endpoints[reply.endpoint or "unknown"] += 1
        self.prompt_tokens += reply.usage.prompt_tokens
        self.completion_tokens += reply.usage.completion_tokens

    @property
    def counts(self) -> dict[str, Any]:
        """Templates, answers, accepted, rejections by rule; see `counts`."""
        return counts(self.outcomes)

    @property
    def short(self) -> list[tuple[Template, int]]:
        """Templates with fewer rewrites than wanted, and how many they have."""
        return [(s.template, s.accepted) for o in self.outcomes for s in o.short]

    @property
    def shortfalls(self) -> list[dict[str, Any]]:
        """Those templates, each with why; see `shortfall.shortfalls`."""
        return shortfalls(self.outcomes, self.plan, self.stopped)

    @property
    def cost(self) -> float | None:
        """US dollars for the replies judged, by the config's prices; None where there are none."""
        tokens = (self.prompt_tokens, self.completion_tokens)
        return cost_of(self.config.prices, self.config.model or "", *tokens)

    def raise_unless_done(self) -> None:
        """Raise an error if the run is not complete; its outputs are written before.

        Raises:
            BudgetReached, EndpointUnavailable, Interrupted: run again to resume.
            GivenUp: no useful answers came any more.
            RejectedRequest: every request was refused, and would be again.
            NothingAccepted: every answer was rejected.
        """
        if isinstance(self.stopped, Interrupted) and not (
            self.bought or self.reused or self.in_batches
        ):
            raise Interrupted(self.stopped.signum, "no reply had come yet, run again to start")
        if self.stopped is not None:
            raise self.stopped
        lost = [why for key, why in self.failed.items() if key not in self.refused]
        if lost and self.short:
            what = f"{len(lost)} requests got no reply (the first: {lost[0]})"
            raise EndpointUnavailable(f"{what}; run again to ask for them once more")
        if self.refused and not self.bought and self.short:
            first = next(why for key, why in self.failed.items() if key in self.refused)
            raise RejectedRequest(f"{first}; all {len(self.refused)} requests were refused")
        if not self.counts["accepted"]:
            raise NothingAccepted("no rewrite was accepted; rejected.jsonl has the reasons")

    def summary(self) -> dict[str, Any]:
        """Return the run in one JSON object, as ``--json`` prints it (docs/json-summary.md)."""
        return {
            "model": self.plan.model,
            **self.counts,
            "usage": {"prompt": self.prompt_tokens, "completion": self.completion_tokens},
            "cost": self.cost,
            "endpoints": dict(self.endpoints),
            "complete": self.stopped is None and not self.failed,
            "short_templates": few(self.shortfalls),
            "sent_otherwise": sent_otherwise(self.outcomes),
            "run": {
                "requests": self.bought + self.ahead,
                "ahead": self.ahead,
                "in_batches": self.in_batches,
                "reused": self.reused,
                "failed": dict(self.failed),
                "unknown": self.unknown,
                "left_out": len(self.inputs.left_out),
                "foreseen": self._foreseen(),
                "stopped": None if self.stopped is None else str(self.stopped),
                "seconds": round(monotonic() - self.began, 3),
            },
        }

    def _foreseen(self) -> dict[str, Any] | None:
        """Return the forecast, and the share by which the run needed more (less: negative)."""
        if self.foreseen is None:
            return None
        tokens = self.foreseen["usage"]["prompt"] + self.foreseen["usage"]["completion"]
        taken = self.prompt_tokens + self.completion_tokens
        requests = self.foreseen["requests"]
        return {
            "requests": requests,
            "tokens": tokens,
            "yield": self.foreseen["yield"],
            "requests_off": round(self.bought / max(1, requests) - 1, 3),
            "tokens_off": round(taken / max(1, tokens) - 1, 3),
        }
