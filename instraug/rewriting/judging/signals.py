"""The embedded model's semantic gate: does a rewrite keep its origin's meaning, and read well?

A pure function of the two texts and of the log-probabilities that came with the answer, which the
journal keeps: judged again offline it gives the same number. Four signals, weighed by a logistic
function whose coefficients were fitted once, on rewrites of half of the tasks judged by hand, and
checked on the other half (docs/embedded-model.md holds the figures):

fluency      how expected each token was once the rewrite had opened: a model that is forced, or
             has lost its thread, is surprised at every step
coverage     the share of the origin's content words that the rewrite has, or a near-synonym of
order        the share of neighbouring words that stay neighbours: who does what to whom
repetition   content words that come more often than in the origin
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from instraug.rewriting.grammar.lexicon import GRAMMATICAL, alike, negated, stem
from instraug.tasks.words import words

VERSION = "logistic-2"
"""Changes with the formula: scores of different versions never mix."""

THRESHOLD = 0.25
"""The least score that passes unless a run sets its own (0 to 1)."""

_OPENING = 3
"""Tokens of an answer whose surprise says nothing: the grammar chose them."""

_TYPICAL = -0.6
"""Fluency where an answer came without log-probabilities (nats a token)."""

_BIAS, _FLUENCY, _COVERAGE, _ORDER, _REPETITION = -1.66, 2.23, 2.30, 2.63, -0.70

_FAULT = -4.0
"""Added where one text has a negation and the other has none, and where too much is left out."""

_LEFT_OUT = 0.5
"""Share of the words outside placeholders that is kept, below which that is so."""


@dataclass(frozen=True)
class Signals:
    """What the score is made of."""

    fluency: float
    """Mean log-probability of a token (nats, at most 0)."""
    coverage: float
    """0 to 1."""
    kept: float
    """The same without placeholders, which are always there."""
    order: float
    """0 to 1."""
    repetition: int
    """Surplus content words."""
    turned: bool
    """Whether a negation came or went."""


def score(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> float:
    """Return how surely a rewrite keeps its origin's meaning (0 to 1, higher is surer).

    Args:
        origin: The hand-written template.
        rewrite: The rewrite, as a template too.
        logprobs: The log-probability of each token of the answer (nats), without temperature;
            empty where the backend gave none.
    """
    found = signals(origin, rewrite, logprobs)
    logit = (
        _BIAS
        + _FLUENCY * found.fluency
        + _COVERAGE * found.coverage
        + _ORDER * found.order
        + _REPETITION * found.repetition
        + _FAULT * (found.turned + (found.kept < _LEFT_OUT))
    )
    return 1 / (1 + math.exp(-logit))


def signals(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> Signals:
    """Measure a rewrite; arguments as for `score`."""
    before, after = words(origin), words(rewrite)
    content, told = (tuple(w for w in t if w not in GRAMMATICAL) for t in (before, after))
    body = logprobs[_OPENING:] or logprobs
    return Signals(
        fluency=math.fsum(body) / len(body) if body else _TYPICAL,
        coverage=_share(content, told),
        kept=_share(*(tuple(w for w in t if w[0] != "{") for t in (content, told))),
        order=_order(before, after),
        repetition=_surplus(content, told),
        turned=negated(before) != negated(after),
    )


def _share(wanted: Sequence[str], given: Sequence[str]) -> float:
    """Return the share of the words that have a partner of their own on the other side."""
    left = list(given)
    for word in wanted:
        partner = next((w for w in left if alike(word, w)), None)
        if partner is not None:
            left.remove(partner)
    return (len(given) - len(left)) / len(wanted) if wanted else 1.0


def _order(before: Sequence[str], after: Sequence[str]) -> float:
    """Return the Dice coefficient of the pairs of neighbours, near-synonyms counting as equal."""
    left = list(pairwise(after))
    total, kept = len(before) - 1 + len(left), 0
    for one, other in pairwise(before):
        partner = next((p for p in left if alike(one, p[0]) and alike(other, p[1])), None)
        if partner is not None:
            left.remove(partner)
            kept += 1
    return 2 * kept / total if total > 0 else 1.0


def _surplus(content: Sequence[str], told: Sequence[str]) -> int:
    """Count how often the origin's own words come once too often."""
    before, after = Counter(map(stem, content)), Counter(map(stem, told))
    return sum(max(0, after[s] - n) for s, n in before.items())
