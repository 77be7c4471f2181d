"""The result of a run: counts, tokens, cost, and whether every row has a prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from instraug.errors import EndpointUnavailable, FrozenMiss, InstraugError, RejectedRequest
from instraug.evaluation.predict.asking import RowRequest
from instraug.evaluation.predict.config import PredictConfig
from instraug.evaluation.predict.job import Loaded
from instraug.models.chat import Reply
from instraug.models.journal.replay import Replay
from instraug.models.prices import cost_of


@dataclass
class PredictRun:
    """The state and the result of a run."""

    config: PredictConfig
    loaded: Loaded
    model: str
    """As requests carry it."""
    priced: str
    """As prices name it."""
    stopped: InstraugError | None = None
    """Why the run ended before its last row; None where it did not."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Keys that got no reply, and why."""
    refused: Collection[str] = ()
    """Those of them that the endpoint refused, and would refuse again."""
    bought: int = 0
    in_batches: int = 0
    """Requests of batches that are not over."""
    reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of every reply that was used, bought in this run or before."""
    endpoints: Counter[str] = field(default_factory=Counter)
    """Who answered -> replies."""
    sent: Counter[tuple[str, float | None]] = field(default_factory=Counter)
    """Parameter and value that were sent otherwise than asked -> replies."""
    unknown: list[str] = field(default_factory=list)
    """Keys that an earlier run asked for without recording an outcome; asked once more."""
    predictions: int = 0
    """Lines written."""
    refusals: int = 0
    """Of these, of rows that the endpoint refused."""
    images: str | None = None
    """SHA-256 over the SHA-256 of every image asked with, in the order of rows."""
    began: float = field(default_factory=monotonic)

    @property
    def settings(self) -> dict[str, Any]:
        """What the journal notes of the run."""
        return {"predict": self.config.plain(), "model": self.model}

    def count(self, reply: Reply, bought: bool) -> None:
        """Add a reply to the run's figures."""
        self.bought += bought
        self.reused += not bought
        self.endpoints[reply.endpoint or "unknown"] += 1
        self.sent.update(reply.sent)
        self.prompt_tokens += reply.usage.prompt_tokens
        self.completion_tokens += reply.usage.completion_tokens

    @property
    def complete(self) -> bool:
        """Whether every row that can be asked has a prediction."""
        return self.stopped is None and self.predictions == self.loaded.checked.rows

    @property
    def cost(self) -> float | None:
        """US dollars for the replies used, by the config's prices; None where there are none."""
        tokens = (self.prompt_tokens, self.completion_tokens)
        return cost_of(self.config.prices, self.priced, *tokens)

    def raise_unless_done(self) -> None:
        """Raise an error if the run is not complete; its outputs are written before.

        Raises:
            BudgetReached, EndpointUnavailable, Interrupted: run again to resume.
            GivenUp: no useful answers came any more.
            RejectedRequest: every request was refused, and would be again.
        """
        if self.stopped is not None:
            raise self.stopped
        lost = [why for key, why in self.failed.items() if key not in self.refused]
        if lost:
            what = f"{len(lost)} requests got no reply (the first: {lost[0]})"
            raise EndpointUnavailable(f"{what}; run again to ask for them once more")
        if self.refused and not (self.bought or self.reused):
            first = next(iter(self.failed.values()))
            raise RejectedRequest(f"{first}; all {len(self.refused)} requests were refused")

    def summary(self) -> dict[str, Any]:
        """Return the run in one JSON object, as ``--json`` prints it (docs/predicting.md)."""
        checked = self.loaded.checked
        return {
            "model": self.model,
            "rows": checked.rows,
            "left_out": len(checked.left_out),
            "images": checked.images,
            "predictions": self.predictions,
            "refused": self.refusals,
            "usage": {"prompt": self.prompt_tokens, "completion": self.completion_tokens},
            "cost": self.cost,
            "endpoints": dict(self.endpoints),
            "sent_otherwise": [
                {"parameter": name, "sent": sent, "answers": n}
                for (name, sent), n in sorted(self.sent.items(), key=str)
            ],
            "complete": self.complete,
            "run": {
                "requests": self.bought,
                "in_batches": self.in_batches,
                "reused": self.reused,
                "failed": dict(self.failed),
                "unknown": self.unknown,
                "stopped": None if self.stopped is None else str(self.stopped),
                "seconds": round(monotonic() - self.began, 3),
            },
        }


def there(request: RowRequest, journal: Replay) -> RowRequest:
    """Return a request whose reply the journal of a frozen run holds.

    Raises:
        FrozenMiss: it does not.
    """
    if request.chat.key not in journal:
        raise FrozenMiss(
            f"{journal.path}: no reply for {request.about} ({request.where}, request "
            f"{request.chat.key[:12]}); give the rows and options of the run that made the "
            "journal, or run without --frozen to ask"
        )
    return request
