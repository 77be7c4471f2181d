"""What real models answer: the rewrite comes out as it is, or the answer is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.tasks.records import Task
from tests.chain import broken, candidate, task

T = task("Is the object {text} near the left side of {region}?")
G = "Does {A} lie close to the left edge of {B}?"
RIGHT = "Does {text} lie close to the left edge of {region}?"


def outcome(of: Task, said: str) -> str | None:
    """The accepted instruction; None where the answer is rejected."""
    found = candidate(of, said)
    return None if found.reasons else found.instruction


THOUGHTS = [
    f"Okay, the user wants a rephrase.\n</think>\n\n{G}",
    f"<think>\nIs it {{A}} or {{B}}?\n</think>\n\n{G}",
    f"<thinking>Let me see.</thinking>{G}",
    f"<Thought>Let me see.</Thought>\n{G}",
    f"<reasoning>\nKeep {{A}}.\n</reasoning>\n\n{G}",
    f"<scratchpad>one, two</scratchpad>\n{G}",
    f"<seed:think>Hm.</seed:think>{G}",
    f"[THINK]Keep {{A}} and {{B}}.[/THINK]{G}",
    f"Keep both.[/THINK]{G}",
    f"\u25c1think\u25b7Hm.\u25c1/think\u25b7{G}",
    (
        f"<|begin_of_thought|>\n{{A}}...\n<|end_of_thought|>\n<|begin_of_solution|>\n{G}\n"
        "<|end_of_solution|>"
    ),
    f"<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>{G}<|END_RESPONSE|>",
    (
        "<|channel|>analysis<|message|>Rephrase {A}.<|end|><|start|>assistant<|channel|>final"
        f"<|message|>{G}<|return|>"
    ),
    f"<|channel|>final<|message|>{G}",
    f"<|channel>thought\nHm {{A}}.\n<channel|>{G}",
    f"<think>one</think><think>two</think>{G}",
    f"{G}\n<explanation>I kept both.</explanation>",
]
TOKENS = [
    *[f"{G}<|im_end|>", f"{G}</s>", f"{G}<|eot_id|>", f"{G}<end_of_turn>", f"{G}<|endoftext|>"],
    *[f"{G}[/INST]", f"{G}<eos>", f"{G}<\uff5cend\u2581of\u2581sentence\uff5c>", f"<s>{G}</s>"],
    f"<|im_start|>assistant\n{G}<|im_end|>",
    f"<|start_header_id|>assistant<|end_header_id|>\n\n{G}<|eot_id|>",
    f"<start_of_turn>model\n{G}<end_of_turn>\n<start_of_turn>user\nThank you",
    (
        f"<|im_start|>user\nIs the object {{A}} near the left side of {{B}}?<|im_end|>\n"
        f"<|im_start|>assistant\n{G}<|im_end|>"
    ),
    f"[INST] hm [/INST] {G}",
]
WRAPPED = [
    *[f"<answer>{G}</answer>", f"<answer>{G}", f"{G}</answer>", f"<output>\n{G}\n</output>"],
    *[f"<rewrite>{G}</rewrite>", f"<b>{G}</b>", f"<p>{G}</p>", f"<q1>{G}</q1>"],
    f'{{"instruction": "{G}"}}',
    f'```json\n{{"instruction": "{G}"}}\n```',
    f'Here it is:\n```json\n{{"instruction": "{G}"}}\n```\nLet me know!',
    f'{{"rewrite": "{G}"}}',
    f'{{"original": "Is the object {{A}} near the left side of {{B}}?", "new": "{G}"}}',
    f'{{"result": {{"text": "{G}", "note": "short"}}, "score": 1}}',
    f'["{G}"]',
    f'[{{"umformuliert": "{G}"}}]',
    *[f"[{G}]", f"({G})", f"<{G}>", f"{{{G}}}", f"**{G}**", f"*{G}*", f"_{G}_", f"`{G}`"],
    *[f"\\boxed{{{G}}}", f"$\\boxed{{\\text{{{G}}}}}$", f"\\text{{{G}}}", f"\\[ {G} \\]"],
    *[f"\\textbf{{{G}}}", f"The answer is \\boxed{{{G}}}", f"$${G}$$"],
    *[f"| {G} |", f"| Rewrite |\n|---|\n| {G} |", f"|1|{G}|"],
    f"| From | To |\n|---|---|\n| Is the object {{A}} near the left side of {{B}}? | {G} |",
    *[f'"{G}"', f"\u201c{G}\u201d", f"\u201e{G}\u201c", f"\u00ab{G}\u00bb", f"\u300c{G}\u300d"],
    *[f"\"'{G}'\"", f'**"{G}"**', f'`"{G}"`', f"~~~\n{G}\n~~~", f"```markdown\n{G}\n```"],
]
LABELS = [
    *["Paraphrase 3: ", "Rewrite #2 - ", "Rewrite 1 \u2013 ", "Option 2: ", "Output => ", "3: "],
    *[
        "R\u00e9\u00e9criture : ",
        "\u6539\u5199\uff1a",
        "Umformulierung: ",
        "Riscrittura: ",
        "Rewrite:",
    ],
    *[
        "\u041f\u0435\u0440\u0435\u0444\u0440\u0430\u0437: ",
        "Reformulaci\u00f3n: ",
        "Herformulering: ",
    ],
    *[
        "Voici une reformulation : ",
        "Hier ist die Anweisung: ",
        "Aqu\u00ed est\u00e1: ",
        "Omskrivning: ",
    ],
    *["**Rewritten:** ", "**Rewritten**: ", "__Answer__: ", "### Rewrite: ", "Final answer: "],
    *[
        "Here is the rewrite: ",
        "Sure! Here's a rephrased version: ",
        "As requested: ",
        "Try this: ",
    ],
    *["In other words: ", "Another way to say it: ", "My version: ", "Instruction: ", "Question: "],
    *[
        "Simplified version: ",
        "New instruction: ",
        "Result: ",
        "Here you go: ",
        "A reworded question: ",
    ],
    *["Sure, here is one:\n\n", "Rewrite\n\n", "## Rewrite\n", "**Rephrased Instruction**\n\n"],
    *[
        "Gerne!\n",
        "Claro que s\u00ed:\n\n",
        "\u597d\u7684\uff0c\u6539\u5199\u5982\u4e0b\uff1a\n",
        "Voil\u00e0 :\n",
    ],
    "Original: Is the object {A} near the left side of {B}?\nRewrite: ",
    "Keep {A} first. Then {B}.\nFinal answer: ",
]
BEHIND_A_LINE = [
    *["Let me know if you need more.", "Note: I kept both.", "(Note: {A} is kept.)", "---"],
    *[
        "Hope this helps!",
        "Viel Erfolg!",
        "J'esp\u00e8re que cela aide.",
        "\u5e0c\u671b\u6709\u5e2e\u52a9\u3002",
    ],
    *["I changed the verb.", "Explanation: shorter verb.", "Cheers \U0001f642"],
]


@pytest.mark.parametrize("said", [*THOUGHTS, *TOKENS, *WRAPPED])
def test_the_rewrite_comes_out_of_its_wrapping(said: str) -> None:
    """Thoughts, control tokens, tags, JSON, LaTeX, tables, quotes and emphasis are taken off."""
    assert outcome(T, said) == RIGHT


@pytest.mark.parametrize("label", LABELS)
def test_a_label_in_any_language_comes_off(label: str) -> None:
    """What names the rewrite in front of it, on its line or above it, is no part of it."""
    assert outcome(T, label + G) == RIGHT


@pytest.mark.parametrize("line", BEHIND_A_LINE)
def test_talk_in_lines_of_its_own_is_never_part_of_the_rewrite(line: str) -> None:
    """A note behind the rewrite is dropped, or costs the answer."""
    assert outcome(T, f"{G}\n\n{line}") in (RIGHT, None)


NEVER = [
    *["Hi, Tell me if {A} is near the left of {B}.", "Well, Find out if {A} is left in {B}."],
    *[f"Hello, {G}", f"OK {G}", f"Gladly, {G}", f"Alors, {G}", f"Yes. {G}", f"No problem. {G}"],
    *[
        G.replace("{A}", "'{A}"),
        G.replace("edge", ":region:"),
        G.replace("edge", "edge ..."),
        G + "\uff1f",
    ],
    *[G.replace("close", "close\xa0"), G.replace("edge", "edge\u0120"), f"{G} Tokens kept: two."],
    *[f"{G} (Note: both are kept.)", f"{G} Let me know if that works.", f"{G} I hope this helps!"],
    *[f"{G} Hope it helps", f"{G} Done.", f"{G} Enjoy!", f"{G} Viel Erfolg damit!"],
    *[
        f"{G} Ich hoffe, das hilft.",
        f"{G} Espero que te sirva.",
        f"{G} \u5e0c\u671b\u6709\u5e2e\u52a9",
    ],
    *[f"{G} or: is it to the left?", f"{G} Alternatively, ask where it is.", f"{G} - rewritten"],
    *[
        f"{G} Or: {G}",
        f"{G} / {G}",
        f"{G} (French: {G})",
        f"{G} \u2192 ok",
        f"{G} \u2713",
        f"{G} \U0001f642",
    ],
    *[
        f"{G} I kept the placeholders.",
        f"{G} This keeps its meaning.",
        f"{G} Would you like another?",
    ],
    *[
        f"{G} NB: shorter.",
        f"{G} Explanation: the verb changed.",
        f"{G} [end]",
        f"{G} ---",
        f"{G} <3",
    ],
    *[f"Sure! {G}", f"Okay. {G}", f"Gerne! {G}", f"Bien s\u00fbr ! {G}", f"Got it. {G}"],
    *[
        f"Understood. {G}",
        f"Great question! {G}",
        f"Rephrased. {G}",
        f"Voil\u00e0 ! {G}",
        f"Claro. {G}",
    ],
    *[f"1. {G}", f"- {G}", f"\u2022 {G}", f"a) {G}", f"(1) {G}", f"\u2192 {G}", f"> {G}", f"# {G}"],
    *[f"1. {G}\n2. {G}", f"{G}\n{G}", f"Option 1: {G}\nOption 2: {G}", f"* {G}"],
    *[
        G.replace("{A}", "&quot;{A}&quot;"),
        G.replace(" lie", "&nbsp;lie"),
        G.replace(" lie", "&#39;lie"),
    ],
    *[G.replace("close", "close\\n"), G.replace(" lie", "\\tlie"), G.replace("{A}", '\\"{A}\\"')],
    *[
        G + "!" * 5000,
        G + " no" * 3,
        G + "?!" * 40,
        G + " " + "x" * 300,
        G + "...." * 9,
        G + " ha ha ha",
    ],
    *[G + " https://a.example/x", G + " www.example.com", G.replace("edge", "edge example.com")],
    *[G + "\ue000", G + "\ufdd0", G + "\U0010ffff", G.replace("edge", "ed\u200bge"), "\u2062" + G],
    *[G + "\x07", G + "\u00ad", G + "\ufe0f\u20e3", G.replace("edge", "edge\u0301\u0301\u0301")],
    *[
        G.replace("edge", slot)
        for slot in ("[A]", "<A>", "{{A}}", "$A", "%s", "___", "{0}", "${A}")
    ],
    *[
        G.replace("edge", slot)
        for slot in ("[TEXT]", "<text>", "{ text }", "%(a)s", "__A__", "@A@")
    ],
    *[G.replace("{A}", beside) for beside in ("*{A}*", "_{A}_", "({A})", "[{A}]", "`{A}`", "${A}")],
    *[
        G.replace("{A}", beside)
        for beside in ("<{A}>", "{A}|", "\\{A}", "{{A}}", "\u20ac{A}", "#{A}")
    ],
    *[f'"{G}', f'{G}"', f"\u201c{G}", "<think>Does {A} lie close to {B}?", f"<think>{G}</think>"],
    "Does {A} lie <b>close</b> to the left edge of {B}?",
    f"{G}\n\nIs there anything else you want rephrased?\n\n{G}",
    f'{{"a": "{G}", "b": "Is {{A}} on the left of {{B}}?"}}',
]


@pytest.mark.parametrize("said", NEVER)
def test_what_is_not_the_rewrite_never_comes_along(said: str) -> None:
    """The rewrite alone, or nothing: whatever else stands in the answer is not accepted with it."""
    assert outcome(T, said) in (RIGHT, None)


GOOD = [
    *["Tell me whether {A} is near the left edge of {B}.", "Is {A} close to {B}'s left side?"],
    *["Look at {B}: does {A} lie near its left edge?", "Yes or no: is {A} near the left of {B}?"],
    *["Consider {B}. Is the object {A} near its left side?", "In {B}, is {A} near the left side?"],
    *[
        "Look at the picture. Does {A} lie left of {B}?",
        "Does {A} lie left of {B}? Answer yes or no.",
    ],
    *[
        "Say if the object {A} can be found on the left - near {B}.",
        'Is "{A}" close to the left of {B}?',
    ],
    *[
        "Consider {A} and {B}. Is the former near the left side of the latter?",
        "Is {A} left of {B} or not?",
    ],
    *[
        "True or false: {A} is close to the left side of {B}.",
        "Decide: is {A} near the left side of {B}?",
    ],
    *["Please check: is the object {A} near the left side of {B}?"],
    *[
        "Does {B} have {A} on its left-hand side?",
        "Given {B}, determine if {A} is at its left side.",
    ],
    *[
        "Object {A}, region {B}: are they close on the left side?",
        "{A}: is it near the left side of {B}?",
    ],
    *[
        "Question: {A} Choices: {B} Reply now please.",
        "{A} is near the left side of {B}. Is this true?",
    ],
    *[
        "In the region {B}, is the object \u201c{A}\u201d near the left side?",
        "Where {B} begins, is {A} near?",
    ],
    *[
        "Step 1: look at {B}. Step 2: is {A} near its left side?",
        "Is {A} near {B}'s left side? Explain.",
    ],
    *[
        "Is it right to say that {A} stands near the left side of {B}?",
        "Is the thing {A} left in {B}? Why?",
    ],
]


@pytest.mark.parametrize("said", GOOD)
def test_an_ordinary_rewrite_is_accepted_as_it_is(said: str) -> None:
    """What people write is taken to the letter: nothing is cut off, no rule is broken."""
    found = candidate(T, said)
    assert (found.rewrite, found.reasons) == (said, ())


KEPT = [
    (
        "Think inside <think> </think> tags, then say whether {text} is in {region}.",
        "Put your reasoning between <think> and </think>, then tell whether {A} is in {B}.",
    ),
    (
        'Reply as {{"answer": "yes"}} if {text} fits.',
        'Where {A} fits, answer with {"answer": "yes"}.',
    ),
    ("Choose [A] or [B] for {text}.", "For {A}, pick either [A] or [B]."),
    ("Locate {text} as <loc> tokens.", "Say where {A} is with <loc> tokens."),
    ("Put what {text} means in \\boxed{{}}.", "Write in \\boxed{} what is meant by {A}."),
    ("Answer (A) or (B) about {text}.", "About {A}, reply with (A) or (B)."),
    ("Name `x` and `y` of {text}.", "For {A}, give `x` and `y`."),
    ("Fill the blank ___ with {text} or not.", "Use {A}, or not, for the blank ___ here."),
    ("Print {text} with %s in front.", "Put %s in front and print {A}."),
    ("Paraphrase {text} in plain words.", "Rephrase {A} in simple words."),
    ("Answer: is {text} on the left?", "Answer: does {A} stand left?"),
    ("Note: {text} is a hint, not more.", "Note: {A} is no more than a hint."),
]


@pytest.mark.parametrize(("origin", "said"), KEPT)
def test_what_the_template_holds_is_never_taken_out(origin: str, said: str) -> None:
    """Tags, JSON, labels and words of rewriting that are the template's own stay where they are."""
    found = candidate(task(origin), said)
    assert (found.rewrite, found.reasons) == (said, ())


