"""What stands beside a rewrite on its own line: it goes or costs the answer; good openings stay."""

from __future__ import annotations

import pytest

from tests.chain import broken, candidate, task

G = "Does {A} lie close to the left edge of {B}?"
PAIRS = [
    ("Is the object {text} near the left side of {region}?", G),
    ("Describe what the picture shows.", "Say what can be seen in the photo."),
    ("Look at the image. Is {text} in {region}?", "Does {B} hold {A}?"),
    ("Copy the part of the image in the given region {text}.", "Extract the image part in {A}"),
]
FRONT = [
    *[
        "Right: ",
        "Gotcha \u2014 ",
        "With pleasure: ",
        "Try: ",
        "Using synonyms: ",
        "How about this: ",
        "Perhaps: ",
    ],
    *["Shorter, ", "Less formal: ", "For beginners: ", "In plain English: ", "Put simply: "],
    *["One option is: ", "You may ask: ", "I would ask: ", "My attempt: ", "Let's see: "],
    *["Task 1: ", "User: ", "AI: ", "v2: ", "#1 ", "1/ ", "\u2460", "A. ", "Q: ", "Q1: ", "Ans: "],
    *["TL;DR: ", "Tone - neutral: ", "Hi there! ", "Dear user, ", "Sounds good. ", "Here: "],
    *["Ok then: ", "Hmm. ", "Ah, ", "Ecco: ", "Resposta: ", "\u8cea\u554f\uff1a", "Soru: "],
    *[
        "C\u00e2u h\u1ecfi: ",
        "\u274c ",
        "=> ",
        "== ",
        "\\- ",
        "&gt; ",
        "[1] ",
        "assistant: ",
        "See: ",
    ],
]
LOWER = [
    *["Well, ", "Hmm, ", "Hey, ", "Gladly, ", "In short, ", "Simply put, ", "Yes, ", "Sure, "],
    *["So: ", "rewrite: ", "as follows: ", "okay: ", "Formal: ", "Umformuliert: ", "bien, "],
    *["In short: ", "In other words: ", "Object: ", "new: "],
]
BEHIND = [
    *[
        " See above.",
        " Read it twice.",
        " Use it.",
        " Check again.",
        " Look here.",
        " Remember this.",
    ],
    *[" How is it?", " Got it?", " Is that OK?", " Does this help?", " Any questions?", " Next?"],
    *[" Same length.", " Both kept.", " That's it.", " This is clearer.", " It is.", " Amen."],
    *[" Best regards.", " - Assistant", " (formal)", " #formal", " => formal", " :)", " EOF"],
    *[" The end.", " Nine words, all in all.", " Score: 5/5.", " Answer: yes.", " Output: no."],
    *[" Yes, it does.", " Maybe.", " Ja.", " Gracias.", " Gern geschehen.", " Das war's."],
    *[", keeping the meaning the same.", " as requested.", " near -> close", " Click here."],
]


@pytest.mark.parametrize(("origin", "good"), PAIRS)
@pytest.mark.parametrize("front", FRONT)
def test_what_stands_in_front_never_comes_along(front: str, origin: str, good: str) -> None:
    """Whatever the template: with masks or none, with one sentence or two."""
    found = candidate(task(origin), front + good, max_length=9)
    assert found.reasons or found.rewrite == good


@pytest.mark.parametrize(("origin", "good"), PAIRS)
@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_behind_never_comes_along(behind: str, origin: str, good: str) -> None:
    """A remark is stray even where the template has a sentence that the rewrite dropped."""
    found = candidate(task(origin), good + behind, max_length=9)
    assert found.reasons or found.rewrite == good


@pytest.mark.parametrize(("origin", "good"), PAIRS)
@pytest.mark.parametrize("front", LOWER)
def test_a_sentence_in_lower_case_keeps_no_label(front: str, origin: str, good: str) -> None:
    """As in front of a capital."""
    lower = good[0].lower() + good[1:]
    found = candidate(task(origin), front + lower, max_length=9)
    assert found.reasons or found.rewrite == lower


GOOD = [
    *["Your task: decide if {A} is close to the left side of {B}."],
    *["Be precise: is {A} near the left side of {B}?", "Tell us: does {A} lie left in {B}?"],
    *["I want to know: is {A} near the left of {B}?", "I wonder: is {A} at the left of {B}?"],
    *["Reply in one word: is {A} near the left of {B}?", "In one word: is {A} left in {B}?"],
    *["From what you see: is {A} near the left of {B}?", "For this image: is {A} left in {B}?"],
    *["Answer this: does {A} lie near the left of {B}?", "Yes/no: is {A} near the left of {B}?"],
    *["True or false? {A} is near the left side of {B}.", "Visually, is {A} to the left of {B}?"],
    *["In your opinion, is {A} near the left of {B}?", "To your eye, is {A} left in {B}?"],
    *["Provided the picture, is {A} near the left of {B}?", "Now, is {A} near the left of {B}?"],
    *["Is {A} at the left of {B}, roughly speaking?", "Is {A} left in {B}, would you say?"],
    *["Is {A} near the left of {B}, in your opinion?", "Is {A} near the left of {B}? Decide."],
    *["Is {A} near the left side of {B}? Be precise.", "Is {A} left in {B}? Give your reasoning."],
    *["Is {A} near the left side of {B}? Use the image.", "Is {A} left in {B}? Do not guess."],
    *["Is {A} left in {B}? Respond with one word.", "Is {A} left in {B}? Please answer."],
    *["Here is an image. Is {A} near the left of {B}?", "{A} is left in {B}. Are both right?"],
    *["Locate {A}. Now decide: is it near the left side of {B}?"],
]


