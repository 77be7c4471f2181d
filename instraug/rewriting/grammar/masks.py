"""A GBNF grammar that forces the masks of a template and leaves the wording free.

For instruct models, which know by themselves how to rephrase but drop or invent placeholders.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import repeat

from instraug.models.gbnf import literal
from instraug.tasks.placeholders import Masked

_ANY_ORDER = 3
"""More distinct masks than this keep the template's order: one state for each set is too many."""

_LONGEST = 1.5
"""Most characters between two masks, as a share of the template's: a model that has forgotten a
mask comes to it soon."""


def free_wordings(masked: Masked) -> Iterator[str]:
    """Yield the same grammar for each sample: the sample's seed brings the variety."""
    return repeat(masks_forced(masked))


def masks_forced(masked: Masked) -> str:
    """Return a grammar of one-line answers with every mask exactly as often as the template."""
    found = re.findall(masked.pattern, masked.text)
    counts = Counter(found)
    wanted = tuple(counts.values())
    rules, waiting, seen = [], [(0,) * len(counts)], set[tuple[int, ...]]()
    while waiting:
        used = waiting.pop()
        if used in seen:
            continue
        seen.add(used)
        ways = []
        for i, mask in enumerate(counts):
            in_turn = len(counts) <= _ANY_ORDER or mask in found[sum(used) :][:1]
            if used[i] < wanted[i] and in_turn:
                after = (*used[:i], used[i] + 1, *used[i + 1 :])
                waiting.append(after)
                ways.append(f"{literal(mask)} {_name(after)}")
        rules.append(f"{_name(used)} ::= text" + (f" ({' | '.join(ways)})" if ways else ""))
    most = int(_LONGEST * len(masked.text))
    bare = rf"text ::= [^{{}}\[\]<>\n]{{0,{most}}}"
    return "\n".join([f"root ::= {_name((0,) * len(counts))}", *rules, bare]) + "\n"


def _name(used: tuple[int, ...]) -> str:
    """Return the rule of a state: how often each mask is placed so far."""
    return "s" + "-".join(map(str, used))
