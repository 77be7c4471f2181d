"""A model's own guidelines become meta-prompts: cleaned, told apart, and usable at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.files.strict_yaml import dump
from instraug.models.chat import Chat, Choice, Reply, Usage
from instraug.rewriting.prompts.bootstrap import as_data, bootstrap, guidelines
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt, load_meta_prompts
from tests.commandline import failed, instraug
from tests.fakeserver import FakeServer, running

SHIPPED = [
    MetaPrompt("direct", "Rephrase", "direct", "Say it another way.", (Example("{A}?", "Is {A}?"),))
]

ANSWER = """Sure! Here are ten guidelines:
1. **Use plain verbs**: Replace a heavy phrase with one plain verb.
2) Put the object of the task at the front of the sentence.
- Turn a question into a polite request for the same answer.
4. "Replace a heavy phrase with a single plain verb."
5. Too short.
6. Keep {A} where it is in the sentence you write.
* Active voice: Name who acts before you name what is done.
8. Here are some examples of such rewriting guidelines:
"""


def answering(*texts: str) -> list[MetaPrompt]:
    """Bootstrap from a model that gives these answers in turn."""
    left = list(texts)

    async def ask(chat: Chat) -> Reply | None:
        return Reply(chat.key, "m", (Choice(left.pop(0)),), Usage(), "{}") if left else None

    return asyncio.run(bootstrap(ask, "m", SHIPPED, wanted=10, seed=0))


def test_lines_are_cleaned() -> None:
    """Marks, emphasis, quotes and chatter come off; titles are kept or made."""
    assert list(guidelines(ANSWER)) == [
        ("Use plain verbs", "Replace a heavy phrase with one plain verb."),
        (
            "Put the object of the",
            "Put the object of the task at the front of the sentence.",
        ),
        (
            "Turn a question into a",
            "Turn a question into a polite request for the same answer.",
        ),
        (
            "Replace a heavy phrase with",
            "Replace a heavy phrase with a single plain verb.",
        ),
        ("Active voice", "Name who acts before you name what is done."),
    ]


def test_a_list_on_one_line_is_a_list() -> None:
    """Small models put all items on one line."""
    said = "1. Use plain verbs for heavy phrases. 2) Name who acts before what is done. 3. No."
    assert [text for _, text in guidelines(said)] == [
        "Use plain verbs for heavy phrases.",
        "Name who acts before what is done.",
    ]


def test_questions_and_calls_are_no_guidelines() -> None:
    """A question to the reader is dropped, a call in front of an item comes off."""
    said = (
        "1. Certainly! Use words that a child knows.\n2. Would you like more guidelines?\n"
        "3. Sure, put the object of it first.\n4. Certainly! Use simpler words."
    )
    assert [text for _, text in guidelines(said)] == [
        "Use words that a child knows.",
        "put the object of it first.",
    ]


def test_the_embedded_model_is_not_asked(tmp_path: Path) -> None:
    """It lists household hints; so it is a model that the user has to name."""
    done = instraug("meta-prompts", "bootstrap", "-o", tmp_path / "more.yaml")
    failed(done, 2, "--model NAME")
    assert not list(tmp_path.iterdir())


def test_guidelines_that_say_the_same_are_taken_once() -> None:
    """Near-duplicates, also across answers, are dropped; ids count up; examples are lent."""
    found = answering(ANSWER, ANSWER, "1. Split one long sentence into two or three short ones.")
    assert [m.id for m in found] == [f"bootstrapped-{i:02}" for i in range(1, 6)]
    assert found[4].title == "Split one long sentence into"
    assert all(m.kind == "direct" and m.examples == SHIPPED[0].examples for m in found)


def test_asking_stops_at_ten() -> None:
    """No more than wanted are returned, however many a model names."""
    words = "red blue green plum grey pink teal gold lime rust cyan navy".split()  # noqa: SIM905
    many = "\n".join(f"{i}. {w} {w}s {w}ly {w}ed {w}ing" for i, w in enumerate(words, 1))
    assert len(answering(many, "unused")) == 10


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The file is one that --meta-prompts takes."""
    found = answering(ANSWER)
    path = tmp_path / "own.yaml"
    path.write_text(dump(as_data(found)))
    assert load_meta_prompts(path) == tuple(found)


@given(st.text(max_size=300))
def test_any_answer_is_read(said: str) -> None:
    """No answer breaks the reader, and no guideline holds a brace."""
    assert all("{" not in text and title for title, text in guidelines(said))


