"""Near-duplicates of a pool, against a look at every pair, and against MinHash.

    python benchmarks/near_duplicates.py [--sizes 10000 100000 1000000] [--threshold 0.95]
        [--sizes-only]

Prints one JSON object. `sizes`: processor time, peak memory and pairs of each size, each in a
process of its own, and the exponents between them. `every_pair`: 10,000 instructions with
rouge_score, whose time is that of a sample of pairs times their number, and with rapidfuzz, which
looks at every pair and so knows what there is to find (recall). `minhash`: the same pairs by
rensa's LSH (64 permutations, 16 bands, runs of three words), verified likewise, up to 100,000
instructions; only where rensa is installed. Compare shares, never absolute figures.

The pool: tasks of five instructions and forty rewrites of each, put together from the phrases of
such templates (23 words in the mean, some 20,000 different ones); six in a hundred are a copy of an
earlier instruction, of the same task or any, mostly with one word changed, put in or left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

OPENINGS = [
    "look at the image and",
    "in this picture,",
    "given the image,",
    "using the photo shown,",
    "study the picture carefully and",
    "from what you see here,",
    "considering the whole scene,",
    "based on the image above,",
    "examine the photo, then",
    "please inspect the image and",
]
VERBS = [
    "decide whether",
    "tell me if",
    "state whether",
    "determine whether",
    "judge whether",
    "check if",
    "find out whether",
    "say whether",
    "work out if",
    "establish whether",
]
LINKS = [
    "matches",
    "fits",
    "agrees with",
    "belongs to",
    "describes",
    "corresponds to",
    "is consistent with",
    "refers to",
    "shows",
    "depicts",
]
ENDS = [
    "answer with one of the options",
    "choose the right option",
    "pick the best answer below",
    "reply with a single choice",
    "select one of the choices given",
    "give only the letter of the answer",
    "use one of the listed options",
    "your answer must be one of these",
]
KINDS = [
    "visible",
    "marked",
    "highlighted",
    "given",
    "main",
    "largest",
    "smallest",
    "nearest",
    "described",
    "named",
]
NEAR = 10_000
"""Instructions of which every pair is looked at."""

_MOST = 100_000
"""Most instructions that MinHash is timed on."""

SAMPLE = 5_000
"""Pairs that rouge_score is timed on."""


def made_pool(count: int) -> list[str]:
    """Return so many instructions; the same ones each time."""
    chance = random.Random(19)
    nouns = [
        "".join(
            chance.choice("bcdfghlmnprst") + chance.choice("aeiou")
            for _ in range(chance.randint(2, 4))
        )
        for _ in range(20_000)
    ]
    made: list[str] = []
    while len(made) < count:
        # Few words are frequent and most are rare, as in any language.
        topic = [nouns[int(len(nouns) * chance.random() ** 3)] for _ in range(4)]
        field, place = (
            chance.choice(("text", "question", "label")),
            chance.choice(("region", "object")),
        )
        for _ in range(5):
            kind = chance.choice(KINDS)
            for _ in range(40):
                if made and chance.random() < 0.06:
                    made.append(_copied(made, nouns, chance))
                else:
                    made.append(_written(topic, field, place, kind, chance))
    return made[:count]


def _written(topic: list[str], field: str, place: str, kind: str, chance: random.Random) -> str:
    parts = [chance.choice(OPENINGS)] if chance.random() < 0.8 else []
    parts += [chance.choice(VERBS), "the", chance.choice(KINDS), topic[0], f'"{{{field}}}"']
    parts += [chance.choice(LINKS), "the", kind, topic[1]]
    if chance.random() < 0.6:
        parts += ["and", topic[2], chance.choice(("in", "near", "under", "beside")), f"{{{place}}}"]
    if chance.random() < 0.4:
        parts += ["without", chance.choice(KINDS), topic[3]]
    end = f"? {chance.choice(ENDS)}." if chance.random() < 0.7 else "?"
    return f"{' '.join(parts)}{end}".capitalize()


def _copied(made: list[str], nouns: list[str], chance: random.Random) -> str:
    words = chance.choice(made[-200:] if chance.random() < 0.5 else made).split()
    if chance.random() < 0.7:
        at, length = chance.randrange(len(words)), chance.randint(0, 1)
        words[at : at + length] = chance.choices(nouns, k=1 if not length else chance.randint(0, 1))
    return " ".join(words)


def one(size: int, threshold: float) -> None:
    """Find the near pairs of one pool in this process, and print its figures."""
    from instraug.tasks.near_duplicates import left_out, near_pairs

    texts = made_pool(size)
    before = _peak()
    begun = process_time()
    pairs = near_pairs(texts, threshold)
    gone = left_out(pairs, lambda _: False)
    cpu = process_time() - begun
    figures = {
        "instructions": size,
        "pairs": len(pairs),
        "left_out": len(gone),
        "cpu_s": round(cpu, 2),
        "cpu_us_each": round(cpu / size * 1e6, 1),
        "pool_mb": round(before),
        "peak_mb": round(_peak()),
    }
    print(json.dumps(figures))


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def every_pair(threshold: float) -> dict[str, Any]:
    """Hold ours against a look at every pair, by rouge_score and by rapidfuzz."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import Tokenizer

    from instraug.tasks.near_duplicates import near_pairs
    from instraug.tasks.words import rouge_l, words

    class OurWords(Tokenizer):  # type: ignore[misc]
        def tokenize(self, text: str) -> list[str]:
            return list(words(text))

    texts = made_pool(NEAR)
    begun = process_time()
    ours = near_pairs(texts, threshold)
    cpu = process_time() - begun
    scorer = RougeScorer(["rougeL"], tokenizer=OurWords())

    def score(one: int, other: int) -> float:
        return float(scorer.score(texts[one], texts[other])["rougeL"].fmeasure)

    chance = random.Random(1)
    sample = [tuple(sorted(chance.sample(range(NEAR), 2))) for _ in range(SAMPLE)]
    begun = process_time()
    scores = [score(one, other) for one, other in sample]
    rouge = (process_time() - begun) / SAMPLE * NEAR * (NEAR - 1) / 2
    found = {(one, other) for one, other, _ in ours}
    asked = [*sample, *sorted(found)]
    scores += [score(one, other) for one, other in sorted(found)]
    wanted = _all_near(texts, threshold)
    same = sum(
        (got >= threshold - 1e-9) == (rouge_l(words(texts[a]), words(texts[b]), threshold) > 0)
        for (a, b), got in zip(asked, scores, strict=True)
    )
    return {
        "instructions": NEAR,
        "ours_cpu_s": round(cpu, 2),
        "rouge_score_cpu_s": round(rouge),
        "times_faster": round(rouge / cpu),
        "verdicts_as_rouge_score": f"{same} of {len(asked)}",
        "near_pairs": len(wanted),
        "recall": len(found & wanted) / len(wanted),
        "false": len(found - wanted),
    }


