"""How far a pool grows and how varied it is: templates that reach 5, 10 and 30 accepted rewrites.

    instraug expand TASKS -o OUT --model local --rewrites 30        # or any endpoint:
    instraug expand TASKS -o OUT --model NAME --base-url URL --rewrites 30 --variant multi-temp
    python benchmarks/reach.py OUT

Prints, of the templates that were sent, how many reached each number; how many rewrites the pool
has; the commonest openings (first two words, case folded) with their share of all rewrites; and
distinct-2 of the originals, and of as many rewrites, drawn 20 times by seed (more texts have a
lower value, so that only pools of one size compare).
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from instraug.evaluation.stats.diversity import distinct
from instraug.tasks.words import words

STEPS = (5, 10, 30)

DRAWS = 20


def opening(text: str) -> str:
    """Return the first two words of an instruction, case folded."""
    return " ".join(text.split()[:2]).lower()


def reached(counts: Iterable[int], step: int) -> int:
    """Return how many templates have at least that many rewrites."""
    return sum(n >= step for n in counts)


def distinct_2(texts: Sequence[str]) -> float | None:
    """Return the distinct pairs of neighbouring words over all of them."""
    return distinct([tuple(words(t)) for t in texts], 2)


def report(originals: Sequence[str], counts: Sequence[int], rewrites: Sequence[str]) -> list[str]:
    """Return the lines to print.

    Args:
        originals: Hand-written instructions.
        counts: Rewrites of each.
        rewrites: All rewrites.
    """
    lines = [f"{len(originals)} templates, {len(rewrites)} rewrites"]
    for step in STEPS:
        n = reached(counts, step)
        lines.append(f"{step} or more: {n} templates ({n / max(1, len(counts)):.0%})")
    for text, n in Counter(map(opening, rewrites)).most_common(6):
        lines.append(f"opens with {text!r}: {n} ({n / len(rewrites):.1%})")
    size = min(len(originals), len(rewrites))
    draws = [distinct_2(random.Random(n).sample(list(rewrites), size)) for n in range(DRAWS)]
    values = [d for d in draws if d is not None]
    before = distinct_2(originals)
    if values and before is not None:
        lines.append(f"distinct-2: originals {before:.3f}, rewrites {sum(values) / DRAWS:.3f}")
    return lines


def main(out: Path) -> None:
    """Read a run's instructions and print its report."""
    rows = [
        json.loads(line) for line in (out / "instructions.jsonl").read_text().split("\n") if line
    ]
    originals = {(r["task"], r["origin"]): r for r in rows if r["source"] == "original"}
    made = Counter((r["task"], r["origin"]) for r in rows if r["source"] == "generated")
    rewrites = [r["instruction"] for r in rows if r["source"] == "generated"]
    texts = [r["instruction"] for r in originals.values()]
    print("\n".join(report(texts, [made[key] for key in originals], rewrites)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
