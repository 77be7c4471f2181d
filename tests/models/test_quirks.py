"""Learning from refusals, in the words of the servers that there are."""

from __future__ import annotations

from typing import Any

import pytest

from instraug.models.config import Endpoint
from instraug.models.endpoint.quirks import Quirks

SENT = ("model", "messages", "max_tokens", "n", "temperature", "top_p", "seed")

_ONLY_DEFAULT = "Unsupported value: 'temperature' does not support 0.6 with this model."
_INSTEAD = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead."
)
_EXTRA = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}
NAMED: list[tuple[str, dict[str, Any]]] = [
    ("temperature", {"error": {"message": _ONLY_DEFAULT, "param": "temperature"}}),
    ("max_tokens", {"error": {"message": _INSTEAD, "param": "max_tokens"}}),
    ("n", {"error": {"message": "'n' : number must be at most 1", "type": "x"}}),
    ("seed", {"detail": [_EXTRA]}),
    ("n", {"error": {"message": "invalid value", "param": "n", "code": None}}),
    ("top_p", {"error": {"message": "temperature and top_p cannot both be specified"}}),
    ("seed", {"error": 'unknown field "seed"'}),
    ("n", {"message": "parameter `n` is not supported", "object": "error", "code": 400}),
]

_OPENAI = (
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4488 "
    "in the messages, 512 in the completion). Please reduce the length of the messages."
)
_VLLM = (
    "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context "
    "length is 300 tokens and your request has 200 input tokens (512 > 300 - 200)."
)
_COMPLETION = "max_tokens is too large: 512. This model supports at most 100 completion tokens."
_WORDS = "Invalid content in message 1: no seed, n or p may stand there"
NOT_NAMED: list[Any] = [
    {"error": {"message": _OPENAI, "param": "messages", "code": "context_length_exceeded"}},
    {"object": "error", "message": _VLLM},
    {"error": {"message": _COMPLETION, "param": "max_tokens", "code": "invalid_value"}},
    {"error": {"message": _WORDS}},
    {"error": None},
    {"detail": "nothing"},
    {"error": {"message": 5, "param": 7}},
    *("", [], None, 5),
]


@pytest.mark.parametrize(("name", "body"), NAMED)
def test_a_refusal_that_names_a_parameter_teaches_it(name: str, body: dict[str, Any]) -> None:
    """OpenAI, Mistral, Groq, Ollama, vLLM and gateways each have a way to say it."""
    quirks = Quirks(Endpoint())
    assert quirks.learn(SENT, body)
    assert len(quirks.learned) == 1
    assert repr(name) in quirks.learned[0]
    if name == "max_tokens":
        assert quirks.endpoint.max_tokens_name == "max_completion_tokens"
    else:
        assert set(Endpoint().sends) - set(quirks.endpoint.sends) == {name}


@pytest.mark.parametrize("body", NOT_NAMED)
def test_other_refusals_teach_nothing(body: Any) -> None:
    """Too long a context above all, which often names max_tokens: that is final."""
    quirks = Quirks(Endpoint())
    assert not quirks.learn(SENT, body)
    assert quirks.endpoint == Endpoint()


def test_plain_text_can_teach_too() -> None:
    """Not every server answers JSON."""
    quirks = Quirks(Endpoint())
    assert quirks.learn(SENT, "unexpected keyword argument 'seed'")
    assert not quirks.sends("seed")


def test_learning_comes_to_an_end() -> None:
    """An endpoint that refuses whatever it is sent is asked a bounded number of times."""
    quirks, rounds = Quirks(Endpoint()), 0
    while rounds < 50:
        sent = [quirks.endpoint.max_tokens_name, *quirks.endpoint.sends]
        words = " ".join(f"'{name}'" for name in (*SENT, "max_completion_tokens"))
        if not quirks.learn(sent, f"not supported: {words}"):
            break
        rounds += 1
    assert rounds == 5


def test_a_call_under_way_when_another_learned_is_asked_again_without_notice() -> None:
    """The second refusal of the same parameter teaches nothing new."""
    quirks = Quirks(Endpoint())
    for _ in range(2):
        assert quirks.learn(SENT, "'seed' is not supported")
        assert quirks.learn(SENT, "'max_tokens' is not supported, use max_completion_tokens")
    assert len(quirks.learned) == 2
