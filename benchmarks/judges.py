"""Hold automatic judges of rewrites against labels made by hand, and compare runs by those labels.

    python benchmarks/judges.py [LABELS.jsonl] [--second SECOND.jsonl]

The labels (benchmarks/data/labels.jsonl) and how they were made: benchmarks/data/labels.md. A
pair is good if it is grammatical and means the same. Prints

1. how well two readers agree: the share of equal answers and Cohen's kappa, question by question;
2. how well each automatic score tells good pairs from bad ones, for each kind of run and for all of
   them: the area under the curve (AUC), and the share of pairs on which the score and the reader
   agree at a threshold. The gate is the score that the run's own version gave. The threshold
   is the best one on the tasks whose name has an even CRC32; all figures are of the odd ones;
3. what each run is worth: good, real, good and real, each as a share of what it accepted and per
   1,000 generated tokens, those of rejected answers included.

The cosine of all-MiniLM-L6-v2 is among the scores where the labels hold it, as `minilm`.
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.rewriting.judging.signals import signals

DATA = Path(__file__).parent / "data"

LEAST = 30
"""Pairs of held-out tasks that a kind of run has at least to get a table of its own."""

QUESTIONS = ("grammatical", "same_meaning", "real_rephrase")

Row = Mapping[str, Any]
Scored = Sequence[tuple[float, bool]]
"""(a score, whether the reader says yes) of each pair."""


@dataclass(frozen=True)
class Judge:
    """An automatic score."""

    name: str
    score: Callable[[Row], float | None]
    """Higher is better; None where the row lacks what it takes."""


def kept(row: Row) -> float:
    """Return the share of the origin's content words that are kept or have a near-synonym."""
    return signals(row["origin"], row["rewrite"]).kept


def mean_logprob(row: Row) -> float | None:
    """Return the mean log-probability of an answer's tokens (nats)."""
    found = row["logprobs"]
    return math.fsum(found) / len(found) if found else None


JUDGES = (
    Judge("gate of the run", lambda row: row.get("gate")),
    Judge("kept content words", kept),
    Judge("mean log-probability", mean_logprob),
    Judge("MiniLM cosine", lambda row: row.get("minilm")),
)


COSINE = 0.7
"""The threshold at which a cosine is often taken for a judge."""


def good(row: Row) -> bool:
    """Whether a pair is grammatical and means the same."""
    return bool(row["grammatical"] and row["same_meaning"])


def real(row: Row) -> bool:
    """Whether a rewrite is worded otherwise in more than its opening or one word."""
    return bool(row["real_rephrase"])


def good_and_real(row: Row) -> bool:
    """Whether a pair is good and a real rephrasing."""
    return good(row) and real(row)


def held_out(row: Row) -> bool:
    """Whether a pair's task is one that no threshold was chosen on."""
    return zlib.crc32(row["task"].encode()) % 2 == 1


def auc(scored: Scored) -> float:
    """Return the chance that a yes scores higher than a no, a tie counting half.

    nan where there are only yes or only no.
    """
    yes = [s for s, said in scored if said]
    no = [s for s, said in scored if not said]
    if not yes or not no:
        return math.nan
    wins = sum((y > n) + 0.5 * (y == n) for y in yes for n in no)
    return wins / (len(yes) * len(no))


def agreement(scored: Scored, threshold: float) -> float:
    """Return the share of pairs where "at least the threshold" is what the reader says."""
    return mean((s >= threshold) == said for s, said in scored)


def best_threshold(scored: Scored) -> float:
    """Return the score that agrees most with the reader as a threshold; the least of equal ones."""
    return max(sorted({s for s, _ in scored}), key=lambda t: agreement(scored, t))


