"""What providers answer, end to end: the requests that are sent, and how the run ends."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.child import environment
from tests.commandline import failed
from tests.commandline import instraug_here as instraug
from tests.fakeserver import FakeServer, running

TEMPLATES = [
    "Is the object {text} near the left side of {region}?",
    "Say which animal the photo shows at {region}, and what it does there.",
    "Choose the color of {text} from these options after looking at the picture.",
    "Read {text} slowly and decide whether the picture agrees with every word of it.",
]
G = "Does {A} lie close to the left edge of {B}?"
USAGE = {"prompt_tokens": 50, "completion_tokens": 14, "total_tokens": 64}
Body = dict[str, Any]


def completion(*texts: object, finish: str = "stop", **more: object) -> Body:
    """A chat completion with these contents."""
    choices = [
        {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": finish}
        for i, t in enumerate(texts)
    ]
    return {"model": "m", "choices": choices, "usage": USAGE} | more


@dataclass
class Ended:
    """A run that is over."""

    done: subprocess.CompletedProcess[str]
    out: Path
    server: FakeServer

    @property
    def summary(self) -> Body:
        found: Body = json.loads(self.done.stdout)
        return found

    @property
    def manifest(self) -> Body:
        found: Body = json.loads((self.out / "manifest.json").read_text())
        return found

    def rows(self, name: str = "instructions.jsonl") -> list[Body]:
        lines = (self.out / name).read_text().splitlines()
        return [r for r in map(json.loads, lines) if r["source"] == "generated"]

    def sent(self, name: str) -> list[Any]:
        """The values of a parameter, call by call; None where it was left out."""
        return [c.body.get(name) for c in self.server.calls]


def folder(path: Path, *templates: str) -> Path:
    path.mkdir(exist_ok=True)
    text = json.dumps({"name": "t", "instructions": list(templates or TEMPLATES)})
    (path / "t.yaml").write_text(text)
    return path


@contextmanager
def expanded(
    tmp_path: Path,
    *options: object,
    templates: Sequence[str] = (),
    config: str = "",
    **server: Any,
) -> Iterator[Ended]:
    """Expand a few templates against a server of these settings."""
    settings = tmp_path / "c.yaml"
    settings.write_text(config or "{}\n")
    tasks = folder(tmp_path / "tasks", *templates)
    with running(FakeServer(**server)) as one:
        args = ["expand", tasks, "-o", tmp_path / "out", "--model", "m", "--base-url", one.url]
        done = instraug(*args, "-c", settings, "--json", *options)
        yield Ended(done, tmp_path / "out", one)


def refusing(name: str, text: object, status: int = 400) -> Callable[[Body], Any]:
    """A server that takes everything but one parameter."""
    return lambda body: (status, text) if name in body else None


def above(name: str, most: float, text: str) -> Callable[[Body], Any]:
    """A server that takes a parameter up to a bound."""
    return lambda body: (400, text) if body.get(name, most) > most else None


# ── 90: refused parameters and values ────────────────────────────────────────────────────────────

_ITEM = {
    "type": "extra_forbidden",
    "loc": ["body", "seed"],
    "msg": "Extra inputs are not permitted",
}
REFUSED: list[tuple[str, int, object]] = [
    ("seed", 422, {"object": "error", "message": {"detail": [_ITEM]}, "code": 422}),
    ("seed", 400, {"error": {"message": "Unrecognized request argument supplied: seed"}}),
    ("seed", 400, {"message": "extraneous key [seed] is not permitted"}),
    ("top_p", 400, "top_p: unknown field"),
    ("temperature", 500, "TypeError: create() got an unexpected keyword argument 'temperature'"),
    ("seed", 200, {"error": {"code": 400, "message": "Unsupported parameter: seed"}}),
    ("seed", 400, {"errors": {"seed": ["is not a permitted key"]}}),
    ("seed", 400, {"object": "error", "message": f"[{_ITEM}]", "code": 400}),
    ("seed", 400, "unknown field `seed`, expected one of `model`, `top_p`, `n` at line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body"), REFUSED, ids=lambda c: str(c)[:40])
@pytest.mark.fault(90)
def test_a_refused_parameter_is_sent_once_and_the_run_ends_well(
    name: str, status: int, body: object, tmp_path: Path
) -> None:
    """One call at a time: the first is made twice, no other is refused, one line says so."""
    rule = refusing(name, body, status)
    with expanded(tmp_path, "--concurrency", 1, "--rewrites", 2, rule=rule) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert [v is not None for v in run.sent(name)].count(True) == 1
        assert run.done.stderr.count(f"does not take '{name}'") == 1
        otherwise = run.summary["sent_otherwise"]
        assert [(o["parameter"], o["sent"]) for o in otherwise] == [(name, None)]
        assert run.manifest["sent_otherwise"] == otherwise


@pytest.mark.fault(90)
def test_a_row_states_the_temperature_that_was_sent(tmp_path: Path) -> None:
    """None where it was left out."""
    rule = refusing("temperature", "temperature is not supported")
    with expanded(tmp_path, "--rewrites", 1, rule=rule) as run:
        assert {r["temperature"] for r in run.rows()} == {None}


@pytest.mark.parametrize(
    "text",
    [
        "temperature must be <= 0.7",
        '{"detail":[{"type":"less_than_equal","loc":["body","temperature"],"msg":"too hot"}]}',
        "Unsupported value: 'temperature' does not support 0.9 with this model.",
    ],
)
@pytest.mark.fault(90)
def test_a_refused_value_costs_that_value_alone(text: str, tmp_path: Path) -> None:
    """Two temperatures, one out of range: it is refused once, the other is sent all along."""
    options = ("--temperature", 0.5, "--temperature", 0.9, "--concurrency", 1, "--rewrites", 4)
    with expanded(tmp_path, *options, rule=above("temperature", 0.7, text)) as run:
        assert run.done.returncode == 0, run.done.stderr
        sent = run.sent("temperature")
        assert sent.count(0.9) == 1
        assert sent.count(0.5) > 4
        assert sent.count(None) == sum(r["temperature"] is None for r in run.rows()) + sum(
            r["temperature"] is None for r in run.rows("rejected.jsonl")
        )
        assert {r["temperature"] for r in run.rows()} == {0.5, None}
        (told,) = run.manifest["sent_otherwise"]
        assert (told["parameter"], told["asked"], told["sent"]) == ("temperature", 0.9, None)


@pytest.mark.fault(90)
def test_n_must_be_one(tmp_path: Path) -> None:
    """Each choice is then asked for alone."""
    rule = above("n", 1, '{"error":{"message":"\'n\' : number must be at most 1"}}')
    with expanded(tmp_path, rule=rule, config="choices: 3\nrewrites: 3\n") as run:
        assert run.done.returncode == 0, run.done.stderr
        assert run.summary["answers"] == len([n for n in run.sent("n") if n is None])


@pytest.mark.fault(90)
def test_a_text_that_quotes_the_prompt_teaches_nothing(tmp_path: Path) -> None:
    """Every other request is answered, and keeps every parameter."""

    def rule(body: Body) -> Any:
        asked = body["messages"][-1]["content"]
        told = {"error": {"message": f"Refused: '{asked}' is not supported"}}
        return (400, told) if "seed" in asked else None

    bad = "Say how the seed of {text} reacts to its temperature and n other things."
    with expanded(tmp_path, "--rewrites", 2, templates=(*TEMPLATES, bad), rule=rule) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert None not in run.sent("seed") + run.sent("temperature")
        assert run.summary["sent_otherwise"] == []
        (short,) = run.summary["short_templates"]
        assert short["why"].startswith("requests without a reply: HTTP 400: Refused")
        assert [
            bad in str(c.body) or "seed" in str(c.body["messages"][-1]) for c in run.server.calls
        ]


# ── 91: equal refusals; 9: moderation ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Invalid model name passed in model=m", "code": "400"}},
        "no route to a model of that name",
        {"error": {"message": "refused", "request_id": "0af3-99"}},
        {"detail": "The temperature of this service is not supported in your plan"},
    ],
    ids=lambda b: str(b)[:30],
)
@pytest.mark.fault(91)
def test_equal_refusals_end_the_run(body: object, width: int, tmp_path: Path) -> None:
    """At most twice what is in flight is sent; exit 1, the words once."""
    many = tuple(f"{t} Think of case {i}." for t in TEMPLATES for i in range(20))
    options = ("-q", "--concurrency", width)
    with expanded(tmp_path, *options, templates=many, rule=lambda _: (400, body)) as run:
        failed(run.done, 1, "HTTP 400: ")
        trial = "temperature" in str(body)  # It seems to blame a parameter: one call tries.
        assert run.server.count <= 2 * width + trial


@pytest.mark.fault(91)
def test_a_run_too_small_to_tell_ends_with_exit_1_too(tmp_path: Path) -> None:
    """A script that repeats on 75 must not go round for ever."""
    rule = lambda _: (400, "no such model")  # noqa: E731
    with expanded(tmp_path, "--rewrites", 1, "-q", templates=TEMPLATES[:1], rule=rule) as run:
        assert run.done.returncode == 1
        assert run.done.stderr.count("no such model") == 1
        assert run.server.count <= 8


@pytest.mark.fault(91)
def test_refusals_of_one_template_cost_that_template(tmp_path: Path) -> None:
    """The others are done, and the exit is 0: asking again would bring the same."""

    def rule(body: Body) -> Any:
        return (400, "content too odd") if "animal" in str(body["messages"][-1]) else None

    with expanded(tmp_path, "--rewrites", 3, rule=rule) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert [s["origin"] for s in run.manifest["short_templates"]] == [1]
        assert run.summary["complete"] is False


MODERATION: list[object] = [
    {"error": {"message": "m requires moderation on x. Your input was flagged.", "code": 403,
               "metadata": {"reasons": ["violence"], "flagged_input": "animal"}}},
    {"error": {"message": "The request violates our usage policies", "code": "policy"}},
    {"error": {"code": "data_inspection_failed", "message": "Input data may be inappropriate"}},
    "blocked by content filter",
]  # fmt: skip


@pytest.mark.parametrize("body", MODERATION, ids=lambda b: str(b)[:50])
@pytest.mark.fault(9)
def test_a_403_of_a_filter_fails_that_request_alone(body: object, tmp_path: Path) -> None:
    """Even where it is the first answer."""

    def rule(asked: Body) -> Any:
        return (403, body) if "object" in str(asked["messages"][-1]) else None

    with expanded(tmp_path, "--rewrites", 2, "--concurrency", 4, rule=rule) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert {r["origin"] for r in run.rows()} == {1, 2, 3}
        assert run.summary["short_templates"][0]["why"].startswith(
            "requests without a reply: HTTP 403"
        )


@pytest.mark.fault(9)
def test_a_403_after_a_success_fails_that_request_alone(tmp_path: Path) -> None:
    """The key was good a moment ago."""
    with expanded(tmp_path, "--rewrites", 2, "--concurrency", 1, faults={1: "403"}) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert len(run.summary["run"]["failed"]) == 1


@pytest.mark.fault(9)
def test_any_other_403_ends_the_run(tmp_path: Path) -> None:
    """One request, exit 1."""
    with expanded(tmp_path, "--concurrency", 1, "-q", always="403") as run:
        failed(run.done, 1, "check the API key")
        assert run.server.count == 1


# ── 92: errors inside a 200 ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    ["choice_error", "choice_error:error", "choice_error:insufficient_system_resource",
     "choice_error:network_error", "choice_error:ERROR"],
)  # fmt: skip
@pytest.mark.fault(92)
def test_a_broken_choice_is_retried_and_never_a_reply(fault: str, tmp_path: Path) -> None:
    """One more request, and no trace of it in the journal."""
    options = ("--rewrites", 1, "--concurrency", 1)
    with expanded(tmp_path, *options, templates=TEMPLATES[:1], faults={0: fault}) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert run.server.count == run.summary["answers"] + 1
        assert "choice_error" not in (run.out / "replies.jsonl").read_text()
        assert run.summary["rejected_by_rule"].get("empty", 0) == 0


@pytest.mark.fault(92)
def test_the_sound_choices_beside_a_broken_one_are_kept(tmp_path: Path) -> None:
    """They are paid for."""
    body = completion(G, "")
    body["choices"][1] |= {"finish_reason": "error", "error": {"message": "x"}}
    config = "choices: 2\nrewrites: 1\n"
    with expanded(
        tmp_path, templates=TEMPLATES[:1], rule=lambda _: (200, body), config=config
    ) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert (run.server.count, run.summary["answers"], run.summary["accepted"]) == (1, 1, 1)


@pytest.mark.fault(92)
def test_entries_of_that_kind_in_old_journals_are_asked_again(tmp_path: Path) -> None:
    """What an earlier version took for an empty reply is bought; all else is used again."""
    from instraug.models.journal.framing import frame

    with expanded(tmp_path, "--rewrites", 1, "--concurrency", 1) as first:
        assert first.done.returncode == 0
    journal = first.out / "replies.jsonl"
    lines = journal.read_text().splitlines()
    for index, line in enumerate(lines):
        row = json.loads(line)
        if "reply" in row:
            raw = json.loads(row["raw"])
            raw["choices"][0] |= {"finish_reason": "error", "message": {"content": ""}}
            row |= {"raw": json.dumps(raw), "choices": [["", "error"]]}
            del row["crc"]
            lines[index] = frame(row).decode().rstrip("\n")
            break
    journal.write_text("\n".join(lines) + "\n")
    with expanded(tmp_path, "--rewrites", 1) as again:
        assert again.done.returncode == 0, again.done.stderr
        assert again.server.count == 1
        assert again.summary["run"]["unknown"] == []
    with expanded(tmp_path, "--rewrites", 1) as third:
        assert third.server.count == 0


# ── 93: usage ────────────────────────────────────────────────────────────────────────────────────

BESIDE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 570}
INSIDE = {"prompt_tokens": 100, "completion_tokens": 470, "total_tokens": 570,
          "completion_tokens_details": {"reasoning_tokens": 450}}  # fmt: skip
UNTOTALLED = {"prompt_tokens": 100, "completion_tokens": 20,
              "completion_tokens_details": {"reasoning_tokens": 450}}  # fmt: skip


@pytest.mark.parametrize("usage", [BESIDE, INSIDE, UNTOTALLED])
@pytest.mark.fault(93)
def test_thinking_is_paid_wherever_it_is_counted(usage: Body, tmp_path: Path) -> None:
    """470 tokens, though one vendor counts them beside the completion; a budget holds."""
    config = "prices:\n  m: {input: 0, output: 1000}\nanswer_tokens: 512\nrewrites: 1\n"
    rule = lambda _: (200, completion(G, usage=usage))  # noqa: E731
    with expanded(
        tmp_path, "--concurrency", 1, templates=TEMPLATES[:1], rule=rule, config=config
    ) as run:
        assert run.summary["usage"] == {"prompt": 100, "completion": 470}
        assert run.summary["cost"] == 0.47
    with expanded(
        tmp_path, "--concurrency", 1, "-o", tmp_path / "two", "--max-cost", 1.2, rule=rule,
        config=config,
    ) as run:  # fmt: skip
        assert run.done.returncode == 4
        assert run.server.count == 2


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.fault(93)
def test_a_figure_for_one_choice_of_several_is_estimated(n: int, tmp_path: Path) -> None:
    """llama.cpp's server counts one: no fewer are charged than all can be."""
    body = completion(*[G] * n, usage={"prompt_tokens": 40, "completion_tokens": 14})
    config = f"choices: {n}\nrewrites: 1\n"
    with expanded(
        tmp_path, templates=TEMPLATES[:1], rule=lambda _: (200, body), config=config
    ) as run:
        assert run.summary["usage"]["completion"] >= 14 * n
        assert run.summary["usage"]["prompt"] == 40


