"""How far a pool grows and how varied it is: templates that reach 5, 10 and 30 accepted rewrites.

    instraug expand TASKS -o OUT --model local --rewrites 30        # or any endpoint:
    instraug expand TASKS -o OUT --model NAME --base-url URL --rewrites 30 --variant multi-temp
    python benchmarks/reach.py OUT

Prints, of the templates that were sent, how many reached each number; how many rewrites the pool
has; the commonest openings (first two words, case folded) with their share of all rewrites; and
distinct-2 of the originals, and of one rewrite for each of them, drawn 20 times by seed (more texts
have a lower value, so that only sets of one size compare).
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


def report(pool: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return the lines to print.

    Args:
        pool: Each hand-written instruction with its rewrites.
    """
    counts = [len(made) for _, made in pool]
    rewrites = [text for _, made in pool for text in made]
    lines = [f"{len(pool)} templates, {len(rewrites)} rewrites"]
    for step in STEPS:
        n = reached(counts, step)
        lines.append(f"{step} or more: {n} templates ({n / max(1, len(counts)):.0%})")
    for text, n in Counter(map(opening, rewrites)).most_common(6):
        lines.append(f"opens with {text!r}: {n} ({n / len(rewrites):.1%})")
    before = distinct_2([original for original, made in pool if made])
    draws = [random.Random(seed) for seed in range(DRAWS)]
    after = [distinct_2([rng.choice(made) for _, made in pool if made]) for rng in draws]
    values = [value for value in after if value is not None]
    if values and before is not None:
        lines.append(f"distinct-2: originals {before:.3f}, rewrites {sum(values) / DRAWS:.3f}")
    return lines


def main(out: Path) -> None:
    """Read a run's instructions and print its report."""
    text = (out / "instructions.jsonl").read_text()
    pool: dict[tuple[str, int], tuple[str, list[str]]] = {}
    for row in map(json.loads, filter(None, text.split("\n"))):
        key = row["task"], row["origin"]
        if row["source"] == "original":
            pool[key] = (row["instruction"], [])
        else:
            pool[key][1].append(row["instruction"])
    print("\n".join(report(list(pool.values()))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
