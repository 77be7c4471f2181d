"""Faults of answers and placeholders: journaled first, judged after, never bought a second time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from instraug.chain.expand import expand
from instraug.errors import PlaceholderError
from instraug.files.jsonl import read_jsonl
from instraug.models.journal.replay import Replay
from instraug.rewriting.config import Config, Rules
from instraug.rewriting.job import ExpandJob, load
from instraug.tasks.placeholders import mask, parse, placeholders, restore
from instraug.tasks.rendering import renderer
from tests import chain
from tests.fakeserver import FakeServer, running

TEMPLATE = "Is the object {text} near the left side of {region}?"


def run(folder: Path, fault: str, **config: Any) -> tuple[list[dict[str, Any]], FakeServer]:
    """Expand one template against a server that always answers so; return the answers' rows."""
    (folder / "tasks").mkdir()
    (folder / "tasks" / "t.yaml").write_text(f"name: t\ninstructions: ['{TEMPLATE}']\n")
    with running(FakeServer(always=fault)) as server:
        settings = Config(model="m", base_url=server.url, samples=1, rewrites=1, **config)
        job = ExpandJob(folder / "tasks", folder / "out", "m", settings)
        for _ in range(2):  # and run again: what was journaled is not asked for
            expand(job, load(job))
    names = ("instructions.jsonl", "rejected.jsonl")
    rows = [row for name in names for _, row in read_jsonl(folder / "out" / name)]
    return [row for row in rows if row["source"] == "generated"], server


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        pytest.param("no_choices", "empty", id="23"),
        pytest.param("null_choices", "empty", id="23 null"),
        pytest.param("null_content", "empty", id="24"),
        pytest.param("reasoning", "empty", id="24 reasoning"),
        pytest.param("length", "truncated", id="25"),
        pytest.param("filter", "filtered", id="26"),
        pytest.param("refusal", "refusal", id="27"),
        pytest.param("preamble", None, id="28"),
        pytest.param("list", "markup", id="29"),
        pytest.param("quotes", None, id="30 quotes"),
        pytest.param("fence", None, id="30 fence"),
        pytest.param("french", "language", id="31"),
        pytest.param("copy", "copy", id="32"),
        pytest.param("blank", "empty", id="33"),
        pytest.param("orders", "placeholders", id="34"),
        pytest.param("no_usage", None, id="35"),
        pytest.param("other_model", None, id="36"),
        pytest.param("think", None, id="37"),
    ],
)
@pytest.mark.fault(*range(23, 38))
def test_an_odd_answer_is_judged_and_bought_once(
    fault: str, rule: str | None, tmp_path: Path
) -> None:
    """Each is journaled, rejected by the rule that names it or taken out of its wrapping, and no
    key is asked for twice."""
    rows, server = run(tmp_path, fault)
    assert rows
    for row in rows:
        broken = [reason["rule"] for reason in row.get("reasons", ())]
        if rule is None:
            assert not broken or broken[0] in ("duplicate", "near_duplicate")
        else:
            assert rule in broken
    assert rule is not None or not all("reasons" in row for row in rows)
    bodies = Counter(json.dumps(c.body, sort_keys=True) for c in server.calls)
    assert set(bodies.values()) == {1}
    with Replay.read(tmp_path / "out" / "replies.jsonl") as replay:
        assert len(replay) == len(server.calls)
    if fault == "other_model":
        assert {row["model"] for row in rows} == {"another-model-0613"}


def spoken(template: str, **swap: str) -> tuple[str, dict[str, str]]:
    """Return a masked template, and placeholder -> token."""
    masked = mask(template)
    return masked.text, {p.strip("{}"): t for t, p in masked.tokens.items()}


LONG = "Please look and say if {text} is really in {region} of the picture or not."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, r: (t, ""), "{text}"),
        (lambda t, r: (t, f"{t} {t}"), "found 2"),
        (lambda t, r: (t, "{ZZ}"), "invented {ZZ}"),
        (lambda t, r: (r, f"{r} {{Q}}"), "invented {Q}"),
    ],
    ids=["dropped", "doubled", "renamed", "invented"],
)
@pytest.mark.fault(40)
def test_a_wrong_token_is_rejected_with_the_exact_difference(change: Any, said: str) -> None:
    """Dropped, doubled, renamed, invented: never repaired."""
    text, tokens = spoken(LONG)
    old, new = change(tokens["text"], tokens["region"])
    restored = restore(text.replace(old, new), mask(LONG))
    assert restored.instruction is None
    assert said in restored.difference


