"""Semantic scores of candidates: by the embedded model's own signals, or by embeddings.

Either way a later run uses the same numbers: the former are a pure function of the journaled reply,
the latter are in the journal.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from instraug.errors import ScoreMiss
from instraug.models.chat import Embed
from instraug.models.journal.replay import Replay
from instraug.models.opening import Model
from instraug.rewriting.config import Config, Rules
from instraug.rewriting.judging import free_wording
from instraug.rewriting.judging import signals as semantic
from instraug.rewriting.judging.verdicts import Scores
from instraug.rewriting.records import Candidate


@dataclass(frozen=True)
class Gate:
    """The semantic gate: how candidates are scored, and the least score that passes."""

    score: Callable[[list[Candidate]], Awaitable[Scores]]
    threshold: float


COSINE = "cosine:"
"""Begins the id of an embedding scorer; the embedding model's name follows."""

_MASK = re.compile(r"\{[^{}]*\}")


class Scorer(Protocol):
    """Scores how surely rewrites keep their origin's meaning."""

    @property
    def id(self) -> str:
        """Names the scorer and its version: scores of different ids never mix."""

    @property
    def threshold(self) -> float:
        """The least score that passes (0 to 1) unless the rules set another."""

    async def score(self, judged: Iterable[Candidate]) -> Scores:
        """Return the score of each candidate that is a template (0 to 1, higher is closer)."""


@dataclass(frozen=True)
class SignalScorer:
    """Scores by the texts and the journaled log-probabilities; see `judging.signals`."""

    id: str = semantic.VERSION
    threshold: float = semantic.THRESHOLD
    formula: Callable[[str, str, Sequence[float]], float] = semantic.score

    async def score(self, judged: Iterable[Candidate]) -> Scores:
        """Score each candidate."""
        return {
            (c.reply, c.choice): self.formula(c.request.origin.text, c.instruction, c.logprobs)
            for c in judged
            if c.instruction is not None
        }


FREE_WORDING = SignalScorer(free_wording.VERSION, free_wording.THRESHOLD, free_wording.score)
"""Scores what an instruct model wrote; see `judging.free_wording`."""


class CosineScorer:
    """Scores by the cosine of embeddings; each pair of texts is embedded once, then journaled.

    Args:
        model: The embedding model's name.
        journal: The journal; a `Journal` if embeddings may be requested.
        embed: Returns one vector a text; None: a score that the journal lacks is a ScoreMiss.
    """

    threshold = 0.7

    def __init__(self, model: str, journal: Replay, embed: Embed | None) -> None:
        self.id = f"{COSINE}{model}"
        self._journal, self._embed = journal, embed

    async def score(self, judged: Iterable[Candidate]) -> Scores:
        """Score each candidate; scores that the journal lacks are computed and recorded.

        Raises:
            ScoreMiss: the journal lacks a score, and no embeddings may be requested.
            EndpointError: the endpoint gave no embeddings.
        """
        pairs = {
            (c.reply, c.choice): (_plain(c.request.origin.text), _plain(c.instruction))
            for c in judged
            if c.instruction is not None
        }
        known = {p: self._journal.score(self.id, _key(p)) for p in set(pairs.values())}
        if missing := sorted(p for p, value in known.items() if value is None):
            known |= await self._new(missing)
        return {where: value for where, p in pairs.items() if (value := known[p]) is not None}

    async def _new(self, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
        if self._embed is None:
            raise ScoreMiss(self.id, [rewrite for _, rewrite in pairs])
        texts = sorted({text for pair in pairs for text in pair})
        vectors = dict(zip(texts, await self._embed(texts), strict=True))
        scores = {(a, b): _cosine(vectors[a], vectors[b]) for a, b in pairs}
        for pair, value in scores.items():
            self._journal.record_score(self.id, _key(pair), value)  # type: ignore[attr-defined]
        return scores


def _plain(template: str | None) -> str:
    """Replace placeholders by the word "thing", which every embedding model knows."""
    return _MASK.sub("thing", template or "")


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    norm = math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / norm if norm else 0.0


def _key(pair: tuple[str, str]) -> str:
    return hashlib.sha256("\0".join(pair).encode("utf-8", "surrogatepass")).hexdigest()


def scorer_of(config: Config, model: Model, journal: Replay) -> Scorer | None:
    """Return the scorer of the semantic gate; None if the gate is off.

    It is on with an embedding model, with a model that reports log-probabilities, and if the rules
    set a threshold.
    """
    rules = config.rules
    if "semantic" in rules.off:
        return None
    if config.embedding_model:
        return CosineScorer(config.embedding_model, journal, model.embed)
    if model.instructed:
        return FREE_WORDING
    return SignalScorer() if model.reports_logprobs or rules.semantic is not None else None


def gate_of(rules: Rules, scorer: Scorer | None) -> Gate | None:
    """Return the gate of a scorer, with the rules' threshold or the scorer's own."""
    if scorer is None:
        return None
    least = scorer.threshold if rules.semantic is None else rules.semantic
    return Gate(scorer.score, least)
