"""The benchmark of judges does its sums as one does them by hand."""

from __future__ import annotations

import importlib.util
import math
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def judges() -> ModuleType:
    """The script, which is in no package."""
    spec = importlib.util.spec_from_file_location("judges", ROOT / "benchmarks/judges.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["judges"] = module
    spec.loader.exec_module(module)
    return module


def row(said: str, **more: Any) -> dict[str, Any]:
    """A labelled pair; ``said`` has g, m and r for each yes."""
    answers = {
        "grammatical": "g" in said,
        "same_meaning": "m" in said,
        "real_rephrase": "r" in said,
    }
    pair = {"origin": "Name {a}.", "rewrite": "Say {a}.", "logprobs": [-0.5], "task": "t"}
    return {"id": "0", "run": "x", "accepted": True, **pair, **answers, **more}


def test_the_area_under_the_curve_counts_pairs(judges: ModuleType) -> None:
    """Yes at 3 and 1, no at 2 and 1: of four pairs two are won, one is lost and one is a tie."""
    assert judges.auc([(3, True), (1, True), (2, False), (1, False)]) == 2.5 / 4
    assert math.isnan(judges.auc([(1, True)]))


def test_kappa_takes_off_what_chance_agrees_on(judges: ModuleType) -> None:
    """Equal on 3 of 4; one says yes to 2, the other to 3: chance 1/2, so (3/4 - 1/2) / (1/2)."""
    one, other = [True, True, False, False], [True, True, True, False]
    assert judges.kappa(one, other) == pytest.approx(0.5)
    assert judges.kappa([True], [True]) == 1


def test_the_threshold_is_chosen_on_one_half_and_measured_on_the_other(judges: ModuleType) -> None:
    """Even tasks say 0.4; on the odd ones that is right for two of three."""
    even, odd = (
        next(t for t in "abcdefgh" if zlib.crc32(t.encode()) % 2 == half) for half in (0, 1)
    )
    rows = [
        row("gm", task=even, minilm=0.4),
        row("", task=even, minilm=0.3),
        row("gm", task=odd, minilm=0.9),
        row("gm", task=odd, minilm=0.35),
        row("g", task=odd, minilm=0.1),
    ]
    (line,) = [c for c in judges.compare_judges(rows) if "MiniLM" in c]
    assert line == "| MiniLM cosine | 3 | 1.00 | 1.00 | 1.00 | 0.40 | 67% |"


def test_the_cosine_is_asked_what_it_lets_pass(judges: ModuleType) -> None:
    """Two accepted rewrites are bad, one of them at 0.7; what was rejected does not count."""
    said = [("g", 0.7, True), ("m", 0.69, True), ("gm", 0.9, True), ("", 0.9, False)]
    rows = [row(text, minilm=cosine, accepted=a) for text, cosine, a in said]
    assert "passes 1 of 2 accepted" in judges.lenient(rows)


def test_a_run_is_worth_what_its_sample_says(judges: ModuleType) -> None:
    """Two of four read are good, one is real, too: of 40 accepted in 10,000 tokens 20 and 10."""
    rows = [row("gmr"), row("gm"), row("r"), row("g"), row("gmr", accepted=False)]
    run = {"answers": 80, "accepted": 40, "tokens": 10_000}
    line = judges.compare_runs(rows, {"x": run})[-1]
    cells = [c.strip() for c in line.strip("|").split("|")]
    assert cells[:4] == ["x", "80", "40", "4"]
    assert [c.split()[0] for c in cells[4:7]] == ["50%", "50%", "25%"]
    assert cells[7:] == ["2.0", "1.0"]


def test_two_readers_are_compared_on_what_both_read(judges: ModuleType) -> None:
    """A pair that only one of them read does not count."""
    first = [row("gm", id="1"), row("g", id="2"), row("", id="3")]
    second = [row("gm", id="1"), row("gm", id="2")]
    lines = judges.compare_readers(first, second)
    assert lines[0] == "two readers, 2 pairs"
    assert lines[4:6] == ["| grammatical | 100% | 1.00 |", "| same_meaning | 50% | 0.00 |"]


def test_the_page_shows_what_the_labels_say(judges: ModuleType) -> None:
    """Every line that the script prints is in docs, so that no figure outlives its labels."""
    page = (ROOT / "docs/rewrites-by-hand.md").read_text().split("\n")
    data = judges.DATA
    files = ("labels.jsonl", "labels.second.jsonl", "runs.json")
    printed = judges.tables(*(data / name for name in files))
    assert [line for line in printed if line not in page] == []


def test_the_readme_says_what_the_labels_say(judges: ModuleType) -> None:
    """Its one sentence of figures is of the run whose rewrites it shows."""
    rows = judges.read_rows(judges.DATA / "labels.jsonl")
    read = [r for r in rows if r["run"] == "now, unseen" and r["accepted"]]
    good, both = (judges.mean(map(f, read)) for f in (judges.good, judges.good_and_real))
    text = " ".join((ROOT / "README.md").read_text().split())
    assert f"{good:.0%}".replace("%", " %") in text
    assert f"{both:.0%}".replace("%", " %") in text


def test_every_label_is_an_answer_to_each_question_and_no_pair_comes_twice(
    judges: ModuleType,
) -> None:
    """At least 400 pairs; the second reader read some of the same."""
    rows = judges.read_rows(judges.DATA / "labels.jsonl")
    assert len(rows) == len({r["id"] for r in rows}) >= 400
    second = judges.read_rows(judges.DATA / "labels.second.jsonl")
    assert len(second) == 100
    assert {r["id"] for r in second} <= {r["id"] for r in rows}
    assert all(isinstance(r[q], bool) for r in (*rows, *second) for q in judges.QUESTIONS)


def test_the_interval_of_half_of_ten(judges: ModuleType) -> None:
    """Wilson's interval of 5 of 10 is 0.237 to 0.763."""
    low, high = judges.interval(5, 10)
    assert (round(low, 3), round(high, 3)) == (0.237, 0.763)
    assert judges.interval(0, 0) == (0.0, 1.0)
