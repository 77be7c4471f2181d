"""Choose the worked examples that stand nearest to a template: a small model imitates what it sees.

Every meta-prompt brings examples of its own; those of the others fill up, so that some fit any
template. The choice is a pure function of the meta-prompts and the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt

_MASK = re.compile(r"\{[A-Z]+\d*\}")

_TOKEN = re.compile(r"\0|[^\W_]+|[?:]")


class Nearest:
    """Examples of a set of meta-prompts, searched by likeness."""

    def __init__(self, meta_prompts: Sequence[MetaPrompt], count: int = 6) -> None:
        """Args:
        meta_prompts: Whose examples there are.
        count: Examples to choose; half of them, rounded up, from the meta-prompt itself.
        """
        self._count = count
        self._all = [e for m in meta_prompts for e in m.examples]
        self._features = {e.source: _features(e.source) for e in self._all}
        seen = Counter(f for found in self._features.values() for f in found)
        total = len(self._features) + 1
        self._weights = {f: math.log(total / (n + 1)) ** 2 for f, n in seen.items()}
        self._unseen = math.log(total) ** 2
        self._norms = {s: self._weight(found) for s, found in self._features.items()}

    def __call__(self, meta: MetaPrompt, text: str) -> tuple[Example, ...]:
        """Return the examples for one chat, the nearest last; no source comes twice.

        Args:
            meta: The meta-prompt of the chat.
            text: What is to be rewritten, masked.

        Returns:
            ``count`` examples, fewer where there are not that many.
        """
        wanted = _features(text)
        own = self._ranked(meta.examples, wanted, taken=())[: (self._count + 1) // 2]
        others = self._ranked(self._all, wanted, taken=[e.source for e in own])
        chosen = [*own, *others[: self._count - len(own)]]
        return tuple(reversed(self._ranked(chosen, wanted, taken=())))

    def _ranked(
        self, examples: Iterable[Example], wanted: frozenset[Hashable], taken: Iterable[str]
    ) -> list[Example]:
        """Sort examples by likeness, the nearest first, one of each source that is not taken."""
        left_out = set(taken)
        fresh: dict[str, Example] = {}
        for example in examples:
            if example.source not in left_out:
                fresh.setdefault(example.source, example)
        norm = self._weight(wanted)
        return sorted(fresh.values(), key=lambda e: -self._likeness(e.source, wanted, norm))

    def _likeness(self, source: str, wanted: frozenset[Hashable], norm: float) -> float:
        """Return the cosine of an example's source and a text, rare features counting more."""
        found = self._features.get(source)
        features = _features(source) if found is None else found
        norms = math.sqrt(norm * (self._weight(features) if found is None else self._norms[source]))
        return round(self._weight(features & wanted) / norms, 9) if norms else 0.0

    def _weight(self, features: frozenset[Hashable]) -> float:
        weights, unseen = self._weights, self._unseen
        return math.fsum([weights.get(f, unseen) for f in features])


def _features(text: str) -> frozenset[Hashable]:
    """Return the words and pairs of words of a text, its first word and its last mark."""
    tokens = _TOKEN.findall(_MASK.sub(" \0 ", text).lower())
    pairs = pairwise(tokens)
    return frozenset([*tokens, *pairs, ("^", *tokens[:1]), ("$", text.rstrip()[-1:])])
