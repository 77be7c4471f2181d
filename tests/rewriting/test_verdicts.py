"""Judging bit by bit comes to what judging everything at once, pair by pair, comes to."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from instraug.rewriting.config import RuleName, Rules
from instraug.rewriting.judging.verdicts import Scores, State, judge
from instraug.rewriting.records import Asked, Candidate, Reason, Verdict
from instraug.tasks.neighbours import Alphabet, Neighbours, differences
from instraug.tasks.records import Task
from instraug.tasks.words import folded, words
from tests.chain import request, task

THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
REAL = Path(__file__).parents[2] / "shared" / "data" / "multiinstruct_templates.tsv"


def near(one: str, other: str, threshold: float) -> bool:
    """ROUGE-L at or above the threshold, in exact numbers."""
    a, b = words(one), words(other)
    total = len(a) + len(b)
    return not total or Fraction(2 * LCSseq.similarity(a, b), total) >= Fraction(str(threshold))


def plain(
    of: Task, judged: list[Candidate], rules: Rules, threshold: float | None, scores: Scores
) -> list[list[str]]:
    """The rules that each answer breaks, found by comparing it with all that came before it."""
    texts = {folded(t.text) for t in of.templates}
    accepted: list[str] = []
    found = []
    for candidate in sorted(judged, key=lambda c: (c.request.order, c.choice)):
        broken = [r.rule for r in candidate.reasons]
        told, origin = candidate.instruction, candidate.request.origin.text
        if told is not None:
            if folded(told) in texts:
                if "duplicate" not in rules.off and folded(told) != folded(origin):
                    broken.append("duplicate")
            elif "near_duplicate" not in rules.off and any(
                near(told, other, rules.near_duplicate) for other in (origin, *accepted)
            ):
                broken.append("near_duplicate")
            if threshold is not None and not broken:
                low = scores[candidate.reply, candidate.choice] < threshold
                broken += ["semantic"] if low else []
            if not broken:
                accepted.append(told)
                texts.add(folded(told))
        found.append(broken)
    return found


def answer(of: Task, told: str | None, origin: int, position: int, *reasons: str) -> Candidate:
    """An answer that is already restored."""
    first = request(of, origin)
    asked = Asked(first.origin, first.parent, first.masked, "direct", 0.6, position)
    broken = tuple(Reason(rule, "") for rule in reasons)
    return Candidate(asked, f"{origin}-{position}", "m", 0, 9, told or "", told, reasons=broken)


def rules_of(verdicts: list[Verdict]) -> list[list[str]]:
    return [[r.rule for r in v.reasons] for v in verdicts]


def in_parts(
    of: Task,
    judged: list[Candidate],
    rules: Rules,
    chance: random.Random,
    threshold: float | None = None,
    scores: Scores | None = None,
) -> list[Verdict]:
    """Judge in a random order, in parts of random sizes."""
    state, left = State(of, rules, threshold), list(judged)
    chance.shuffle(left)
    while left:
        some = [left.pop() for _ in range(min(len(left), chance.randint(1, 9)))]
        state, verdicts = judge(state, some, scores or {})
        assert [v.candidate.reply for v in verdicts] == [c.reply for c in some]
    counted = sum(v.accepted for v in state.verdicts)
    assert sum(state.accepted.values()) == counted
    return state.verdicts


OFF: tuple[tuple[RuleName, ...], ...] = (
    *((), (), (), ("duplicate",), ("near_duplicate",)),
    ("duplicate", "near_duplicate"),
)


@settings(max_examples=400, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(st.randoms(use_true_random=False))
def test_random_answers_are_judged_as_by_comparing_all_pairs(chance: random.Random) -> None:
    """Any order, any parts, any threshold, rules on or off, a gate or none: the same verdicts."""
    letters = "abcdefg"[: chance.randint(1, 7)]
    most = chance.choice((3, 8, 24))

    def text() -> str:
        told = [chance.choice(letters) for _ in range(chance.randint(0, most))]
        return chance.choice((" ", "  ", ", ")).join(told)

    of = task(*(f"x {text()}" for _ in range(3)))
    pool = [text() for _ in range(12)] + [t.text.upper() for t in of.templates]
    judged = []
    for i in range(chance.randint(0, 60)):
        kind = chance.choice(("good", "good", "good", "markup", "placeholders"))
        told = None if kind == "placeholders" else _changed(chance, pool, letters)
        judged.append(answer(of, told, i % 3, i // 3, *([] if kind == "good" else [kind])))
    rules = Rules(near_duplicate=chance.choice(THRESHOLDS), off=chance.choice(OFF))
    threshold = chance.choice((None, 0.5))
    scores = {(c.reply, 0): chance.random() for c in judged}
    wanted = plain(of, judged, rules, threshold, scores)
    assert rules_of(in_parts(of, judged, rules, chance, threshold, scores)) == wanted


def _changed(chance: random.Random, pool: list[str], letters: str) -> str:
    """One of the texts with a few words put in, left out or changed."""
    told = chance.choice(pool).split()
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        at = chance.randint(0, len(told))
        told[at : at + chance.randint(0, 1)] = chance.choices(letters, k=chance.randint(0, 1))
    return " ".join(told)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_real_templates_are_judged_as_by_comparing_all_pairs(threshold: float) -> None:
    """Rewrites of real templates, with words swapped, put in and left out."""
    if not REAL.exists():
        pytest.skip("the templates of MultiInstruct are not here")
    real = [line.split("\t")[-1] for line in REAL.read_text().splitlines()[1:]]
    chance = random.Random(threshold)
    texts = [t for t in real if 8 < len(t.split()) < 45][:40]
    of = task(*(t.replace("{", "(").replace("}", ")") for t in texts[:8]))
    vocabulary = sorted({w for t in texts for w in t.split() if w.isalpha()})[:60]
    pool = [t.replace("{", "(").replace("}", ")") for t in texts]
    judged = [
        answer(of, _changed(chance, pool, vocabulary), i % 8, i // 8)  # type: ignore[arg-type]
        for i in range(400)
    ]
    rules = Rules(near_duplicate=threshold)
    wanted = plain(of, judged, rules, None, {})
    assert rules_of(in_parts(of, judged, rules, chance)) == wanted
    assert len({tuple(w) for w in wanted}) > 1 or threshold < 0.7


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_pair_exactly_at_the_threshold_is_near(threshold: float) -> None:
    """At it counts, just below does not, at every threshold and length, found by search too."""
    share = Fraction(str(threshold))
    for total in range(2, 81):
        for one in range(1, total):
            other = total - one
            least = share * total / 2
            common = -(-least.numerator // least.denominator)
            if common > min(one, other):
                continue
            for length, wanted in ((common, True), (common - 1, False)):
                a = "c" * length + "a" * (one - length)
                b = "c" * length + "b" * (other - length)
                for many in (False, True):
                    index: Neighbours[str] = Neighbours(threshold, many=many)
                    index.add("b", b)
                    assert index.near(a, b) is wanted
                    assert index.search(a) == ({"b"} if wanted else set())


def test_a_text_that_was_removed_is_found_no_more() -> None:
    """What an earlier answer displaced blocks nothing."""
    alphabet, index = Alphabet(), Neighbours[str](0.9)
    texts = {n: alphabet.learn(f"say what the {n} shows in one short sentence") for n in "abc"}
    for name, text in texts.items():
        index.add(name, text)
    index.remove("b", texts["b"])
    assert index.search(texts["b"]) == set()
    assert index.search(texts["a"]) == {"a"}
    assert differences(0.95, 39) == 1


def test_a_late_answer_takes_the_place_of_those_behind_it_in_the_plan() -> None:
    """As in plan order: what it blocks goes, and what that one had blocked comes back."""
    of = task("Name one thing that you see.", "Say which colour the sky has here.")
    state = State(of, Rules(near_duplicate=0.8), None)
    chain = ["a b c d e f g h i j", "a b c d e f g h y z", "a b c d e f w x y z"]
    last = answer(of, chain[2], 1, 2)
    state, _ = judge(state, [answer(of, chain[1], 1, 1), last], {})
    assert rules_of(state.verdicts) == [[], ["near_duplicate"]]
    state, _ = judge(state, [answer(of, chain[0], 0, 0)], {})
    assert rules_of(state.verdicts) == [[], ["near_duplicate"], []]
    assert state.accepted == {0: 1, 1: 1}


def test_the_first_accepted_one_is_named_with_its_score() -> None:
    """The detail is that of the first near one in plan order, not of any."""
    of = task("Something else altogether is said here.")
    state = State(of, Rules(near_duplicate=0.75), None)
    texts = ["a b c d e f g h", "a b c d w x y z", "a b c d e f y z"]
    state, _ = judge(state, [answer(of, t, 0, i) for i, t in enumerate(texts)], {})
    assert [r.detail for r in state.verdicts[2].reasons] == [
        "ROUGE-L 0.750 with an accepted rewrite"
    ]
    state, _ = judge(state, [answer(of, "a b c d e f y y", 0, 3)], {})
    assert [r.detail for r in state.verdicts[3].reasons] == [
        "ROUGE-L 0.750 with an accepted rewrite"
    ]