def test_a_thought_in_front_of_a_template_about_thoughts_comes_off() -> None:
    """One block more than the template speaks of is the model's own."""
    origin, said = KEPT[0]
    assert candidate(task(origin), f"<think>Hm.</think>\n{said}").rewrite == said


@pytest.mark.parametrize(("origin", "said"), list(KEPT[:1] + KEPT[1:9]))
def test_a_lost_literal_is_a_lost_placeholder(origin: str, said: str) -> None:
    """JSON, tags, bracketed letters, LaTeX, code, blanks and slots are kept as they are spelled."""
    lost = said
    for literal in (
        "<think>",
        '{"answer": "yes"}',
        "[A]",
        "<loc>",
        "\\boxed{}",
        "(A)",
        "`x`",
        "___",
        "%s",
    ):
        lost = lost.replace(literal, "it")
    assert lost != said
    assert "placeholders" in broken(task(origin), lost)
    assert "placeholders" in broken(task(origin), lost, off=("markup",))


@pytest.mark.parametrize(
    "reason",
    [
        *["stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE", None, ""],
        *["FINISH_REASON_STOP", "finish", "endoftext", "stop-sequence", "null", "done", "FINISHED"],
        *["normal", "success", "eos_token_found", "end_of_sequence", "stopped_eos", "natural_stop"],
    ],
)
def test_good_ends_pass(reason: str | None) -> None:
    """An answer that came to its own end passes, by any provider's name for it."""
    assert broken(T, G, finish=reason) == []


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        *[
            (r, "truncated")
            for r in ("length", "max_tokens", "MAX_TOKENS", "model_length", "limit")
        ],
        *[
            (r, "truncated")
            for r in ("abort", "error", "ERROR", "cancelled", "time_limit", "MAX_LENGTH")
        ],
        *[
            (r, "truncated")
            for r in ("tool_calls", "OTHER", "insufficient_system_resource", "whatever")
        ],
        *[
            (r, "filtered")
            for r in ("content_filter", "SAFETY", "recitation", "PROHIBITED_CONTENT")
        ],
        *[
            (r, "filtered")
            for r in ("BLOCKLIST", "ERROR_TOXIC", "guardrail_intervened", "refusal", "SPII")
        ],
    ],
)
def test_no_other_end_passes(reason: str, rule: str) -> None:
    """A cut, an abort, an error, a filter or an unknown end rejects, and the detail names it."""
    found = candidate(T, G, finish=reason)
    assert [r.rule for r in found.reasons] == [rule]
    assert reason in found.reasons[0].detail