def test_the_command_writes_a_file_and_buys_once(tmp_path: Path) -> None:
    """bootstrap writes ten, keeps its replies, overwrites only when forced, and buys once."""
    lines = "\\n".join(
        f"{i}. {a} every {b} with care and {c}."
        for i, (a, b, c) in enumerate(
            zip(
                "Swap Move Cut Join Name Trim Turn Split Lead Close".split(),  # noqa: SIM905
                "noun verb clause list object adverb question sentence opening ending".split(),  # noqa: SIM905
                "tact pace wit calm zeal ease flair poise grit cheer".split(),  # noqa: SIM905
                strict=True,
            ),
            1,
        )
    )
    body = f'{{"model":"m","choices":[{{"message":{{"content":"{lines}"}}}}]}}'
    out = tmp_path / "own.yaml"
    with running(FakeServer(always=f"raw:{body}")) as server:
        ask = ["meta-prompts", "bootstrap", "-o", out, "--model", "m", "--base-url", server.url]
        done = instraug(*ask)
        assert done.returncode == 0, done.stderr
        assert len(load_meta_prompts(out)) == 10
        failed(instraug(*ask), 2, "--force")
        assert instraug(*ask, "--force").returncode == 0
        assert len(server.calls) == 1


def test_a_model_without_a_guideline_is_exit_3(tmp_path: Path) -> None:
    """Eight answers without one usable line: exit 3, and no file."""
    body = '{"model":"m","choices":[{"message":{"content":"No."}}]}'
    out = tmp_path / "own.yaml"
    with running(FakeServer(always=f"raw:{body}")) as server:
        done = instraug(
            "meta-prompts", "bootstrap", "-o", out, "--model", "m", "--base-url", server.url
        )
    failed(done, 3, "another model")
    assert not out.exists()


@pytest.mark.parametrize("as_json", [True, False])
def test_list_shows_the_shipped_set(as_json: bool) -> None:
    """One direct and ten guided ones, as a table or as JSON."""
    done = instraug("meta-prompts", "list", *(["--json"] if as_json else []))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("guided") == 10


GOOD = "Use a plain verb in place of a heavy phrase."
OTHER = "Put the main object of the request at its front."


@pytest.mark.parametrize(
    "said",
    [
        f"<think>\n1. Think of some rules for this list.\n</think>\n1. {GOOD}\n2. {OTHER}",
        f"They want ten rules about wording.\n</think>\n\n1. {GOOD}\n2. {OTHER}",
        f'["{GOOD}", "{OTHER}"]',
        f'```json\n{{"guidelines": ["{GOOD}", "{OTHER}"]}}\n```',
        f"Sure, here they are as you asked\n\n- {GOOD}\n- {OTHER}\n\nLet me know if you need more.",
        f"1. {GOOD}\n2. {OTHER}\n3. I'm sorry, but I cannot think of any more.",
        f"1. {GOOD}\n2. {OTHER}<|im_end|>",
        f"1. **{GOOD}**\n**2.** {OTHER}",
        f"1. {GOOD}\n2. {OTHER}\n3. Never let a sentence go on beyond the",
        f"1. {GOOD}\n2. {OTHER}\n3. Write so that {{A}} comes first of all.",
    ],
)
def test_an_answer_is_read_as_a_rewrite_is(said: str) -> None:
    """Thoughts, JSON, fences, talk, refusals and a cut line are no guidelines."""
    assert [text for _, text in guidelines(said)] == [GOOD, OTHER]


@pytest.mark.parametrize(
    "said",
    [
        "I'm sorry, but I can't help with that request of yours.",
        "As an AI language model I do not write any guidelines.",
        "<think>Use a plain verb in place of a heavy phrase.",
        "1. Use a plain verb in place of a heavy phrase and",
        "1. Go on and on " + "and on " * 12,
        "",
    ],
)
def test_what_holds_no_guideline_gives_none(said: str) -> None:
    """A refusal, a thought and what was cut before its end give nothing."""
    assert list(guidelines(said, "length")) == []


def test_a_cut_answer_loses_its_last_line() -> None:
    """Nobody knows whether the line that the token limit cut was whole."""
    said = f"1. {GOOD}\n2. {OTHER}"
    assert [text for _, text in guidelines(said, "length")] == [GOOD]
    assert [text for _, text in guidelines(said, "stop")] == [GOOD, OTHER]


def test_an_echo_of_the_request_is_no_guideline() -> None:
    """What was asked and shown comes back from weak models; it is not taken."""
    said = (
        "List ten different guidelines for rewording an instruction without changing its meaning.\n"
        "1. Wash every pan as soon as the meal is on the table.\n2. Sweep the floor after you have "
        "chopped vegetables."
    )
    assert answering(said) == []


def test_fewer_than_asked_for_is_a_failure(tmp_path: Path) -> None:
    """Exit 1, no file; the replies are kept, so that fewer can be had without buying again."""
    body = '{"model":"m","choices":[{"message":{"content":"1. ' + GOOD + '"}}]}'
    out = tmp_path / "own.yaml"
    with running(FakeServer(always=f"raw:{body}")) as server:
        ask = ["meta-prompts", "bootstrap", "-o", out, "--model", "m", "--base-url", server.url]
        failed(instraug(*ask), 1, "1 usable guidelines of 10", "--count 1")
        assert not out.exists()
        bought = server.count
        assert instraug(*ask, "--count", 1).returncode == 0
        assert server.count == bought
    assert len(load_meta_prompts(out)) == 1
