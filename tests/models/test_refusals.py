"""Which parameter a refusal blames: bodies as servers and gateways write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.models.endpoint.bodies import remarks, words
from instraug.models.endpoint.refusals import Refusal

PROMPT = "Plant the seed where the temperature of {A} is not supported by n {B}?"
"""A template that holds every word that could be mistaken for a parameter."""
SENT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Rephrase the input and keep its meaning."},
        {"role": "user", "content": PROMPT},
    ],
    "max_tokens": 512, "n": 3, "temperature": 0.6, "top_p": 0.9, "seed": 7,
}  # fmt: skip


def openai(message: str, **more: object) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"} | more})


def pydantic(kind: str, msg: str, *loc: object, **more: object) -> str:
    return json.dumps({"detail": [{"type": kind, "loc": list(loc), "msg": msg} | more]})


_GOOGLE = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
_VIOLATION = {"description": _GOOGLE}
_EXTRA = "Extra inputs are not permitted"
_LITELLM = "litellm.UnsupportedParamsError: {}, for model=x. To drop these, set drop_params=True"
_SERDE = (
    "Failed to deserialize the JSON body into the target type: unknown field `seed`, expected "
    "one of `model`, `messages`, `temperature`, `top_p`, `n`, `max_tokens` at line 1 column 30"
)
_VLLM_ITEM = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": _EXTRA, "input": 7}

PARAMETERS: list[tuple[str, str]] = [
    # FastAPI and pydantic, in all their wrappings
    ("seed", pydantic("extra_forbidden", _EXTRA, "body", "seed")),
    ("seed", json.dumps({"object": "error", "message": {"detail": [_VLLM_ITEM]}, "code": 422})),
    ("seed", json.dumps({"object": "Error", "detail": [_VLLM_ITEM], "message": [_VLLM_ITEM]})),
    ("seed", json.dumps({"error": json.dumps({"detail": [_VLLM_ITEM]})})),
    ("seed", json.dumps({"message": f"upstream said 422: {json.dumps({'detail': [_VLLM_ITEM]})}"})),
    ("seed", "1 validation error for ChatRequest\nbody -> seed\n  extra fields not permitted"),
    ("n", pydantic("extra_forbidden", _EXTRA, "body", "n", input=3)),
    # OpenAI, Azure
    ("seed", openai("Unrecognized request argument supplied: seed")),
    ("n", openai("Unrecognized request arguments supplied: n")),
    ("temperature", openai("Unsupported parameter: 'temperature' is not supported with this "
                           "model.", param="temperature", code="unsupported_parameter")),
    ("max_tokens", openai("Unsupported parameter: 'max_tokens' is not supported with this model. "
                          "Use 'max_completion_tokens' instead.", param="max_tokens")),
    ("top_p", openai("", param="top_p", code="unsupported_parameter")),
    # Mistral, Cohere, Anthropic-compatible
    ("seed", '{"message":"extraneous key [seed] is not permitted","request_id":"ab12"}'),
    ("seed", json.dumps({"type": "error", "error": {"type": "invalid_request_error",
                                                   "message": f"seed: {_EXTRA}"}})),
    ("seed", '{"message":"invalid request: unsupported parameter(s): seed","id":"abc"}'),
    ("top_p", openai("`temperature` and `top_p` cannot both be specified for this model.")),
    # Groq, xAI, Together, OpenRouter
    ("seed", openai("property 'seed' is unsupported")),
    ("seed", openai("Argument not supported on this model: seed")),
    ("seed", openai("Input validation error: `seed` must not be set when `best_of` > 1")),
    ("seed", openai("Provider returned error", code=400, metadata={
        "raw": openai("Unsupported parameter: seed"), "provider_name": "x"})),
    # Gemini
    ("seed", f"[{openai(_GOOGLE, code=400, details=[{'fieldViolations': [_VIOLATION]}])}]"),
    ("n", openai("Multiple candidates is not enabled for this model")),
    ("top_p", openai("generation_config.topP: unsupported for this model")),
    # LiteLLM
    ("seed", openai(_LITELLM.format("x does not support parameters: {'seed': 7}"), code="400")),
    ("seed", openai(_LITELLM.format("x does not support parameters: ['seed']"), code="500")),
    # JSON decoders, Python, plain text, HTML, other languages
    ("seed", _SERDE),
    ("seed", '{"error":"json: unknown field \\"seed\\""}'),
    ("seed", "create_chat_completion() got an unexpected keyword argument 'seed'"),
    ("seed", "This model doesn't support seed"),
    ("seed", "<html><body><h1>Bad Request</h1><p>Unexpected parameter: seed</p></body></html>"),
    ("seed", '{"msg":"\u4e0d\u652f\u6301\u7684\u53c2\u6570: seed"}'),
    ("n", "parameter `n` is not supported"),
    ("seed", '{"title":"Bad Request","errors":[{"pointer":"#/seed","detail":"not allowed"}]}'),
    ("seed", '{"errors":{"seed":["unknown"]},"fields":["seed"]}'),
    ("max_tokens", "max_tokens is not supported, use max_completion_tokens"),
]  # fmt: skip

_BEDROCK = (
    "ValidationException: Value '1.5' at 'inferenceConfig.temperature' failed to satisfy "
    "constraint: Member must have value less than or equal to 1"
)
_GPT5 = (
    "litellm.UnsupportedParamsError: gpt-5 doesn't support temperature=0.6 while reasoning is "
    "active. Only temperature=1 is supported unless reasoning_effort resolves to 'none', either "
    "set explicitly on the request or declared as the model's default_reasoning_effort. To drop "
    "unsupported params set `litellm.drop_params = True`\n\nLiteLLM: model group 'x' failed."
)
VALUES: list[tuple[str, str]] = [
    ("temperature", openai("Unsupported value: 'temperature' does not support 0.6 with this model. "
                           "Only the default (1) value is supported.", param="temperature",
                           code="unsupported_value")),
    ("temperature", openai(_LITELLM.format("m don't support temperature=0.6. Only temperature=1 is "
                                           "supported"))),
    ("temperature", '{"message":"temperature must be <= 1"}'),
    ("temperature", pydantic("less_than_equal", "Input should be less than or equal to 1", "body",
                             "temperature", input=0.6, ctx={"le": 1})),
    ("temperature", pydantic("value_error.number.not_le", "ensure this value is less than or equal "
                             "to 0.5", "body", "temperature")),
    ("temperature", _BEDROCK),
    ("temperature", '{"status":422,"message":"Invalid: temperature must be in range (0, 1)"}'),
    ("temperature", openai("temperature\u53c2\u6570\u975e\u6cd5\u3002")),
    ("temperature", openai("temperature: range: 0..1")),
    ("temperature", openai("0.6 is less than the minimum of 1 - 'temperature'")),
    ("n", openai("'n' : number must be at most 1")),
    ("n", '{"message":"n must be 1"}'),
    ("n", "n > 1 is not supported"),
    ("n", openai("Invalid value: n=3 must be 1 (top_p=0.9, seed=7)")),
    ("top_p", '{"object":"error","message":"top_p must be in (0, 1], got 0.9.","code":400}'),
    ("top_p", openai("top_p must be 1 when using greedy sampling", param="top_p")),
    ("top_p", pydantic("literal_error", "Input should be 1", "body", "top_p")),
    ("seed", openai("seed must be between 0 and 5")),
    # llama.cpp's server and the litellm proxy, as they answer themselves
    ("n", openai("Field 'n': Value must be between 1 <= value <= 4, but got 9", code=400)),
    ("temperature", openai(_GPT5, param=None, code="400")),
]  # fmt: skip

_LONG = (
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4488 "
    "in the messages, 512 in the completion). Please reduce the length of the messages."
)
NOTHING: list[str] = [
    # what only repeats the prompt, whole or in part
    openai(f"Invalid prompt: {PROMPT}", param="messages"),
    openai(f"Your text '{PROMPT[:40]}...' was refused"),
    openai(f"The request {json.dumps(PROMPT)} is not supported"),
    pydantic("value_error", "seed is not allowed", "body", "messages", 1, "content", input=PROMPT),
    json.dumps({"error": {"message": "refused"}, "body": SENT}),
    json.dumps({"detail": "blocked", "input": "unsupported parameter: seed"}),
    openai("the word 'seed' is not allowed"),
    "Invalid content in message 1: no seed, n or p may stand there",
    # other troubles
    openai("Invalid model name passed in model=seed-1. Call /v1/models for those there are."),
    openai(_LONG, param="messages", code="context_length_exceeded"),
    "<html><head><title>400 Bad Request</title></head><body><center>nginx</center></body></html>",
    openai("System role not supported"),
    *("", "[]", "null", "5", '{"error":null}', '{"detail":"nothing"}', '{"error":{"param":7}}'),
]
TOO_LARGE: list[str] = [
    "'max_tokens' or 'max_completion_tokens' is too large: 512 (512 > 300 - 200).",
    openai("max_tokens is too large: 512. This model supports at most 100 completion tokens.",
           param="max_tokens", code="invalid_value"),
    openai("max_tokens must be at least 1024"),
]  # fmt: skip


def ids(case: object) -> str:
    return str(case)[:60]


@pytest.mark.parametrize(("name", "body"), PARAMETERS, ids=ids)
def test_a_refused_parameter_is_found_in_whatever_shape(name: str, body: str) -> None:
    """The first to blame is the parameter, as a whole, though the prompt holds its name too."""
    first = Refusal(body, SENT).blamed[0]
    assert (first.name, first.value_only) == (name, False)


@pytest.mark.parametrize(("name", "body"), VALUES, ids=ids)
def test_a_refused_value_is_no_refused_parameter(name: str, body: str) -> None:
    """A bound, a list of values, the only value taken: another value may do."""
    first = Refusal(body, SENT).blamed[0]
    assert (first.name, first.value_only) == (name, True)


@pytest.mark.parametrize("body", NOTHING, ids=ids)
def test_what_blames_no_parameter_teaches_nothing(body: str) -> None:
    """Above all where the words stand in what the server repeats of the prompt."""
    assert Refusal(body, SENT).blamed == ()


@pytest.mark.parametrize("body", TOO_LARGE, ids=ids)
def test_a_limit_out_of_range_is_a_value(body: str) -> None:
    """max_tokens is then neither renamed nor dropped."""
    assert {b.value_only for b in Refusal(body, SENT).blamed} == {True}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (pydantic("extra_forbidden", _EXTRA, "body", "seed"), f"body.seed: {_EXTRA}"),
        (openai("Unknown model"), "Unknown model"),
        ('{"error":"no such thing"}', "no such thing"),
        ("<html><head><style>p{}</style><title>400 Bad</title></head><body>nginx</body></html>",
         "400 Bad nginx"),
        ("model not there", "model not there"),
        (openai("Provider returned error", metadata={"raw": openai("No such model")}),
         "Provider returned error; No such model"),
        ('{"odd":"shape"}', '{"odd":"shape"}'),
        (json.dumps([{"error": {"message": "listed"}}]), "listed"),
    ],
    ids=ids,
)  # fmt: skip
def test_the_words_of_any_body_are_shown(body: str, shown: str) -> None:
    """A refusal without a reason helps nobody."""
    assert words(remarks(body)) == shown


def test_refusals_that_differ_in_numbers_ids_and_quotes_are_alike() -> None:
    """So that equal ones are counted, whatever each repeats of its own prompt."""
    one, other = (
        Refusal(
            openai(f"Cannot do '{text}' now, request {number}, id {key}"),
            {"messages": [{"content": text}]},
        ).alike
        for text, number, key in (
            ("Describe the cat in {A}", 17, "1f0e8a52-aaaa-4b"),
            ("Name every bird of {A}", 4, "77ab10c4-bbbb-4c"),
        )
    )
    assert one == other


@given(st.text() | st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["error", "message", "detail", "loc", "param", "msg", "code", "type"]),
        inner, max_size=4),
    max_leaves=15,
).map(json.dumps))  # fmt: skip
def test_any_body_can_be_read(body: str) -> None:
    """One line of words, and blame for parameters that exist."""
    refusal = Refusal(body, SENT)
    assert "\n" not in refusal.words
    assert {b.name for b in refusal.blamed} <= {*SENT, "max_completion_tokens"}