@pytest.mark.parametrize(
    ("labels", "said", "leaks"),
    [
        ("A B C D", "Is there a thing like {A} left in {B}?", False),
        ("A B C D", "A question: is {A} left in {B}?", False),
        ("A B C D", "Can I see {A} near the left of {B}?", False),
        ("A B C D", "Is {A} near the left side of {B}, or B?", True),
        ("A B C D", "Is it option A if {A} is left in {B}?", True),
        ("A B C D", "If {A} is left in {B}, choose A.", True),
        ("a b", "Is it a thing {A} left of {B}?", False),
        ("a b", "If {A} is left in {B}, choose a.", True),
        ("I II", "Can I see {A} near the left of {B}?", False),
        ("I II", "Is {A} near the left of {B}? Choose II.", True),
        ("the of to", "Is {A} close to the left of {B}?", False),
        ("on in", "Is {A} on the left in {B}?", False),
        ("yes no", "Is {A} left in {B}, yes or no?", True),
        ("left right", "Is {A} at the left of {B}?", False),
        ("left right", "Is {A} left or right of {B}?", True),
    ],
)
def test_a_label_leaks_where_it_is_named_not_where_it_is_a_word(
    labels: str, said: str, leaks: bool
) -> None:
    """Articles, pronouns and function words are words; a bare letter names a label."""
    asked = task(T.templates[0].text, labels=tuple(labels.split()))
    assert broken(asked, said) == (["leak"] if leaks else [])


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_is_accepted_with_a_mark_that_its_template_lacks(before: str, behind: str) -> None:
    """Whatever stands around a good rewrite, an accepted one holds no bracket or other mark."""
    accepted = outcome(T, before + G + behind)
    if accepted is not None:
        assert not set("()[]<>\\|$`*_#") & set(accepted)
        assert accepted.count("{") == 2


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (
            "Look (closely) at {text} and say what it is.",
            "Look closely at ({A}) and tell what it is.",
        ),
        ("Compute {text} * 3 and say what it is.", "Compute *{A} times 3 and tell what it is."),
        ("Name {text} in snake_case if you can do so.", "If you can, name _{A} in snake case."),
        ("Is {text} | {region} a good pair here?", "Do {A} and |{B} make a good pair here?"),
        ("Is {text} < 3 as the picture shows it?", "Does the picture show that <{A} is under 3?"),
    ],
)
def test_a_mark_of_the_template_does_not_move_to_a_mask(origin: str, said: str) -> None:
    """What the template holds elsewhere may stand elsewhere, but not around a value."""
    assert broken(task(origin), said) == ["markup"]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (
            "Question: {text} look at the image and answer it.",
            "Query: {A} peer at the picture and reply to it.",
        ),
        ('Does the text: "{text}" match the image?', 'Is the phrase: "{A}" true of the image?'),
        ("Region 1: {text} and region 2: {region} overlap?", "Area 1: {A} and area 2: {B} meet?"),
    ],
)
def test_a_colon_that_the_template_has_is_no_label(origin: str, said: str) -> None:
    """A template with labels of its own may be rewritten with other labels."""
    assert candidate(task(origin), said).rewrite == said


