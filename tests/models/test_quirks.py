"""Learning from refusals: what is followed, what is taken back, and that it comes to an end."""

from __future__ import annotations

from typing import Any

from instraug.models.config import Endpoint
from instraug.models.endpoint.quirks import Lesson, Quirks
from instraug.models.endpoint.refusals import Refusal

SENT: dict[str, Any] = {
    "model": "m", "messages": [{"role": "user", "content": "Describe {A}."}],
    "max_tokens": 64, "n": 2, "temperature": 0.6, "top_p": 0.9, "seed": 7,
}  # fmt: skip


def refusal(text: str, **sent: Any) -> Refusal:
    return Refusal(text, SENT | sent)


def test_a_parameter_is_dropped_and_one_value_alone_left_out() -> None:
    """A range teaches nothing of other values."""
    quirks = Quirks(Endpoint())
    assert quirks.learn(refusal("temperature must be <= 0.5"), []) == Lesson("temperature", 0.6)
    assert not quirks.sends("temperature", 0.6)
    assert quirks.sends("temperature", 0.4)
    assert quirks.learn(refusal("unknown field `seed`"), []) == Lesson("seed")
    assert not quirks.sends("seed", 1)


def test_a_guess_that_does_not_help_is_taken_back_and_never_made_again() -> None:
    """The same refusal without the parameter: it was not the cause."""
    notices: list[str] = []
    quirks = Quirks(Endpoint(), notices.append)
    told = refusal("the value of 'seed' is not allowed, id 7f3")
    lesson = quirks.learn(told, [])
    assert lesson == Lesson("seed")
    assert quirks.learn(refusal("the value of 'seed' is not allowed, id 8a1"), [lesson]) is None
    quirks.failed([(lesson, told.alike)], told.alike)
    assert quirks.endpoint == Endpoint()
    assert quirks.learn(told, []) is None
    assert notices == []


def test_what_helped_once_is_not_taken_back() -> None:
    """Another call's other trouble changes nothing that is certain."""
    notices: list[str] = []
    quirks, told = Quirks(Endpoint(), notices.append), refusal("unknown field `seed`")
    lesson = quirks.learn(told, [])
    assert lesson
    quirks.worked([lesson])
    quirks.failed([(lesson, told.alike)], told.alike)
    assert not quirks.sends("seed", 7)
    assert len(notices) == 1


def test_a_lesson_is_heard_once_and_only_when_it_worked() -> None:
    """Two calls under way learn the same; the user reads one line, after the first success."""
    heard: list[str] = []
    quirks = Quirks(Endpoint(), heard.append)
    lessons = [quirks.learn(refusal("'seed' is not supported"), []) for _ in range(2)]
    assert heard == []
    for lesson in lessons:
        assert lesson
        quirks.worked([lesson])
    assert heard == ["the endpoint does not take 'seed'; it is no longer sent"]


def test_learning_comes_to_an_end() -> None:
    """An endpoint that refuses whatever it is sent is asked a bounded number of times."""
    quirks = Quirks(Endpoint())
    tried: list[Lesson] = []
    names = " ".join(f"'{name}'" for name in (*SENT, "max_completion_tokens"))
    while len(tried) < 50:
        sent = {k: v for k, v in SENT.items() if k not in Endpoint().sends or quirks.sends(k)}
        sent[quirks.endpoint.max_tokens_name] = sent.pop("max_tokens")
        lesson = quirks.learn(Refusal(f"not supported: {names}", sent), tried)
        if lesson is None:
            break
        tried.append(lesson)
    assert len(tried) == 6


def test_the_token_limit_is_renamed_not_dropped() -> None:
    """And back, where the endpoint was configured for the new name but takes the old."""
    quirks = Quirks(Endpoint())
    assert quirks.learn(refusal("max_tokens is not supported, use max_completion_tokens"), [])
    assert quirks.endpoint.max_tokens_name == "max_completion_tokens"
    quirks = Quirks(Endpoint(max_tokens_name="max_completion_tokens"))
    sent = {"max_completion_tokens": 64}
    assert quirks.learn(Refusal('{"detail":"unknown parameter max_completion_tokens"}', sent), [])
    assert quirks.endpoint.max_tokens_name == "max_tokens"


def test_room_for_thinking_is_given_up_where_it_is_too_much() -> None:
    """The limit goes back to what was asked for; a limit that a user set is never changed."""
    quirks = Quirks(Endpoint(), room=4096)
    quirks.saw_thinking()
    assert quirks.limit(64) == 4096
    too_large = "max_tokens is too large: 4096. This model supports at most 2048 completion tokens"
    assert quirks.learn(refusal(too_large, max_tokens=4096), [])
    assert quirks.limit(64) == 64
    assert Quirks(Endpoint()).learn(refusal(too_large), []) is None