def test_content_parts_give_their_text_and_nothing_else(tmp_path: Path) -> None:
    """Thinking, sources and calls are none of the answer."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm."}], "text": "Hmm."},
        {"type": "reasoning", "text": "Let me see."},
        {"type": "text", "text": "Does {A} lie close to "},
        {"type": "reference", "text": "[1]"},
        {"type": "output_text", "text": "the left edge of {B}?"},
    ]
    rule = lambda _: (200, completion(parts))  # noqa: E731
    with expanded(tmp_path, "--rewrites", 1, templates=TEMPLATES[:1], rule=rule) as run:
        told = [r["instruction"] for r in run.rows()]
        assert told == ["Does {text} lie close to the left edge of {region}?"]


# ── 99: a model that spends its tokens on thinking; templates that run dry ───────────────────────


def _thinks(needs: int) -> Callable[[Body], Any]:
    """A model whose thinking takes so many tokens before it answers."""

    def rule(body: Body) -> Any:
        if body["max_tokens"] > needs:
            return None
        spent = {"prompt_tokens": 50, "completion_tokens": body["max_tokens"]}
        answer = completion("", finish="length", usage=spent)
        answer["choices"][0]["message"]["reasoning_content"] = "Hmm. " * 9
        return 200, answer

    return rule


@pytest.mark.fault(99)
def test_a_thinking_model_gets_room_once_seen(tmp_path: Path) -> None:
    """Nobody set answer_tokens: 4096 after the first answer that is all thinking."""
    with expanded(tmp_path, "--rewrites", 2, "--concurrency", 1, rule=_thinks(900)) as run:
        assert run.done.returncode == 0, run.done.stderr
        assert run.sent("max_tokens").count(512) == 1
        assert set(run.sent("max_tokens")[1:]) == {4096}
        assert run.done.stderr.count("answer_tokens") == 1
        assert run.summary["short"] == 0
        assert run.manifest["sent_otherwise"][0]["sent"] == 4096


@pytest.mark.parametrize(
    ("config", "tokens"),
    [("answer_tokens: 512\n", 512), ("{}\n", 4096), ("answer_tokens: 64\n", 64)],
)
@pytest.mark.fault(99)
def test_all_thinking_and_no_answer_ends_the_run(config: str, tokens: int, tmp_path: Path) -> None:
    """After a few, exit 1, and the line names the setting; not after the whole plan."""
    with expanded(tmp_path, "-q", "--concurrency", 4, rule=_thinks(10**6), config=config) as run:
        failed_well = run.done.stderr.splitlines()[-1]
        assert run.done.returncode == 1
        assert f"raise answer_tokens (now {tokens})" in failed_well
        assert run.sent("max_tokens").count(tokens) <= 9
        assert len(run.sent("max_tokens")) <= 16
        lines = (run.out / "replies.jsonl").read_text().splitlines()
        assert sum(1 for line in lines if '"reply"' in line) > 0


@pytest.mark.fault(99)
def test_thinking_in_the_text_is_seen_too(tmp_path: Path) -> None:
    """An opened tag that is never closed, or a cut text far too long for a rewrite."""
    for number, text in enumerate(("<think>Hmm, the user", "Okay, so " * 300)):
        rule = lambda _, t=text: (200, completion(t, finish="length"))  # noqa: E731
        with expanded(
            tmp_path, "-q", "-o", tmp_path / f"o{number}", "--concurrency", 1, rule=rule
        ) as run:
            assert run.done.returncode == 1
            assert "answer_tokens" in run.done.stderr.splitlines()[-1]
            assert run.server.count <= 7


@pytest.mark.fault(99)
def test_a_dry_template_is_left_after_a_few_answers(tmp_path: Path) -> None:
    """At most 7 x (accepted + 1), named with why; the setting stands in the manifest."""

    def rule(body: Body) -> Any:
        asked = body["messages"][-1]["content"]
        return (200, completion(asked)) if "animal" in asked else None

    with expanded(tmp_path, rule=rule) as run:
        assert run.done.returncode == 0, run.done.stderr
        dry = [c for c in run.server.calls if "animal" in c.body["messages"][-1]["content"]]
        assert len(dry) == 7
        (short,) = run.manifest["short_templates"]
        assert (short["origin"], short["accepted"], short["answers"]) == (1, 0, 7)
        assert short["why"] == "patience ended after 7 answers; rejected as copy 7"
        assert run.manifest["config"]["patience"] == 7


@pytest.mark.parametrize(("config", "most"), [("patience: 2\n", 2), ("patience: null\n", 88)])
@pytest.mark.fault(99)
def test_patience_is_a_setting(config: str, most: int, tmp_path: Path) -> None:
    """Null asks the whole plan."""
    rule = lambda body: (200, completion(body["messages"][-1]["content"]))  # noqa: E731
    with expanded(tmp_path, "-q", templates=TEMPLATES[:1], rule=rule, config=config) as run:
        assert run.done.returncode == 3
        assert run.server.count == most
        why = run.manifest["short_templates"][0]["why"]
        assert why.startswith("its plan is used up" if most == 88 else "patience ended after 2")


@pytest.mark.fault(99)
def test_patience_holds_with_several_choices_and_steps(tmp_path: Path) -> None:
    """Never above 7 x (accepted + 1) answers, but for the first request."""
    rule = lambda body: (200, completion(*[body["messages"][-1]["content"]] * 3))  # noqa: E731
    config = "choices: 3\nvariant: iterative\n"
    with expanded(tmp_path, "-q", templates=TEMPLATES[:1], rule=rule, config=config) as run:
        assert run.manifest["answers"] == 6


@pytest.mark.fault(99)
def test_a_dry_run_states_its_yield_and_meets_it(tmp_path: Path) -> None:
    """From the journal where there is one, and within 20 % of what is then bought."""
    import hashlib

    def rule(body: Body) -> Any:
        chance = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()[0]
        return (200, completion(body["messages"][-1]["content"])) if chance > 100 else None

    many = tuple(f"{t} Think of case {i}." for t in TEMPLATES for i in range(12))
    with expanded(tmp_path, "--rewrites", 1, "--dry-run", templates=many, rule=rule) as run:
        assert (run.summary["yield"], run.summary["yield_from"]) == (0.6, "usual")
    with expanded(tmp_path, "--rewrites", 1, templates=many, rule=rule) as run:
        truth = run.summary["accepted"] / run.summary["answers"]
        answers = run.summary["answers"]
    with expanded(tmp_path, "--dry-run", templates=many, rule=rule) as run:
        foreseen = run.summary
        assert run.server.count == 0
    assert foreseen["yield"] == pytest.approx(truth, abs=0.001)
    assert foreseen["yield_from"] == "journal"
    assert foreseen["reused"] == answers
    with expanded(tmp_path, templates=many, rule=rule) as run:
        assert run.server.count == pytest.approx(foreseen["requests"], rel=0.2)


# ── waiting, keys, files ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "told",
    [
        {"headers": {"retry-after": "1s"}},
        {"headers": {"x-ratelimit-reset-requests": "1s"}},
        {"headers": {"x-ratelimit-reset-tokens": "1000ms", "x-ratelimit-remaining-tokens": "0"}},
        {"headers": {"x-ratelimit-reset": "1"}},
        {"body": [{"error": {"code": 429, "details": [{"retryDelay": "1s"}]}}]},
        {"body": {"error": {"message": "Rate limit reached. Please try again in 1s. Thanks"}}},
        {"body": {"retry_after": 1.0}},
    ],
    ids=str,
)
@pytest.mark.fault(1)
def test_a_wait_is_honoured_however_it_is_asked_for(told: Body, tmp_path: Path) -> None:
    """Nothing is sent within the second."""
    fault = "answer:" + json.dumps({"status": 429} | told)
    options = ("--rewrites", 1, "--concurrency", 1)
    with expanded(tmp_path, *options, templates=TEMPLATES[:1], faults={0: fault}) as run:
        assert run.done.returncode == 0, run.done.stderr
        first, second, *_ = run.server.calls
        assert second.when - first.when >= 0.95


def test_an_https_endpoint_elsewhere_wants_a_key(tmp_path: Path) -> None:
    """Exit 2 before anything is sent; the line says how to give one."""
    tasks = folder(tmp_path / "tasks")
    for url in ("https://example.invalid/v1", "https://10.0.0.7:8443/v1"):
        done = instraug("expand", tasks, "-o", tmp_path / "o", "--model", "m", "--base-url", url)
        failed(done, 2, "OPENAI_API_KEY", "--api-key-file")
    done = instraug("expand", tasks, "-o", tmp_path / "o", "--model", "m")
    failed(done, 2, "api.openai.com", "OPENAI_API_KEY")


def test_a_server_of_this_machine_wants_none(tmp_path: Path) -> None:
    """Plain http on loopback, no key at all."""
    with expanded(tmp_path, "--rewrites", 1) as run:
        assert run.done.returncode == 0
        assert all("Authorization" not in c.headers for c in run.server.calls)


def test_few_open_files_bound_the_concurrency(tmp_path: Path) -> None:
    """The run is done with what there is, and says so once."""
    tasks = folder(tmp_path / "tasks", *(f"{t} Case {i}." for t in TEMPLATES for i in range(25)))

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with running(FakeServer(delay=0.05)) as server:
        command = [sys.executable, "-m", "instraug", "expand", str(tasks), "--model", "m",
                   "-o", str(tmp_path / "out"), "--base-url", server.url, "--concurrency", "256",
                   "--rewrites", "1", "--json"]  # fmt: skip
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment(),
            preexec_fn=few,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("ulimit -n") == 1
        assert 4 <= server.peak <= 40