IN_FRONT = [
    *["Option A", "Sentence B", "Second one", "How about", "You could say", "Here it is", "Yes"],
    *["The new question is", "In short", "Object", "Left side", "First", "Question", "Formal"],
    *["Great question", "Final answer", "Plain English", "Kurz", "Umformuliert", "Next up"],
]


@pytest.mark.parametrize("head", IN_FRONT)
@pytest.mark.parametrize(
    "by", [": ", " - ", ". ", "! ", "; ", " \u2014 ", " ", ", ", "? ", " // ", "\t", " = ", "\n"]
)
def test_a_few_words_in_front_on_its_line_never_come_along(head: str, by: str) -> None:
    """Whatever splits them off, words in front that no sentence opens with go, or cost it."""
    assert outcome(T, f"{head}{by}{G}") in (RIGHT, None)
    assert outcome(T, f'"{head}"{by}{G}') in (RIGHT, None)


@pytest.mark.parametrize("head", IN_FRONT)
def test_a_label_with_a_colon_comes_off_whatever_it_says(head: str) -> None:
    """A colon, then a whole sentence: what stands in front of it is its label."""
    said = f"{head}: {G}"
    assert outcome(T, said) in ((RIGHT, None) if head in ("Object", "Left side") else (RIGHT,))


BEHIND = [
    *[", Umformuliert", ", danke", ", meaning unchanged", "; simpler wording used", "\tdone"],
    *[" END", " EOS", " Option 2", " Question", " Complete.", " Which one is better?", " Object"],
    *[" Do you see?", " - Choice A", " // First", " Second one", " Formal.", " ~ plain", " Yes."],
    *[" Any thoughts?", " Ready?", " Simple.", " Meaning preserved.", " Nothing was lost.", ","],
    *[" No, it does not.", " The answer is yes.", " Kurzfassung", " \u2014 kurz", " ok", ";"],
    *[" Plain style.", " What do you think?", " Shall I go on?", " Better?", " Your turn."],
]


