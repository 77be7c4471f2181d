"""Faults of HTTP statuses: each is shown by a real server over a real socket.

Numbers are those of the catalogue of faults (docs/reliability.md).
"""

from __future__ import annotations

import random
import time

import pytest

from instraug.errors import (
    EndpointUnavailable,
    FatalEndpointError,
    InstraugError,
    RejectedRequest,
    RequestFailed,
)
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Reply
from tests.models.asking import COUNT, FIRST_MIDDLE_LAST, KEY, asked

# ── 1 to 4: rate limits ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["limited:1", "limited_date:1", "limited_ms:1000"])
@FIRST_MIDDLE_LAST
@pytest.mark.fault(1)
def test_retry_after_holds_the_whole_pool_back(fault: str, at: int) -> None:
    """After a 429 nobody, not only the call that met it, sends before Retry-After is over."""
    seen = asked(COUNT + 2, server={"faults": {at: fault}, "delay": 0.02}, concurrency=2)
    assert len(seen.replies) == COUNT + 2
    limited = seen.server.calls[at].when
    whens = sorted(c.when for c in seen.server.calls)
    # A second call was in flight already.
    later = whens[whens.index(limited) + 2 :]
    assert later
    assert later[0] - limited >= 0.95


@pytest.mark.fault(2)
def test_a_pause_over_the_cap_ends_the_run_resumably() -> None:
    """Retry-After above the cap is EndpointUnavailable (exit 75), and nobody asks again."""
    seen = asked(COUNT, server={"always": "limited:3600"}, concurrency=1)
    assert all(isinstance(e, EndpointUnavailable) for e in seen.errors)
    assert len(seen.errors) == COUNT
    assert seen.errors[0].exit_code == 75
    assert "3600 s" in str(seen.errors[0])
    assert seen.server.count == 1


@pytest.mark.parametrize(
    "value",
    ["-5", "nan", "inf", "1e9", "9" * 20, "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "2 minutes"],
)
@pytest.mark.fault(3)
def test_a_senseless_retry_after_is_ignored(value: str) -> None:
    """Negative, NaN, past and absurd waits are no reason to stop or to wait."""
    start = time.monotonic()
    seen = asked(2, server={"faults": {0: f"limited:{value}"}})
    assert len(seen.replies) == 2
    assert time.monotonic() - start < 4


@pytest.mark.fault(1)
def test_a_request_that_is_always_throttled_is_given_up_at_last() -> None:
    """Five times the tries that other failures have, as slowing down is what fixes it."""
    seen = asked(1, server={"always": "429"}, max_attempts=1, backoff=0.001)
    assert isinstance(seen.errors[0], RequestFailed)
    assert seen.server.count == 5


@FIRST_MIDDLE_LAST
@pytest.mark.fault(4)
def test_an_empty_account_is_fatal(at: int) -> None:
    """A 429 ``insufficient_quota`` is not retried, and nothing more is sent."""
    seen = asked(COUNT, in_turn=True, server={"faults": {at: "quota"}})
    assert len(seen.replies) == at
    assert all(isinstance(e, FatalEndpointError) for e in seen.errors)
    assert "credit" in str(seen.errors[0])
    assert seen.server.count == at + 1


# ── 5 to 10: statuses ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "status",
    ["500", "502", "503", "504", "520", "529", "408", "409", "421", "423", "424", "425", "429",
     "498", "499"],
)  # fmt: skip
@FIRST_MIDDLE_LAST
@pytest.mark.fault(5, 7)
def test_passing_failures_are_retried(status: str, at: int) -> None:
    """5xx, 408, 409, 424, 498 and a bare 429 cost one more call and no reply."""
    seen = asked(COUNT, in_turn=True, server={"faults": {at: status}})
    assert len(seen.replies) == COUNT
    assert seen.server.count == COUNT + 1


@pytest.mark.fault(5)
def test_retries_are_spread_by_full_jitter() -> None:
    """Calls that fail together do not come back together."""
    faults = dict.fromkeys(range(40), "500")
    seen = asked(40, server={"faults": faults}, concurrency=40, backoff=1.0)
    assert len(seen.replies) == 40
    whens = sorted(c.when for c in seen.server.calls[40:])
    assert whens[-1] - whens[0] > 0.3


@pytest.mark.fault(5)
def test_a_request_that_always_fails_is_given_up_and_the_run_goes_on() -> None:
    """One poisoned request is RequestFailed after its tries; the others get their replies."""
    faults = dict.fromkeys(range(1, 4), "500")
    seen = asked(4, in_turn=True, server={"faults": faults}, max_attempts=3)
    assert [type(o) for o in seen.outcomes] == [Reply, RequestFailed, Reply, Reply]
    assert "3 tries" in str(seen.errors[0])


