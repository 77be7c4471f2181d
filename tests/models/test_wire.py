"""Reading the wire: every text is a reply or NotACompletion, and every status an error of ours."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import EndpointError
from instraug.models.chat import Message, Reply
from instraug.models.config import Endpoint
from instraug.models.endpoint import faults
from instraug.models.endpoint.faults import Fault, FaultKind
from instraug.models.endpoint.quirks import Quirks
from instraug.models.endpoint.refusals import Refusal
from instraug.models.endpoint.waits import asked as retry_after
from instraug.models.endpoint.wire import (
    NotACompletion,
    chat_body,
    encode,
    read_reply,
    read_vectors,
)
from instraug.models.tokens import prompt_bound
from tests.models.asking import chat


def from_status(status: int, headers: dict[str, str], text: str, key: str | None) -> Any:
    """What an answer to a request of no particular body means."""
    return faults.from_status(status, headers, Refusal(text, {}), key)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "error", "usage", "model", "finish_reason",
                 "prompt_tokens", "completion_tokens", "text", "data", "embedding", "index",
                 "param", "detail", "loc", "code", "type", "status", "details", "reason"]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(json_values)
def test_any_json_is_a_reply_or_no_completion(value: Any) -> None:
    """And a reply can always be written down as UTF-8."""
    raw = json.dumps(value)
    try:
        reply = read_reply(chat(), raw)
    except NotACompletion:
        return
    assert reply.raw == raw
    assert reply.usage.prompt_tokens >= 0
    assert reply.usage.completion_tokens >= 0
    for choice in reply.choices:
        (choice.text or "").encode()


@given(st.text())
def test_any_text_is_a_reply_or_no_completion(raw: str) -> None:
    """Nothing else comes out of it."""
    with suppress(NotACompletion):
        assert isinstance(read_reply(chat(), raw), Reply)


@given(json_values, st.integers(0, 3))
def test_any_json_is_vectors_or_none(value: Any, count: int) -> None:
    """As many vectors as were asked for, of one length, or NotACompletion."""
    try:
        vectors, tokens = read_vectors(json.dumps(value), count)
    except NotACompletion:
        return
    assert len(vectors) == count
    assert tokens is None or tokens >= 0


@given(st.integers(100, 599), json_values | st.text(), st.text(max_size=30))
def test_any_status_and_body_is_an_error_of_ours(status: int, body: Any, wait: str) -> None:
    """One line, without the key."""
    text = body if isinstance(body, str) else json.dumps(body)
    key = "sk-canary-00112233"
    error = from_status(status, {"retry-after": wait}, text + key, key)
    assert isinstance(error, (Fault, EndpointError))
    assert key not in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize("status", [402, 403, 404])
def test_the_words_of_a_fatal_status_are_shown(status: int) -> None:
    """Beside what to do; only those of a 401 often repeat the key."""
    body = json.dumps({"error": {"message": "Not sold in your country"}})
    assert "Not sold in your country" in str(from_status(status, {}, body, None))
    assert "sold" not in str(from_status(401, {}, body, None))


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("insufficient_quota", 429, "credit"), ("billing_not_active", 429, "credit"),
        ("API_KEY_INVALID", 400, "API key"), ("model_not_found", 400, "no such model"),
    ],
)  # fmt: skip
def test_fatal_codes_count_whatever_the_status(code: str, status: int, says: str) -> None:
    """Gateways send them under 400 and 429 alike, Google hides the reason in ``details``."""
    for body in ({"code": code}, {"status": "X", "details": [{"reason": code}]}):
        error = from_status(status, {}, json.dumps({"error": body}), None)
        assert not isinstance(error, Fault)
        assert says in str(error)


def test_an_error_that_is_a_mere_string_is_shown() -> None:
    """Ollama's are."""
    assert str(from_status(400, {}, '{"error":"no such thing"}', None)) == "HTTP 400: no such thing"


