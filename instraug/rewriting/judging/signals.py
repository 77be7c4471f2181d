"""The semantic score of the embedded model: does a rewrite keep the meaning, and read well?

It is a pure function of the two texts and of the answer's log-probabilities, which the journal
keeps: offline it gives the same number. A logistic function weighs four signals. Its coefficients
were fitted on rewrites of half of the tasks, judged by hand, and tested on the other half (figures
in docs/embedded-model.md):

fluency      how likely each token was after the opening of the rewrite: a model that is forced, or
             has lost the thread, finds each token unlikely
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
"""First tokens of an answer, which do not count: the grammar chose them."""

_TYPICAL = -0.6
"""Fluency of an answer without log-probabilities (nats a token)."""

_BIAS, _FLUENCY, _COVERAGE, _ORDER, _REPETITION = -1.66, 2.23, 2.30, 2.63, -0.70

_FAULT = -4.0
"""Added if only one of the texts has a negation, and again if too many words are left out."""

_LEFT_OUT = 0.5
"""Too many words are left out if a smaller share of those outside placeholders is kept."""


@dataclass(frozen=True)
class Signals:
    """The signals that make up the score."""

    fluency: float
    """Mean log-probability of a token (nats, at most 0)."""
    coverage: float
    """Share of the origin's content words that are kept (0 to 1)."""
    kept: float
    """The same without placeholders, which are always kept."""
    order: float
    """Share of the pairs of neighbours that are kept (0 to 1)."""
    repetition: int
    """Surplus content words."""
    turned: bool
    """Whether a negation came or went."""


def score(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> float:
    """Return how likely a rewrite keeps its origin's meaning (0 to 1, higher is better).

    Args:
        origin: The hand-written template.
        rewrite: The rewrite, as a template too.
        logprobs: The log-probability of each token of the answer (nats), without temperature;
            empty if the model gave none.
    """
    measured = signals(origin, rewrite, logprobs)
    faults = [measured.turned, measured.kept < _LEFT_OUT].count(True)
    logit = (
        _BIAS
        + _FLUENCY * measured.fluency
        + _COVERAGE * measured.coverage
        + _ORDER * measured.order
        + _REPETITION * measured.repetition
        + _FAULT * faults
    )
    return 1 / (1 + math.exp(-logit))


def signals(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> Signals:
    """Measure a rewrite; arguments as for `score`."""
    before, after = words(origin), words(rewrite)
    content_before = [w for w in before if w not in GRAMMATICAL]
    content_after = [w for w in after if w not in GRAMMATICAL]
    body = logprobs[_OPENING:] or logprobs
    return Signals(
        fluency=math.fsum(body) / len(body) if body else _TYPICAL,
        coverage=_share(content_before, content_after),
        kept=_share(_own(content_before), _own(content_after)),
        order=_order(before, after),
        repetition=_surplus(content_before, content_after),
        turned=negated(before) != negated(after),
    )


def _own(words: Sequence[str]) -> list[str]:
    """Return the words that are not placeholders."""
    return [w for w in words if w[0] != "{"]


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


def _surplus(before: Sequence[str], after: Sequence[str]) -> int:
    """Count how many of the origin's words the rewrite has more than the origin."""
    wanted, given = Counter(map(stem, before)), Counter(map(stem, after))
    return sum(max(0, given[s] - n) for s, n in wanted.items())