@pytest.mark.parametrize("tail", BEHIND)
@pytest.mark.parametrize("end", ["?", ""])
def test_a_few_words_behind_on_its_line_never_come_along(tail: str, end: str) -> None:
    """A remark, a label or a sign behind the last sentence costs the answer."""
    if not end and not tail.startswith((",", ";", " -", " /", " \u2014", " END", " EOS", " ~")):
        pytest.skip("without a stop it reads on")
    assert outcome(T, G.removesuffix("?") + end + tail) in (RIGHT, None)


@pytest.mark.parametrize(
    "said",
    [
        "Is {A} in {B}? Hope you like it! Have a nice day.",
        "Is {A} in {B}? Sentence order kept.",
        "My dear friend. Is {A} within {B}? Take care now.",
        "Does {B} hold {A}? That is all. Bye for now.",
        "Does {B} hold {A}? I am done here.",
    ],
)
def test_a_dropped_sentence_makes_no_room_for_a_stray_one(said: str) -> None:
    """A sentence without a mask instructs or shares content, however many the template has."""
    asked = task("Look at the image. Is {text} in {region}? Answer yes or no.")
    assert "preamble" in broken(asked, said)


DRAFT = "Draft: Is {A} by the left of {B}?"


@pytest.mark.parametrize(
    "said",
    [
        f"**Thinking Process:**\n1. Analyze it.\n2. {DRAFT}\n\n**Final answer:**\n{G}",
        f"{DRAFT}\nBetter:\n{G}",
        f"{DRAFT}\n{G}",
        f"Plan: look.\n\n{DRAFT}\n\n## Final:\n{G}",
    ],
)
def test_a_draft_is_never_taken_for_the_last_line(said: str) -> None:
    """The line under the last heading is the rewrite, or the answer is rejected."""
    assert outcome(T, said) in (RIGHT, None)