def test_a_503_is_told_apart() -> None:
    """Loading, overloaded with a wait, or simply failing."""
    loading = json.dumps({"error": {"message": "Loading model"}})
    kinds = [
        error.kind
        for error in (
            from_status(503, {}, loading, None),
            from_status(503, {"retry-after": "2"}, "busy", None),
            from_status(503, {}, "busy", None),
        )
        if isinstance(error, Fault)
    ]
    assert kinds == [FaultKind.LOADING, FaultKind.THROTTLED, FaultKind.SERVER]


def test_retry_after_is_read_in_all_its_forms() -> None:
    """Milliseconds go before seconds; a date counts from the server's own clock."""
    assert retry_after({"retry-after": "2"}) == 2
    assert retry_after({"retry-after": " 1.5 "}) == 1.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    soon = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert soon is not None
    assert 28 < soon <= 30
    skewed = {
        "retry-after": "Mon, 01 Jan 2001 00:00:07 GMT",
        "date": "Mon, 01 Jan 2001 00:00:00 GMT",
    }
    assert retry_after(skewed) == 7


@pytest.mark.parametrize("value", ["", "-1", "nan", "inf", "0", "1e3", "604801", "soon", "\u0661"])
def test_senseless_waits_are_none(value: str) -> None:
    """Neither header makes anybody wait for them."""
    assert retry_after({"retry-after": value}) is None
    assert retry_after({"retry-after-ms": value}) in (None, 604.801)


@given(st.text())
def test_any_retry_after_is_a_sensible_wait_or_none(value: str) -> None:
    """Between nothing and a week, whatever the header holds."""
    seconds = retry_after({"retry-after": value})
    assert seconds is None or 0 < seconds <= 7 * 86400


def test_parts_of_a_content_are_joined_and_cut_emojis_made_writable() -> None:
    """Some servers send content as a list of parts; a cut answer may end in half a pair."""
    parts = [{"type": "text", "text": "Say "}, {"type": "image"}, {"type": "text", "text": "{A}"}]
    for content, text in ((parts, "Say {A}"), ("ok \ud83d", "ok \ufffd"), ("\ud83d\ude00", "😀")):
        raw = json.dumps({"choices": [{"message": {"content": content}}]})
        assert read_reply(chat(), raw).choices[0].text == text


def test_a_silent_choice_without_usage_counts_as_all_its_tokens() -> None:
    """A model that only thought has spent something."""
    raw = '{"choices":[{"message":{"content":null}}]}'
    usage = read_reply(chat(), raw).usage
    assert usage.estimated
    assert usage.completion_tokens == 64


@pytest.mark.parametrize(
    "usage",
    [
        None, {}, "7", {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -1, "completion_tokens": 3}, {"prompt_tokens": 3, "completion_tokens": 0},
        {"prompt_tokens": True, "completion_tokens": 2},
        {"prompt_tokens": 3.5, "completion_tokens": 2},
    ],
)  # fmt: skip
def test_senseless_usage_is_estimated(usage: Any) -> None:
    """Zeros beside a text, negative, fractional or boolean counts are no counts."""
    body = {"choices": [{"message": {"content": "Say it."}}], "usage": usage}
    assert read_reply(chat(), json.dumps(body)).usage.estimated


def test_lone_surrogates_can_be_asked() -> None:
    """A prompt that no UTF-8 holds is sent as JSON escapes."""
    one = chat(messages=(Message("user", "a\ud800b"),))
    body = encode(chat_body(one, Quirks(Endpoint())))
    assert json.loads(body)["messages"][0]["content"] == "a\ud800b"


@given(st.lists(st.text(), max_size=4))
def test_no_prompt_has_more_tokens_than_bytes(texts: list[str]) -> None:
    """The bound is the bytes and some for the chat template."""
    assert prompt_bound(texts) >= sum(len(t.encode("utf-8", "surrogatepass")) for t in texts)