@pytest.mark.fault(41)
def test_reordered_tokens_are_accepted() -> None:
    """Another order is another wording, and the row keeps it as it was answered."""
    text, tokens = spoken(LONG)
    a, b = tokens["text"], tokens["region"]
    restored = restore(text.replace(a, "\0").replace(b, a).replace("\0", b), mask(LONG))
    told = [p.source for p in placeholders(restored.instruction or "")]
    assert sorted(told) == sorted(p.source for p in placeholders(LONG))
    assert told != [p.source for p in placeholders(LONG)]


@pytest.mark.parametrize("wrong", ["{ text }", "{TEXT}", "{{text}}", "{text}"])
@pytest.mark.fault(42)
def test_a_spelling_of_its_own_is_rejected(wrong: str) -> None:
    """What merely looks like a placeholder is none."""
    text, tokens = spoken(LONG)
    assert restore(text.replace(tokens["text"], wrong), mask(LONG)).instruction is None


@pytest.mark.parametrize("stray", ['{"a": 1}', "{", "}", "{ }", "{x, y}"])
@pytest.mark.fault(43)
def test_a_stray_brace_is_literal_in_an_answer_and_an_error_in_a_task_file(stray: str) -> None:
    """The fix in a task file is to double it."""
    text, _ = spoken(LONG)
    restored = restore(f"{text} {stray}", mask(LONG))
    assert restored.instruction is not None
    assert parse(restored.instruction)[-1] == f" of the picture or not. {stray}"
    with pytest.raises(PlaceholderError, match=r"double the brace"):
        parse(f"Is it so? {stray}")


@pytest.mark.parametrize("attack", ["{text.__class__}", "{text:>900000000}", "{0}", "{text!r}"])
@pytest.mark.fault(44)
def test_what_python_would_evaluate_is_malformed(attack: str) -> None:
    """Never evaluated: one line, the column, the fix."""
    with pytest.raises(PlaceholderError, match=r"column 4: malformed placeholder"):
        parse(f"Is {attack} there?")


@pytest.mark.fault(45)
def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    """Rendering is one pass."""
    task = chain.task("Is {text} one of {options}?")
    fields = {"text": "{options} {text} {{x}}", "options": ["a", "{text}"]}
    rendered = renderer("Is {text} one of {options}?", task)(fields)
    assert rendered == "Is {options} {text} {{x}} one of a, {text}?"


@pytest.mark.parametrize("twin", ["\u0391", "\uff21", "A\u200b", "\u200bA", "A\u0301"])
@pytest.mark.fault(46)
def test_a_confusable_token_is_no_token(twin: str) -> None:
    """Greek and full-width letters, zero-width and combining characters: unequal, rejected."""
    text, tokens = spoken(LONG)
    wrong = tokens["text"].replace(tokens["text"].strip("{}"), twin)
    assert restore(text.replace(tokens["text"], wrong), mask(LONG)).instruction is None


@pytest.mark.fault(47)
def test_tokens_collide_with_nothing_in_the_text() -> None:
    """A template that holds what a mask looks like gets another family of masks."""
    template = "Is option {{A}} or {{B}} or {{A0}} true of {text} and {region}?"
    masked = mask(template)
    assert not {"{A}", "{B}", "{A0}"} & set(masked.tokens)
    assert restore(masked.text, masked).instruction == template


@pytest.mark.parametrize(
    "template",
    [
        "Say {a}{b}{a} aloud",
        "{a} is it so, {b}",
        "Is \"{a}\" or '{b}' so?",
        "Which is it?\n\n[Options]: {options}",
        "Which is it? {options_token} {options}",
        "{a}",
        "{a} {b}",
    ],
)
@pytest.mark.fault(48)
def test_placeholders_at_the_ends_side_by_side_and_in_quotes_are_kept(template: str) -> None:
    """Masked and restored, the template comes back to the byte."""
    for constants in ((), ("options_token",)):
        masked = mask(template, constants)
        assert restore(masked.text, masked).instruction == template


@pytest.mark.fault(40)
def test_a_broken_placeholder_reaches_the_verdict() -> None:
    """And no rule setting can turn it off."""
    task = chain.task(LONG)
    assert chain.broken(task, "Please say whether it is so in the picture or not") == [
        "placeholders"
    ]
    assert "placeholders" not in Rules.__annotations__