def kappa(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Return Cohen's kappa of two readers' answers; 1 where both always say the same one thing."""
    equal = mean(a == b for a, b in zip(one, other, strict=True))
    p, q = mean(one), mean(other)
    chance = p * q + (1 - p) * (1 - q)
    return 1.0 if chance == 1 else (equal - chance) / (1 - chance)


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the Wilson interval of a share (95 %)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return middle - half, middle + half


def mean(values: Iterable[float]) -> float:
    """Return the mean, 0 of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else 0.0


def compare_readers(first: Sequence[Row], second: Sequence[Row]) -> list[str]:
    """Say how well two readers agree on the pairs that both labelled."""
    by_id = {row["id"]: row for row in first}
    pairs = [(by_id[row["id"]], row) for row in second if row["id"] in by_id]
    head = ["| question | equal | kappa |", "|---|---|---|"]
    lines = [f"two readers, {len(pairs)} pairs", "", *head]
    said = [(q, [(bool(a[q]), bool(b[q])) for a, b in pairs]) for q in QUESTIONS]
    said.append(("good", [(good(a), good(b)) for a, b in pairs]))
    for name, both in said:
        equal = mean(a == b for a, b in both)
        chance = kappa([a for a, _ in both], [b for _, b in both])
        lines.append(f"| {name} | {equal:.0%} | {chance:.2f} |")
    return lines


def compare_judges(rows: Sequence[Row]) -> list[str]:
    """Say how well each score tells what the reader says, on the held-out tasks."""
    lines = [
        "| score | pairs | AUC good | AUC same meaning | AUC good, accepted | threshold | agrees |",
        "|---|---|---|---|---|---|---|",
    ]
    for judge in JUDGES:
        found = [(s, row) for row in rows if (s := judge.score(row)) is not None]
        fit = [(s, good(row)) for s, row in found if not held_out(row)]
        test = [(s, row) for s, row in found if held_out(row)]
        if not fit or not test:
            continue
        threshold = best_threshold(fit)
        figures = (
            auc([(s, good(row)) for s, row in test]),
            auc([(s, bool(row["same_meaning"])) for s, row in test]),
            auc([(s, good(row)) for s, row in test if row["accepted"]]),
        )
        cells = " | ".join(f"{f:.2f}" for f in figures)
        agrees = agreement([(s, good(row)) for s, row in test], threshold)
        lines.append(f"| {judge.name} | {len(test)} | {cells} | {threshold:.2f} | {agrees:.0%} |")
    base = mean(good(row) for row in rows if held_out(row))
    return [
        *lines,
        "",
        f"(always the same answer agrees with the reader on {max(base, 1 - base):.0%})",
    ]


def lenient(rows: Sequence[Row]) -> str:
    """Say how many bad rewrites a cosine of `COSINE` lets pass, of those that a run accepted."""
    bad = [row for row in rows if row["accepted"] and not good(row) and "minilm" in row]
    passed = sum(row["minilm"] >= COSINE for row in bad)
    return (
        f"A MiniLM cosine of {COSINE} or more passes {passed} of {len(bad)} accepted bad rewrites."
    )


def compare_runs(rows: Sequence[Row], runs: Mapping[str, Row]) -> list[str]:
    """Say what each run is worth by what was labelled of it.

    Args:
        rows: Labelled pairs; those that a run accepted are a random sample of all it accepted.
        runs: By name: answers, accepted and generated tokens of the whole run.
    """
    head = "run, answers, accepted, read, good, real, good and real"
    columns = [*head.split(", "), "good per 1,000 tokens", "good and real per 1,000 tokens"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, run in runs.items():
        read = [row for row in rows if row["run"] == name and row["accepted"]]
        hits = [sum(map(asked, read)) for asked in (good, real, good_and_real)]
        cells = [f"{name}", f"{run['answers']}", f"{run['accepted']}", f"{len(read)}"]
        for hit in hits:
            low, high = interval(hit, len(read))
            cells.append(f"{hit / max(1, len(read)):.0%} ({low:.0%} to {high:.0%})")
        per = 1000 * run["accepted"] / run["tokens"]
        cells += [f"{per * hit / max(1, len(read)):.1f}" for hit in (hits[0], hits[2])]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def tables(labels: Path, second: Path, runs: Path) -> list[str]:
    """Return every table, as lines of Markdown."""
    rows = read_rows(labels)
    lines = compare_runs(rows, json.loads(runs.read_text()))
    if second.exists():
        lines += ["", *compare_readers(rows, read_rows(second))]
    for kind in sorted({row["run"].replace(",", "").split()[0] for row in rows}):
        some = [row for row in rows if row["run"].replace(",", "").split()[0] == kind]
        if sum(map(held_out, some)) >= LEAST:
            lines += ["", f"judges of {kind}", "", *compare_judges(some)]
    return [*lines, "", "judges of all", "", *compare_judges(rows), "", lenient(rows)]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("labels", type=Path, nargs="?", default=DATA / "labels.jsonl")
    parser.add_argument("--second", type=Path, default=DATA / "labels.second.jsonl")
    parser.add_argument("--runs", type=Path, default=DATA / "runs.json")
    asked = parser.parse_args()
    print("\n".join(tables(asked.labels, asked.second, asked.runs)))


if __name__ == "__main__":
    main()
