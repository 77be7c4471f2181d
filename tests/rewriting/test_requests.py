"""The plan holds every pair of meta-prompt and temperature, in an order that spreads them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

from hypothesis import given
from hypothesis import strategies as st

from instraug.models.chat import Chat, Image, Message
from instraug.rewriting.config import MULTI_TEMP, Config
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt
from instraug.rewriting.prompts.plan import make_plan, skipped
from instraug.rewriting.prompts.requests import expand, messages
from tests.chain import META, plan, request, task

METAS = tuple(MetaPrompt(f"m{i}", "T", "guided", f"text {i}") for i in range(11))
ONE = task(
    'Is "{text}" true of {region}, or {text} not?{options_token} {options}',
    constants={"options_token": "\n\n[Options]:"},
)


def test_a_plan_is_every_prompt_at_every_temperature_in_every_sample() -> None:
    """samples x meta-prompts x temperatures requests, all with different keys."""
    wide = plan(meta_prompts=METAS, temperatures=MULTI_TEMP, samples=2)
    template = ONE.templates[0]
    all_of_it = list(expand(wide, ONE, template, template))
    assert len(all_of_it) == 2 * 11 * 11
    pairs = {(r.meta_prompt, r.chat.temperature, r.chat.sample) for r in all_of_it}
    assert len(pairs) == len({r.chat.key for r in all_of_it}) == 242
    assert [r.position for r in all_of_it] == list(range(242))


def test_the_first_requests_are_spread_over_prompts_and_temperatures() -> None:
    """Eleven requests meet eleven meta-prompts and eleven temperatures."""
    wide = plan(meta_prompts=METAS, temperatures=MULTI_TEMP)
    template = ONE.templates[0]
    first = [r for r, _ in zip(expand(wide, ONE, template, template), range(11), strict=False)]
    assert len({r.meta_prompt for r in first}) == len({r.chat.temperature for r in first}) == 11


def test_the_masked_template_alone_is_the_last_user_message() -> None:
    """Guideline and worked examples stand before it, as system message and chat turns."""
    told = messages(META, [Example("Say {A}.", "Tell {A}.")], "Is {A} so?")
    assert [(m.role, m.content) for m in told] == [
        ("system", "Rephrase the input."),
        ("user", "Say {A}."),
        ("assistant", "Tell {A}."),
        ("user", "Is {A} so?"),
    ]


def test_no_placeholder_reaches_the_model() -> None:
    """The request holds masks only, and the tail block is held back."""
    asked = request(ONE)
    assert asked.chat.messages[-1].content == 'Is "{A}" true of {B}, or {A} not?'


def test_a_key_depends_on_all_that_shapes_the_answer() -> None:
    """Any change of the chat changes its key; equal chats have equal keys."""
    chat = request(ONE).chat
    assert replace(chat).key == chat.key
    changes = [
        replace(chat, model="x"),
        replace(chat, temperature=0.7),
        replace(chat, top_p=0.5),
        replace(chat, max_tokens=9),
        replace(chat, seed=9),
        replace(chat, sample=9),
        replace(chat, n=9),
        replace(chat, grammar="g"),
        replace(chat, messages=chat.messages[1:]),
    ]
    assert len({chat.key, *(c.key for c in changes)}) == 10
    assert json.loads(chat.canonical)["messages"][0]["role"] == "system"


def test_samples_have_seeds_of_their_own_that_follow_the_seed() -> None:
    """The seed of a request follows from --seed and the sample index, nothing else."""
    template = ONE.templates[0]
    seeds = [
        [r.chat.seed for r in expand(plan(seed=s), ONE, template, template)] for s in (0, 0, 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len(set(seeds[0])) == 8
    assert all(0 <= s < 2**31 for s in seeds[0])


def test_variants() -> None:
    """single is 0.6, multi-temp the paper's 11 temperatures, iterative two steps at half each."""

    def of(**fields: object) -> object:
        made = make_plan(replace(Config(), **fields), "m", [META])  # type: ignore[arg-type]
        return made.temperatures, made.steps

    assert of(rewrites=5) == ((0.6,), (5,))
    assert of(variant="multi-temp", rewrites=30) == (MULTI_TEMP, (30,))
    assert of(variant="iterative", rewrites=5) == ((0.6,), (3, 2))
    assert of(variant="multi-temp", temperatures=(0.2,), rewrites=1) == ((0.2,), (1,))


def test_what_cannot_be_rewritten_is_skipped_with_its_reason() -> None:
    """Placeholder-only templates and repeats of an earlier instruction are not sent."""
    of = task("{question}", "Answer {question}", "answer  {question}", "{options_token} {options}")
    assert skipped(of) == {
        0: "placeholders only, nothing to rewrite",
        2: "repeats an earlier instruction of its task",
        3: "placeholders only, nothing to rewrite",
    }


@given(
    st.text(), st.lists(st.text(), max_size=3), st.none() | st.text(),
    st.floats(0, 2) | st.integers(0, 2), st.integers(0, 2**63),
)  # fmt: skip
def test_a_key_is_the_hash_of_canonical_json(
    model: str, texts: list[str], grammar: str | None, heat: float, number: int
) -> None:
    """Whatever the texts hold, it is what the JSON module makes of sorted keys without spaces."""
    messages = tuple(Message("user", t) for t in texts)
    chat = Chat(model, messages, heat, heat, number, number, number, number, grammar)
    body = asdict(chat)
    for message in body["messages"]:
        assert message.pop("images") == ()
    wanted = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert chat.canonical == wanted
    assert chat.key == hashlib.sha256(wanted.encode()).hexdigest()


def test_an_image_is_in_a_key_by_its_hash_and_size_alone() -> None:
    """Its bytes are not; a chat of text alone is spelled as it was before there were images."""

    def unread() -> str:
        raise AssertionError("a key reads no image")

    text = Chat("m", (Message("user", 'say "role":"x"'),), 0, 1, 9, 0, 0)
    shown = tuple([Image(digit * 64, side, unread, 5) for digit, side in (("a", None), ("b", 64))])
    seeing = replace(text, messages=(replace(text.messages[0], images=shown),))
    body = json.loads(text.canonical)
    body["messages"][0]["images"] = [["a" * 64, None], ["b" * 64, 64]]
    assert seeing.canonical == json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert "images" not in text.canonical
