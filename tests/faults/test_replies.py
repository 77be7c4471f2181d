"""Faults of what a 200 holds, by number: what is no completion, and what is an odd one."""

from __future__ import annotations

import pytest

from instraug.errors import RequestFailed
from instraug.models.budget import BudgetTracker
from tests.models.asking import COUNT, FIRST_MIDDLE_LAST, asked

# ── 16 to 18: a 200 that is no completion ────────────────────────────────────────────────────────

NOT_COMPLETIONS = [
    "empty", "html", "cut_json", "error_object", "latin", "raw:null", "raw:[]", "raw:{}",
    'raw:"text"', 'raw:{"choices":[1]}', 'raw:{"choices":{}}', "raw:" + "[" * 100_000,
    "raw:" + "9" * 6000, 'raw:{"error":{"message":"x"},"choices":[]}', "raw:data: {}\n\n",
]  # fmt: skip


@pytest.mark.parametrize("fault", NOT_COMPLETIONS, ids=lambda f: f[:20])
@FIRST_MIDDLE_LAST
@pytest.mark.fault(16, 17, 18)
def test_what_is_no_completion_is_retried(fault: str, at: int) -> None:
    """Empty, cut, HTML, an error object: a passing fault; and what it cost stays charged."""
    budget = BudgetTracker()
    seen = asked(COUNT, in_turn=True, server={"faults": {at: fault}}, budget=budget)
    assert len(seen.replies) == COUNT
    assert seen.server.count == COUNT + 1
    answered = sum(r.usage.completion_tokens for r in seen.replies)
    assert budget.spent.completion_tokens == answered + 64


@pytest.mark.parametrize("fault", NOT_COMPLETIONS, ids=lambda f: f[:20])
@pytest.mark.fault(16, 17, 18)
def test_and_typed_where_it_stays(fault: str) -> None:
    """Never a JSONDecodeError or an AttributeError: RequestFailed, one line."""
    seen = asked(1, server={"always": fault}, max_attempts=2)
    assert isinstance(seen.errors[0], RequestFailed)
    assert "\n" not in str(seen.errors[0])
    assert seen.server.count == 2


# ── 23 to 26, 35, 36: odd replies are replies ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "odd",
    ["no_choices", "null_choices", "null_content", "reasoning", "length", "filter", "refusal",
     "preamble", "list", "quotes", "fence", "french", "copy", "blank", "orders", "think",
     "lone_surrogate"],
)  # fmt: skip
@pytest.mark.fault(*range(23, 35))
def test_an_odd_reply_is_a_reply(odd: str) -> None:
    """It is handed on, raw body and all, without a second call: judging is not the client's."""
    seen = asked(3, in_turn=True, server={"faults": {1: odd}})
    assert len(seen.replies) == 3
    assert seen.server.count == 3
    reply = seen.replies[1]
    reply.raw.encode()
    for choice in reply.choices:
        (choice.text or "").encode()


@pytest.mark.fault(23, 24)
def test_nothing_said_is_none() -> None:
    """Choices empty or null are no choices; null content, reasoning beside it or not, is None."""
    odd = ["no_choices", "null_choices", "null_content", "reasoning"]
    seen = asked(4, in_turn=True, server={"faults": dict(enumerate(odd))})
    said = [[c.text for c in r.choices] for r in seen.replies]
    assert said == [[], [], [None], [None]]


@pytest.mark.fault(25, 26)
def test_finish_reasons_are_handed_on() -> None:
    """``length`` and ``content_filter`` reach the rules."""
    seen = asked(2, in_turn=True, server={"faults": {0: "length", 1: "filter"}})
    reasons = [r.choices[0].finish_reason for r in seen.replies]
    assert reasons == ["length", "content_filter"]


@pytest.mark.fault(35)
def test_missing_usage_is_estimated_high() -> None:
    """The budget sees at least as much as the endpoint would have counted."""
    told, untold = asked(1).replies, asked(1, server={"always": "no_usage"}).replies
    assert untold[0].usage.estimated
    assert not told[0].usage.estimated
    assert untold[0].usage.prompt_tokens >= told[0].usage.prompt_tokens
    assert untold[0].usage.completion_tokens >= told[0].usage.completion_tokens


@pytest.mark.fault(36)
def test_another_model_is_recorded() -> None:
    """The reply carries the model that answered."""
    assert asked(1, server={"always": "other_model"}).replies[0].model == "another-model-0613"