def _all_near(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    """Return the near pairs that `near_pairs` states, by a look at every pair."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import extract

    from instraug.tasks.neighbours import Alphabet, differences

    alphabet, firsts = Alphabet(), dict[str, int]()
    near: set[tuple[int, int]] = set()
    for number, text in enumerate(texts):
        first = firsts.setdefault(alphabet.learn(text), number)
        if first != number:
            near.add((first, number))
    spelled = list(firsts)
    for at, text in enumerate(spelled):
        others = spelled[at + 1 :]
        most = differences(threshold, 2 * max(map(len, spelled[at:])))
        for other, distance, _ in extract(
            text, others, scorer=Indel.distance, score_cutoff=most, limit=None
        ):
            if distance <= differences(threshold, len(text) + len(other)):
                near.add((firsts[text], firsts[other]))
    return near


def minhash(size: int, threshold: float) -> None:
    """Find the near pairs by rensa's LSH in this process, and print its figures."""
    from rensa import RMinHash, RMinHashLSH

    from instraug.tasks.near_duplicates import near_pairs
    from instraug.tasks.words import rouge_l, words

    texts = made_pool(size)
    found: set[tuple[int, int]] = set()
    begun = process_time()
    lsh, seen = RMinHashLSH(threshold=0.5, num_perm=64, num_bands=16), dict[tuple[str, ...], int]()
    for number, text in enumerate(texts):
        split = words(text)
        first = seen.setdefault(split, number)
        if first != number:
            found.add((first, number))
            continue
        sketch = RMinHash(num_perm=64, seed=1)
        sketch.update([" ".join(split[i : i + 3]) for i in range(max(1, len(split) - 2))])
        near = (n for n in lsh.query(sketch) if rouge_l(words(texts[n]), split, threshold))
        found.update((n, number) for n in near)
        lsh.insert(number, sketch)
    cpu, peak = process_time() - begun, _peak()
    wanted = {(one, other) for one, other, _ in near_pairs(texts, threshold)}
    figures = {
        "instructions": size,
        "cpu_s": round(cpu, 2),
        "peak_mb": round(peak),
        "recall": round(len(found & wanted) / len(wanted), 4),
    }
    print(json.dumps(figures))


def main() -> None:
    """Run each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--threshold", type=float, default=0.95)
    parser.add_argument("--sizes-only", action="store_true", help="leave the peers out")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--minhash", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args.one, args.threshold)
        return
    if args.minhash:
        minhash(args.minhash, args.threshold)
        return

    def apart(kind: str, size: int) -> dict[str, Any]:
        given = (kind, str(size), "--threshold", str(args.threshold))
        done = subprocess.check_output([sys.executable, __file__, *given], text=True)
        found: dict[str, Any] = json.loads(done)
        return found

    sizes = [apart("--one", size) for size in args.sizes]
    rensa = importlib.util.find_spec("rensa")
    exponents = [
        round(
            math.log(b["cpu_s"] / a["cpu_s"]) / math.log(b["instructions"] / a["instructions"]), 2
        )
        for a, b in itertools.pairwise(sizes)
    ]
    figures = {
        "threshold": args.threshold,
        "sizes": sizes,
        "exponents": exponents,
    }
    if not args.sizes_only:
        figures["every_pair"] = every_pair(args.threshold)
        some = [size for size in args.sizes if rensa and size <= _MOST]
        figures["minhash"] = [apart("--minhash", size) for size in some]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
