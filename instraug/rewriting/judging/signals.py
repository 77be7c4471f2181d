"""The semantic score of the embedded model: does a rewrite keep the meaning, and read well?

It is a pure function of the two texts and of the answer's log-probabilities, which the journal
keeps: offline it gives the same number. It falls with how unlikely the tokens of the answer were to
the model after its opening, and far below any threshold where words are left out or a negation
comes or goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from instraug.rewriting.grammar.inflection import base
from instraug.rewriting.grammar.lexicon import GRAMMATICAL, alike, bag, negated
from instraug.tasks.words import words

VERSION = "logistic-3"
"""Changes with the formula: scores of different versions never mix."""

THRESHOLD = 0.5
"""The least score that passes unless a run sets its own (0 to 1)."""

_OPENING = 2
"""First tokens of an answer, which do not count: the grammar chose them."""

_TYPICAL = -0.6
"""Fluency of an answer without log-probabilities (nats a token)."""

_EVEN = -1.6
"""Fluency at which the score is 0.5 (nats a token)."""

_STEEP = 2.2
"""How fast the score falls below it, and rises above."""

_FAULT = -6.0
"""Added if only one of the texts has a negation, and again if too many words are left out."""

_KEPT = 0.7
"""Too many words are left out if a smaller share is kept."""

_FRAME = bag(
    """decide determine judge tell say state name identify find check verify assess locate select
    choose pick give provide answer answers reply task goal aim job please asked required need
    needed you common given provided following then first will shall presented regarding pay
    attention many together mentioned"""
)
"""Words that only say that something is asked, or that other words imply."""


@dataclass(frozen=True)
class Signals:
    """The signals that make up the score."""

    fluency: float
    """Mean log-probability of a token (nats, at most 0)."""
    kept: float
    """Share of the origin's content words that the rewrite has, or near-synonyms of (0 to 1)."""
    turned: bool
    """Whether a negation came or went."""


def score(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> float:
    """Return how likely a rewrite keeps its origin's meaning and reads well (0 to 1).

    Args:
        origin: The hand-written template.
        rewrite: The rewrite, as a template too.
        logprobs: The log-probability of each token of the answer (nats), without temperature;
            empty if the model gave none.
    """
    measured = signals(origin, rewrite, logprobs)
    faults = [measured.turned, measured.kept < _KEPT].count(True)
    return 1 / (1 + math.exp(-_STEEP * (measured.fluency - _EVEN) - _FAULT * faults))


def signals(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> Signals:
    """Measure a rewrite; arguments as for `score`."""
    before, after = words(origin), words(rewrite)
    body = logprobs[_OPENING:] or logprobs
    return Signals(
        fluency=math.fsum(body) / len(body) if body else _TYPICAL,
        kept=_share(_content(before), _content(after)),
        turned=negated(before) != negated(after),
    )


def _content(words: Sequence[str]) -> list[str]:
    """Return the words that say what an instruction is about, placeholders left out."""
    plain = (w.removesuffix("'s") for w in words if w[0] != "{")
    return [base(w) for w in plain if w not in GRAMMATICAL and w not in _FRAME]


def _share(wanted: Sequence[str], given: Sequence[str]) -> float:
    """Return the share of the words that have a partner of their own on the other side."""
    left = list(given)
    for word in wanted:
        partner = next((w for w in left if alike(word, w)), None)
        if partner is not None:
            left.remove(partner)
    return (len(given) - len(left)) / len(wanted) if wanted else 1.0
