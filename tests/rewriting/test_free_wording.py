"""Instruct models: the wording is theirs, the placeholders are forced, and the gate asks for both
signals."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from instraug.models.journal.replay import Replay
from instraug.models.opening import offline
from instraug.rewriting.config import Config
from instraug.rewriting.grammar.masks import free_wordings, masks_forced
from instraug.rewriting.grammar.routes import routes
from instraug.rewriting.judging.free_wording import THRESHOLD, score
from instraug.rewriting.judging.meaning import FREE_WORDING, SignalScorer, scorer_of
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.rewriting.prompts.plan import WARM, make_plan
from instraug.tasks.placeholders import mask, restore
from tests.chain import META
from tests.gbnf import Grammar

TEMPLATES = [
    "Name the bird in {sound}.",
    "{person} and {person} meet. Who speaks first?",
    "Given {a}, {b} and {c}, decide which of them is the oldest.",
    "Add {a} to {b}, then {c} to {d}, and say what {e} is.",
    "Sort the words by their length.",
]
ORIGIN = "Decide if the region {a} of the image contains {b}."
GOOD = "Does the image contain {b} in its region {a}? Decide."


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mask_is_forced_exactly_as_often_as_in_the_template(template: str) -> None:
    """Whatever is said between them."""
    masked = hold_back(mask(template))
    head, _, _ = masks_forced(masked).rpartition("text ::= ")
    grammar = Grammar(f'{head}text ::= " some words "')
    for n in range(20):
        restored = restore(grammar.sample(random.Random(n)), masked)
        assert restored.instruction is not None, restored.difference


def test_free_text_cannot_hold_a_mask_or_a_line_break() -> None:
    """And it is not much longer than the template, so that a mask that is left out comes soon."""
    _, _, text = masks_forced(mask("Name {a} in {b}.")).rpartition("text ::= ")
    assert text == r"[^{}\[\]<>\n]{0,24}" + "\n"


def test_an_instruct_model_is_asked_with_free_wording_and_a_base_model_is_not() -> None:
    """Known from the name in requests alone, so that a frozen run makes the same requests."""
    instruct, base = offline("gguf:0+chat"), offline("gguf:0")
    plans = [
        make_plan(Config(), m.name, [META], constrains=m.constrains, instructed=m.instructed)
        for m in (instruct, base)
    ]
    assert plans[0].grammars is free_wordings
    assert plans[0].temperatures == (WARM,)
    assert plans[1].grammars is routes
    with Replay(Path("none")) as journal:
        assert scorer_of(Config(), instruct, journal) is FREE_WORDING
        assert scorer_of(Config(), base, journal) == SignalScorer()


def test_both_signals_must_be_good_enough() -> None:
    """A likely answer that leaves words out fails, and so does an unlikely one that keeps all."""
    sure, unsure = [-0.5] * 9, [-1.0] * 9
    assert score(ORIGIN, GOOD, sure) >= THRESHOLD > score(ORIGIN, GOOD, unsure)
    assert score(ORIGIN, "Is {b} in {a}?", sure) < THRESHOLD
    assert score(ORIGIN, GOOD.replace("Does", "Does not"), sure) == 0
    assert 0 <= score(ORIGIN, ORIGIN) <= 1