@pytest.mark.parametrize("said", GOOD)
def test_a_good_opening_or_ending_stays(said: str) -> None:
    """An order, a wish to know, the place, the form of the answer: all belong to an instruction."""
    found = candidate(task(PAIRS[0][0]), said, min_length=0.3)
    assert (found.rewrite, found.reasons) == (said, ())


def test_a_name_in_front_of_a_colon_is_a_label() -> None:
    """ "Task:" names what follows, "Your task:" is a part of it."""
    found = candidate(task(PAIRS[0][0]), "Task: Is {A} to the left of {B}?")
    assert (found.rewrite, found.reasons) == ("Is {A} to the left of {B}?", ())


def test_a_rewrite_may_turn_a_statement_to_the_end() -> None:
    """Where the template makes a statement, the rewrite may end with it."""
    asked = task("The image is bad. Choose its reason from the list. {options}")
    assert broken(asked, "Identify the reason in the list. The picture is poor.") == []


S = PAIRS[1][1]


@pytest.mark.parametrize(
    "said",
    [
        *[
            f"<think>Hm.</think>{S}",
            f"<answer>{S}</answer>",
            f"{S}<|im_end|>",
            f"[INST] hm [/INST] {S}",
        ],
        *[f"{S}<|endoftext|>Human: another one", f"{S}\n<note>I kept it.</note>"],
        *[f'{{"instruction": "{S}", "explanation": "all is kept"}}', f"\\boxed{{{S}}}", f"**{S}**"],
        f'<tool_call>{{"name": "rewrite", "arguments": {{"text": "{S}"}}}}</tool_call>',
        *[f"| Rewrite |\n|---|\n| {S} |", f"Here it is:\n```\n{S}\n```\nLet me know!"],
        *[
            f"## Rewrite\n{S}",
            f"Gerne!\n{S}",
            f"{S}\n\nI hope this helps!",
            f"{S}\n---",
            f"{S}\nEND",
        ],
        f"**Thinking:** I should keep the placeholders.\n\n**Answer:** {S}",
    ],
)
def test_a_template_without_masks_is_unwrapped_as_well(said: str) -> None:
    """What stands for the masks: about its length, words of instructions, none of rewriting."""
    found = candidate(task(PAIRS[1][0]), said, max_length=9)
    assert (found.rewrite, found.reasons) == (S, ())


@pytest.mark.parametrize(
    "said",
    [
        f"{S} {S}",
        f"1. {S}\n2. Name what the photo shows.",
        f"{S}\n{S}",
        f'["{S}", "Name what the photo shows."]',
    ],
)
def test_several_rewrites_are_none(said: str) -> None:
    """Which one is meant is not guessed."""
    assert candidate(task(PAIRS[1][0]), said, max_length=9).reasons


@pytest.mark.parametrize(
    "behind",
    [
        "Note: I kept {A} and {B} unchanged.",
        "Changes made:\n- near -> close to\n- side -> edge",
        "1. The verb is another.\n2. The rest is kept.",
    ],
)
def test_notes_in_lines_behind_come_off(behind: str) -> None:
    """Also where they name the masks, or list what was changed."""
    found = candidate(task(PAIRS[0][0]), f"{G}\n\n{behind}")
    assert (found.rewrite, found.reasons) == (G, ())


@pytest.mark.parametrize(
    "tags", ["</think>" * 50, "<think>a <think>b</think> c</think>", "</s>" * 50]
)
def test_any_number_of_tags_comes_off(tags: str) -> None:
    """All before the last closing tag is a thought."""
    assert (
        candidate(task(PAIRS[0][0]), f"Hm. {tags}{G}" if "s>" not in tags else tags + G).rewrite
        == G
    )


@pytest.mark.parametrize(
    "said",
    [
        "Liegt {A} nahe am linken Rand von {B}?",
        "{A} si trova vicino al lato sinistro di {B}?",
        "O objeto {A} fica perto do lado esquerdo de {B}?",
        "Ligt {A} dicht bij de linkerkant van {B}?",
        "Onko {A} l\u00e4hell\u00e4 {B} vasenta reunaa?",
        "Apakah {A} berada di dekat sisi kiri {B}?",
        "Ang {A} ba ay malapit sa kaliwa ng {B}?",
    ],
)
def test_another_language_is_known_by_what_it_lacks(said: str) -> None:
    """No list of its words is needed: hardly a word is English."""
    assert "language" in broken(task(PAIRS[0][0]), said)


def test_a_language_without_spaces_may_write_beside_a_mask() -> None:
    """Chinese sets a value between its characters."""
    asked = task("{text}\u662f\u5426\u9760\u8fd1{region}\u7684\u5de6\u4fa7\uff1f\u8bf7\u56de\u7b54")
    said = "{A}\u5728{B}\u7684\u5de6\u8fb9\u5417\uff1f\u8bf7\u56de\u7b54"
    assert "markup" not in broken(asked, said)