@pytest.mark.parametrize(
    "said",
    [
        *[f'{{"instruction": "{G}",}}', f'"{G}",', f'"""{G}"""', f"'''{G}'''", f"''{G}''"],
        *[f'"{G}";', f'"{G}".', f"'{G}',", f'[\n"{G}",\n]'],
    ],
)
def test_quotes_of_code_come_off(said: str) -> None:
    """Tripled quotes, a comma behind a quoted text and JSON's trailing comma are wrapping."""
    assert outcome(T, said) == RIGHT


@pytest.mark.parametrize(
    "front", ['"" ', "1\t", "-- ", "\u00b7", "/ ", ", ", ". ", "1 ", "? ", "'' ", "\u2013 "]
)
def test_no_sign_stays_in_front(front: str) -> None:
    """No sentence begins with a stray sign, a number or empty quotes."""
    assert outcome(T, front + G) in (RIGHT, None)


@pytest.mark.parametrize("front", ["Sure!\n\n", "Here it is:\n", ""])
@pytest.mark.parametrize("behind", ["", "\n\nHope this helps!"])
def test_blank_lines_within_a_rewrite_stay(front: str, behind: str) -> None:
    """Talk around a rewrite of several lines comes off; its own lines stay as they are."""
    asked = task("Look at {text}.\n\nIs {region} in it?\n\nAnswer yes or no.")
    said = "Consider {A}.\n\nDoes it hold {B}?\n\nReply yes or no."
    found = candidate(asked, front + said + behind)
    assert (found.rewrite, found.reasons) == (said, ())


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("Describe what {text} does in it.", "Let me know what the person in {A} is doing"),
        ("Describe what {text} does in it.", "Please let me know how {A} acts in it."),
        ("Describe what {text} does in it.", "Let me know where and when {A} acts."),
        ("Write {text} a note about {region}.", "Thank {A} in a note that mentions {B}"),
        ("Please tell me what it is that {text} is.", "Do you want to tell me what {A} is?"),
        ("Question: {question} Answer:", "Q: {A} A:"),
        ("Name a song of the 1990s in {text}.", "Name the '90s song that {A} holds."),
        ("Here is an image {text}. What does it show?", "Here is a photo {A}; say what it shows."),
        ("Is {text} left of {region}?", "A question: is {A} left of {B}?"),
        ("Is {text} in the left part of {region}?", "Is {A} left in {B}, yes or no?"),
        ("Is {text} in the left part of {region}?", "Step 1: Look at {B}. Step 2: Is {A} left?"),
        ("Is {text} in the left part of {region}?", "Tell me, is {A} on the left of {B}?"),
        ("Is {text} in the left part of {region}?", "Are {A}s to the left of {B}'s middle?"),
    ],
)
def test_words_of_talk_in_a_sentence_of_the_rewrite_are_its_own(origin: str, said: str) -> None:
    """A sentence that holds a mask is the rewrite's, whatever words it opens with."""
    found = candidate(task(origin), said, max_length=3)
    assert (found.rewrite, found.reasons) == (said, ())