@pytest.mark.fault(5)
def test_an_endpoint_that_only_fails_trips_the_breaker() -> None:
    """Many requests given up in a row end the run resumably, before every one was tried."""
    seen = asked(60, in_turn=True, server={"always": "500"}, max_attempts=2)
    kinds = [type(e) for e in seen.errors]
    assert kinds == [RequestFailed] * 9 + [EndpointUnavailable] * 51
    assert seen.server.count == 20


@pytest.mark.fault(6)
def test_a_loading_model_is_waited_for() -> None:
    """``503 Loading model`` may come far more often than other failures."""
    faults = dict.fromkeys(range(9), "loading")
    seen = asked(1, server={"faults": faults}, max_attempts=2, backoff=0.002)
    assert len(seen.replies) == 1


@pytest.mark.fault(6)
def test_waiting_for_a_model_takes_no_retries_from_others() -> None:
    """Seventy such answers are more than the pool's retry budget, and cost it nothing."""
    faults = dict.fromkeys(range(70), "loading")
    seen = asked(10, server={"faults": faults}, concurrency=10, backoff=0.002)
    assert len(seen.replies) == 10


@pytest.mark.fault(6)
def test_a_model_that_never_loads_ends_the_run_resumably() -> None:
    """The watchdog is the deadline of the waiting."""
    seen = asked(2, server={"always": "loading"}, watchdog=0.4, backoff=0.1)
    assert [type(e) for e in seen.errors] == [EndpointUnavailable] * 2


@pytest.mark.parametrize("status", ["400", "413", "422"])
@FIRST_MIDDLE_LAST
@pytest.mark.fault(8)
def test_a_bad_request_is_permanent_for_it_alone(status: str, at: int) -> None:
    """A 400 is not retried, and the run goes on."""
    seen = asked(COUNT, in_turn=True, server={"faults": {at: status}})
    assert isinstance(seen.outcomes[at], RejectedRequest)
    assert len(seen.replies) == COUNT - 1
    assert seen.server.count == COUNT


@pytest.mark.parametrize(
    ("status", "at"), [("401", 0), ("401", COUNT // 2), ("401", COUNT - 1), ("403", 0)]
)
@pytest.mark.fault(9)
def test_a_refused_key_ends_the_run_at_once(status: str, at: int) -> None:
    """After a 401, or a 403 before any success, nothing is sent, and the body, which repeats the
    key, is not shown."""
    seen = asked(COUNT, in_turn=True, server={"faults": {at: status}})
    assert all(isinstance(e, FatalEndpointError) for e in seen.errors)
    assert seen.server.count == at + 1
    assert "canary" not in str(seen.errors[0])
    assert "Incorrect" not in str(seen.errors[0])


@pytest.mark.parametrize("status", ["404", "402", "405"])
@pytest.mark.fault(10)
def test_an_unknown_model_ends_the_run_before_it_spends(status: str) -> None:
    """A 404 costs a request, no tokens, and is one line that says what to check."""
    budget = BudgetTracker()
    seen = asked(COUNT, in_turn=True, server={"always": status}, budget=budget)
    assert all(isinstance(e, FatalEndpointError) for e in seen.errors)
    assert (budget.spent.requests, budget.spent.tokens) == (1, 0)
    assert "\n" not in str(seen.errors[0])


# ── all of them together ─────────────────────────────────────────────────────────────────────────

RETRYABLE = (
    "429", "limited:0.05", "limited_ms:50", "500", "502", "503", "504", "529", "loading", "408",
    "409", "reset", "reset_early", "truncated", "empty", "html", "cut_json", "error_object",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_fails_three_in_ten_calls_serves_all(seed: int) -> None:
    """Every chat gets its reply, and the server sees no more calls than the retries allow."""
    count = 400
    seen = asked(
        count,
        server={"rate": 0.3, "kinds": RETRYABLE, "seed": seed},
        concurrency=16,
    )
    assert len(seen.replies) == count
    failed = [c.fault for c in seen.server.calls if c.fault]
    assert seen.server.count == count + len(failed)
    free = sum(f in ("429", "529", "loading") or f.startswith("limited") for f in failed)
    assert len(failed) - free <= 50 + count / 2


def test_replies_are_the_same_whatever_failed_between() -> None:
    """Faults change when replies come, never what they are."""
    calm = asked(30).replies
    rough = asked(30, server={"rate": 0.4, "kinds": RETRYABLE, "seed": random.Random(1).random()})
    assert rough.replies == calm


def test_every_error_is_one_of_ours() -> None:
    """No fault of the catalogue lets an error out that is not in the tree of errors."""
    for fault in ("quota", "401", "404", "400", "html", "reset", "limited:999", "307"):
        for error in asked(1, server={"always": fault}, max_attempts=1).errors:
            assert isinstance(error, InstraugError)
            assert KEY not in str(error)
