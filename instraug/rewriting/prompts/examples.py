"""Choose the worked examples most like a template: a small model imitates what it sees.

Half of them are the meta-prompt's own; the rest come from all meta-prompts, so that some fit any
template. The choice is a pure function of the meta-prompts and the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice, pairwise

from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt

_MASK = re.compile(r"\{[A-Z]+\d*\}")

_TOKEN = re.compile(r"\0|[^\W_]+|[?:]")


class Nearest:
    """The examples of a set of meta-prompts, searched by likeness.

    Args:
        meta_prompts: Their examples are searched.
        count: Examples to choose; half of them, rounded up, are the meta-prompt's own.
    """

    def __init__(self, meta_prompts: Sequence[MetaPrompt], count: int = 6) -> None:
        self._count = count
        self._all = _by_source(e for m in meta_prompts for e in m.examples)
        features = {source: _features(source) for source in self._all}
        self._holding: dict[Hashable, list[str]] = {}
        for source, of_source in features.items():
            for feature in of_source:
                self._holding.setdefault(feature, []).append(source)
        total = len(features) + 1
        self._unseen = math.log(total) ** 2
        self._weights = {
            f: math.log(total / (len(sources) + 1)) ** 2 for f, sources in self._holding.items()
        }
        self._norms = {s: self._weight(of_source) for s, of_source in features.items()}

    def __call__(self, text: str) -> Callable[[MetaPrompt], tuple[Example, ...]]:
        """Compare all examples with a text once, for every chat that asks about it.

        Args:
            text: The masked text to rewrite.

        Returns:
            A function from the meta-prompt of a chat to its examples, the nearest last: ``count``
            of them, fewer if there are not that many; no source comes twice.
        """
        likeness = self._likeness(text)
        ranked = _ranked(self._all.values(), likeness)

        def chosen(meta: MetaPrompt) -> tuple[Example, ...]:
            own = _by_source(meta.examples)
            for source in own:
                if source not in likeness:  # of a meta-prompt that is not in the set
                    likeness[source] = self._alike(source, text)
            first = _ranked(own.values(), likeness)[: (self._count + 1) // 2]
            taken = {e.source for e in first}
            others = islice((e for e in ranked if e.source not in taken), self._count - len(first))
            return tuple(reversed(_ranked([*first, *others], likeness)))

        return chosen

    def _likeness(self, text: str) -> dict[str, float]:
        """Return the cosine of each source and a text; rare features count more."""
        wanted = _features(text)
        norm = self._weight(wanted)
        shared: dict[str, list[float]] = {source: [] for source in self._all}
        for feature in wanted:
            for source in self._holding.get(feature, ()):
                shared[source].append(self._weights[feature])
        return {s: _cosine(w, norm * self._norms[s]) for s, w in shared.items()}

    def _alike(self, source: str, text: str) -> float:
        """Return the same for a source outside the set."""
        features, wanted = _features(source), _features(text)
        weights = [self._weights.get(f, self._unseen) for f in features & wanted]
        return _cosine(weights, self._weight(wanted) * self._weight(features))

    def _weight(self, features: Iterable[Hashable]) -> float:
        weights, unseen = self._weights, self._unseen
        return math.fsum([weights.get(f, unseen) for f in features])


def _by_source(examples: Iterable[Example]) -> dict[str, Example]:
    """Return the first example of each source."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.source, example)
    return first


def _ranked(examples: Iterable[Example], likeness: Mapping[str, float]) -> list[Example]:
    """Sort examples by likeness, the nearest first."""
    return sorted(examples, key=lambda e: -likeness[e.source])


def _cosine(shared: Iterable[float], norms: float) -> float:
    return round(math.fsum(shared) / math.sqrt(norms), 9) if norms else 0.0


def _features(text: str) -> frozenset[Hashable]:
    """Return the words and pairs of words of a text, its first word and its last mark."""
    tokens = _TOKEN.findall(_MASK.sub(" \0 ", text).lower())
    pairs = pairwise(tokens)
    return frozenset([*tokens, *pairs, ("^", *tokens[:1]), ("$", text.rstrip()[-1:])])