@pytest.mark.parametrize("mask", ["{A}1", "a{A}", "ob{A}ject", "{A}x", "1{A}", "the{A}"])
def test_nothing_is_glued_to_a_mask(mask: str) -> None:
    """A letter or digit beside a mask would change the value that it stands for."""
    assert broken(T, G.replace("{A}", mask)) == ["markup"]


@pytest.mark.parametrize("quoted", ['"A"', "'A'", "\u201cA\u201d"])
def test_a_quoted_letter_is_a_label(quoted: str) -> None:
    """An article stands in no quotes."""
    asked = task(T.templates[0].text, labels=tuple("ABCD"))
    assert "leak" in broken(asked, f"{quoted} is right if {{A}} is left of {{B}}?")


def test_a_pair_of_tags_keeps_its_order() -> None:
    """A closing tag in front of its opening one is another literal."""
    asked = task("Put what {text} is between <answer> and </answer>.")
    assert broken(asked, "Say what {A} is between <answer> and </answer>.") == []
    assert "placeholders" in broken(asked, "Say what {A} is between </answer> and <answer>.")


@pytest.mark.parametrize(
    "reason", ["incomplete", "abnormal", "stop_limit", "error_end", "unfinished"]
)
def test_a_word_of_a_good_end_beside_another_is_none(reason: str) -> None:
    """Every word of a finish reason has to name a natural end."""
    assert broken(T, G, finish=reason) == ["truncated"]
