"""The semantic score of free wording: an instruct model writes well, but may leave things out.

Fewer signals than those of `signals`, as nothing but the placeholders was forced: the share of the
origin's content words that are kept, and how likely the answer was to the model that wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from instraug.rewriting.judging.signals import signals

VERSION = "free-1"
"""Changes with the formula: scores of different versions never mix."""

THRESHOLD = 0.5
"""The score of an answer that is just good enough in the worse of the two signals."""

_KEPT = 0.8
"""Least share of content words that are kept or replaced by a near-synonym."""

_FLUENCY = -0.75
"""Least mean log-probability of a token (nats)."""


def score(origin: str, rewrite: str, logprobs: Sequence[float] = ()) -> float:
    """Return how surely a freely worded rewrite keeps its origin's meaning (0 to 1).

    0 where only one of them has a negation.

    Args:
        origin: The hand-written template.
        rewrite: The rewrite, as a template too.
        logprobs: The log-probability of each token of the answer (nats); empty if there are none.
    """
    measured = signals(origin, rewrite)
    if measured.turned:
        return 0.0
    mean = math.fsum(logprobs) / len(logprobs) if logprobs else _FLUENCY
    return min(1.0, THRESHOLD * min(measured.kept / _KEPT, math.exp(mean - _FLUENCY)))
