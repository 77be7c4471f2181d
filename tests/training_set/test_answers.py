"""A target stays right when the options move: as text, as a letter, and as a number."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.tasks.records import Answers, Task
from instraug.training_set import answers
from instraug.training_set import seen as seen_module
from instraug.training_set.answers import NUMBERS, Arranger, Note, places
from instraug.training_set.sampling import shuffled
from instraug.training_set.seen import Seen
from tests.commandline import instraug
from tests.sets import CHOICE, Row, built, choice_row, rows_of, write_rows, write_tasks

ANIMALS = ["cat", "dog", "horse", "cow"]


def arranged(
    options: list[Any], target: str, number: int = 12345, **given: Any
) -> tuple[Row, list[str]]:
    """Put one row's options in order; return the row, its target in it, and what is noted."""
    notes: list[Note] = []
    task = Task(
        "t", (), answers=given.pop("answers", None), fixed_options=given.pop("fixed", False)
    )
    arranger = Arranger(task, shuffle=given.pop("shuffle", True), notes=notes, seen=Seen())
    row: Row = {"options": list(options), "target_txt": target, **given}
    row["target"] = arranger.arrange(row, target, number, b"")
    assert row["target"] == row["target_txt"]
    assert sorted(map(str, row["options"])) == sorted(map(str, options))
    return row, [what for what, _, _ in notes]


# ── letters ──────────────────────────────────────────────────────────────────────────────────

LETTERS = (
    *(
        "{}",
        "({})",
        "{}.",
        "{})",
        " {} ",
        "[{}]",
        "{}:",
        "**{}**",
        "'{}'",
        "Option {}",
        "option ({})",
    ),
    *(
        "Answer: {}",
        "The answer is {}.",
        "The correct answer is ({}).",
        "Choice {}",
        "({}.)",
        "{},",
    ),
)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("spelling", LETTERS)
def test_a_letter_moves_with_its_option(spelling: str, lower: bool) -> None:
    """However it is spelled, it names the same option afterwards, in the same spelling."""
    moved = 0
    for number in range(24):
        letter = "b" if lower else "B"
        row, noted = arranged(ANIMALS, spelling.format(letter), number)
        at = row["options"].index("dog")
        assert row["target"] == spelling.format("abcd"[at] if lower else "ABCD"[at])
        assert noted == []
        moved += at != 1
    assert moved == 18


@pytest.mark.parametrize(
    "spelling", ["{}. dog", "({}) dog", "{}) Dog.", "{}: dog", "Option {}: dog"]
)
def test_a_letter_may_stand_before_its_text(spelling: str) -> None:
    """The text has to be that letter's option; then both stay together."""
    row, noted = arranged(ANIMALS, spelling.format("B"), 5)
    at = row["options"].index("dog")
    assert at != 1
    assert row["target"] == spelling.format("ABCD"[at])
    assert noted == []
    assert arranged(ANIMALS, spelling.format("C"))[1] == ["other_targets"]


@pytest.mark.parametrize(
    "spelling", ["{}, {}", "{}, and {}", "{} and {}", "{}/{}", "({}) & ({})", "{};{}"]
)
def test_several_letters_move_each_with_its_option(spelling: str) -> None:
    """Those that stood in order still do."""
    for number in range(24):
        row, noted = arranged(ANIMALS, spelling.format("A", "C"), number)
        letters = sorted("ABCD"[row["options"].index(o)] for o in ("cat", "horse"))
        assert row["target"] == spelling.format(*letters)
        assert noted == []


def test_shuffled_rows_keep_the_letter_of_their_target() -> None:
    """Ten thousand rows, of every number of options that there are letters for."""
    letters_stay(10_000)


@pytest.mark.slow
def test_a_million_shuffled_rows_keep_the_letter_of_their_target() -> None:
    """As above, a million of them."""
    letters_stay(1_000_000)


def letters_stay(rows: int) -> None:
    rng = random.Random(rows)
    notes: list[Note] = []
    arranger = Arranger(Task("t", ()), shuffle=True, notes=notes, seen=Seen())
    at_first = 0
    for number in range(rows):
        options = [f"word{chr(97 + i)}" for i in range(rng.randint(2, 26))]
        at = rng.randrange(len(options))
        row = {"options": options, "target_txt": chr(65 + at)}
        target = arranger.arrange(row, chr(65 + at), rng.getrandbits(64), b"")
        assert row["options"][ord(target) - 65] == options[at], number
        at_first += target == "A"
    assert notes == []
    assert 0.1 < at_first / rows < 0.2


def test_options_without_a_letter_left_keep_their_order() -> None:
    """The 27th option has none, so that a letter cannot follow its option there."""
    options = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(40)]
    found: Counter[bool] = Counter()
    for number in range(200):
        row, noted = arranged(options, "C", number << 50 | number)
        assert row["options"][ord(row["target"]) - 65] == options[2]
        assert noted in ([], ["kept_in_order"])
        assert (row["options"] == options) == bool(noted)
        found[bool(noted)] += 1
    assert min(found.values()) > 40


# ── text ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (["B", "A", "D", "C"], "B"),
        (["a", "the", "an"], "a"),
        (["2", "0", "3", "1"], "2"),
        ([2, 0, 3, 1], "2"),
        (ANIMALS, "DOG"),
        (ANIMALS, " dog."),
        (ANIMALS, "horse, cat"),
        (ANIMALS, "cat and cow"),
        (["B. Franklin", "lamp", "stove"], "B. Franklin"),
        ([["1", "2"], ["3"], ["x"]], "['3']"),
        (["cat", "cat", "dog"], "cat"),
        (["cat"], "cat"),
    ],
)
def test_an_options_own_text_wins(options: list[Any], target: str) -> None:
    """A target that is an option's text stays as it is, be it a letter or a number."""
    orders = set()
    for number in range(30):
        row, noted = arranged(options, target, number)
        assert (row["target"], noted) == (target, [])
        orders.add(str(row["options"]))
    assert len(orders) > 1 or len(options) == 1


@pytest.mark.parametrize("options", [["A. cat", "B. dog", "C. cow"], ["(b) dog", "(a) cat"]])
@pytest.mark.parametrize("target", ["B", "(b)", "dog", "B. dog"])
def test_options_with_letters_of_their_own_keep_them(options: list[str], target: str) -> None:
    """They keep their order, and a letter is the one that the option shows."""
    if target not in options and target == "B. dog":
        return
    row, noted = arranged(options, target)
    assert (row["options"], row["target"], noted) == (options, target, ["kept_in_order"])


def test_repeated_options_are_told_apart_by_their_letters() -> None:
    """A letter moves with its own option, not with another of the same text."""
    for number in range(6):
        row, _ = arranged(["cat", "cat", "dog"], "B", number)
        assert row["options"]["ABC".index(row["target"])] == "cat"
    targets = {arranged(["cat", "cat", "dog"], "A", n)[0]["target"] for n in range(6)}
    assert targets == {"A", "B", "C"}


# ── numbers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "first"), [("index0", 0), ("index1", 1)])
@pytest.mark.parametrize("spelling", ["{}", "({})", "{}.", "Option {}", " {} ", "{}. dog"])
def test_a_number_moves_where_the_task_says_what_it_counts(
    kind: Answers, first: int, spelling: str
) -> None:
    """From 0 or from 1; its spelling stays."""
    for number in range(24):
        row, noted = arranged(ANIMALS, spelling.format(1 + first), number, answers=kind)
        at = row["options"].index("dog")
        assert (row["target"], noted) == (spelling.format(at + first), [])


def test_a_whole_number_is_a_target_where_the_task_says_what_it_counts(tmp_path: Path) -> None:
    """It is written as text, and moves; elsewhere it is text, and its row is counted."""
    rows = [choice_row(i, options=ANIMALS, target_txt=1, answer="B") for i in range(30)]
    built_rows = rows_of(tmp_path, rows, tasks=[{**CHOICE, "answers": "index0"}])
    assert len({row["target"] for row in built_rows}) == 4
    for row in built_rows:
        assert row["options"][int(row["target"])] == "dog"
        assert (row["target_txt"], row["answer"]) == (row["target"], "ABCD"[int(row["target"])])
    outcome = built(tmp_path, [*rows[:1], choice_row(40)], force=True)
    assert outcome.figures()["options"] == {"number_targets": {"choice": 1}}


@pytest.mark.parametrize("spelling", ["{} (dog)", "{} dog", "Letter {}", "({}) (dog).", "{} [Dog]"])
def test_a_letter_is_read_before_its_text_in_brackets_or_not(spelling: str) -> None:
    """As people write it; with another option's text it names none."""
    for number in range(24):
        row, noted = arranged(ANIMALS, spelling.format("B"), number)
        at = row["options"].index("dog")
        assert (row["target"], noted) == (spelling.format("ABCD"[at]), [])
    if "og" in spelling:
        assert arranged(ANIMALS, spelling.format("C"))[1] == ["other_targets"]


@pytest.mark.parametrize(
    ("spelling", "letters"),
    [("{}", "ＡＢＣＤ"), ("（{}）", "ＡＢＣＤ"), ("{}．dog", "ａｂｃｄ"), ("「{}」", "ABCD")],
)
def test_full_width_letters_move_in_their_own_width(spelling: str, letters: str) -> None:
    """With full-width brackets and dots around them, too; so do numbers."""
    for number in range(24):
        row, noted = arranged(ANIMALS, spelling.format(letters[1]), number)
        at = row["options"].index("dog")
        assert (row["target"], noted) == (spelling.format(letters[at]), [])
        row, noted = arranged(ANIMALS, "２", number, answers="index1")
        assert (row["target"], noted) == ("１２３４"[row["options"].index("dog")], [])


def test_an_article_is_no_letter() -> None:
    """``A cat`` of options whose first is cat may well be just that."""
    assert arranged(ANIMALS, "A cat")[1] == ["other_targets"]


def test_what_the_task_says_goes_before_the_text() -> None:
    """Among options that are numbers, index0 means a place, as letter does among letters."""
    for number in range(24):
        row, _ = arranged(["7", "3", "1", "2"], "2", number, answers="index0")
        assert row["options"][int(row["target"])] == "1"
        row, _ = arranged(["D", "A", "C", "B"], "B", number, answers="letter")
        assert row["options"]["ABCD".index(row["target"])] == "A"
        row, noted = arranged(ANIMALS, "dog", number, answers="index0")
        assert (row["target"], noted) == ("dog", [])


@pytest.mark.parametrize("target", ["1", "(2)", "Option 3", "4", "0", "2. dog"])
def test_a_number_of_which_nobody_says_what_it_counts_keeps_the_order(target: str) -> None:
    """The row is as it was, and counted."""
    row, noted = arranged(ANIMALS, target)
    assert (row["options"], row["target"]) == (ANIMALS, target)
    assert noted == ["number_targets"]
    assert arranged(ANIMALS, target, shuffle=False)[1] == []


# ── no option ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [{}, {"shuffle": False}, {"fixed": True}, {"answers": "letter"}])
@pytest.mark.parametrize(
    "target", ["fish", "E", "a cat", "57", "", "-1", "B cat", "B or not", "Aardvark"]
)
def test_a_target_that_is_no_option_is_noted(target: str, given: dict[str, Any]) -> None:
    """Its row keeps its order, because the target may mean a place in it."""
    row, noted = arranged(ANIMALS, target, **given)
    assert (row["options"], row["target"], noted) == (ANIMALS, target, ["other_targets"])


def test_a_long_target_takes_no_long_time() -> None:
    """A hundred thousand characters of what a letter may stand among are read in one pass."""
    for piece in ("the ", "A, ", " ", "and ", "((", '"', "is", "\n", "A) "):
        for long in (piece * 30_000, "A" + piece * 30_000 + "B", "A, " + piece * 30_000):
            assert arranged(ANIMALS, long)[0]["target"] is not None


def test_a_letter_is_no_option_where_targets_are_text() -> None:
    """answers: text is the task's word that letters are none."""
    assert arranged(ANIMALS, "B", answers="text")[1] == ["other_targets"]


def test_a_row_without_options_has_no_target_among_them() -> None:
    """An empty list is nothing to report."""
    assert arranged([], "B") == ({"options": [], "target_txt": "B", "target": "B"}, [])


ONE = (
    *("important|cat|dog", "very important|cat|dog", "not important|important|very important"),
    *(
        "not important|cow",
        "slightly important|cat",
        "first|cat|dog",
        "third|cat|dog",
        "second|cat",
        "A. x|cat",
    ),
    *("first|second|third", "third|first|second", "A. x|B. y", "B. y|dog", "1|2|cat", "3|1|2"),
    *("1|2|3", "cat|dog|both A and B", "both A and B|dog", "good|bad|cat", "bad|good|excellent"),
    *("Yes, the text fits the picture|No, the text does not fit it", "cat|", "cat|   ", "A. x"),
    *("1 2 3 4|5.5 6 7 8", "1 2 3 4|   ", "|1 2 3 4 5 6 7", "none of the pictures above|a cat"),
)


# ── order kept ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("target", ["B", "dog", "(b)"])
def test_fixed_options_keep_their_order(target: str) -> None:
    """By the task's key; letters mean what they meant, and nothing is noted."""
    row, noted = arranged(ANIMALS, target, fixed=True)
    assert (row["options"], row["target"], noted) == (ANIMALS, target, [])


@pytest.mark.parametrize("target", ["C", "all of the above", "cat"])
def test_options_that_speak_of_their_places_keep_their_order(target: str) -> None:
    """Whatever the target is; the row is counted."""
    options = ["cat", "dog", "all of the above"]
    row, noted = arranged(options, target)
    assert (row["options"], row["target"], noted) == (options, target, ["kept_in_order"])


@given(st.permutations([*ONE, *ONE]), st.data())
def test_what_was_seen_changes_no_verdict(lists: list[str], data: st.DataObject) -> None:
    """Rows come out the same in whatever order they are built, by however many processes."""
    seen = Seen()
    for line in lists:
        options = line.split("|")
        arranger = Arranger(Task("t", ()), shuffle=True, notes=[], seen=seen)
        fresh = Arranger(Task("t", ()), shuffle=True, notes=[], seen=Seen())
        found, expected = {"options": list(options)}, {"options": list(options)}
        free = seen.are_free(options)
        assert not free or all(option.strip() for option in options)
        fresh.arrange(expected, options[0], 3, b"")
        if free:
            found["options"] = list(shuffled(options, 3))
        else:
            arranger.arrange(found, options[0], 3, b"")
        assert list(found["options"]) == list(expected["options"])


def test_lists_that_were_seen_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with the rows; a list of long options is never remembered."""
    monkeypatch.setattr(seen_module, "LISTS", 2)
    seen = Seen()
    for number in range(5):
        seen.learn_list((f"no, not {number}", "yes"), kept=False)
        assert seen.are_free([f"no, not {number}", "yes"])
        assert len(seen.lists) <= 2
    seen.learn_list(("x" * 100, "yes"), kept=False)
    assert not seen.are_free(["x" * 100, "yes"])


PIECES = st.sampled_from(
    [*"abB2", "12", "Ｂ", "（", "(", ")", ".", ",", " ", "_", " and ", "option", "dog", "/", "é"]
)


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(["letter", *NUMBERS]))
def test_what_holds_no_label_names_no_place(target: str, kind: Answers) -> None:
    """The quick look that spares most targets a closer one turns none away that is read."""
    options = ["dog", "cat", "a", "b. dog"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "_label", lambda _: True)
        expected = places(target, options, kind)
    assert places(target, options, kind) == expected


# ── the field answer ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "answer", "given", "spelled"),
    [
        ("B", "B", {}, "ABCD"),
        ("dog", "B", {}, "ABCD"),
        ("dog", "(b)", {}, ["(a)", "(b)", "(c)", "(d)"]),
        ("B", "dog", {}, ["dog"] * 4),
        ("dog", "The dog barks.", {}, ["The dog barks."] * 4),
        ("dog", "C", {}, "CCCC"),
        ("dog", 1, {"answers": "index0"}, [0, 1, 2, 3]),
        ("2", 2, {"answers": "index1"}, [1, 2, 3, 4]),
        ("dog", ["B"], {}, [["A"], ["B"], ["C"], ["D"]]),
        ("dog", ["dog"], {}, [["dog"]] * 4),
        ("dog", ["(b)", "Dog.", ["B"]], {}, [[f"({c.lower()})", "Dog.", [c]] for c in "ABCD"]),
        ("dog", [{"answer": "B", "answer_id": 1}], {}, [[{"answer": "B", "answer_id": 1}]] * 4),
        ("1", "B", {"answers": "index0"}, "ABCD"),
        ("2", ["B"], {"answers": "index1"}, [["A"], ["B"], ["C"], ["D"]]),
        ("1", "dog", {"answers": "index0"}, ["dog"] * 4),
        ("1", "(1)", {"answers": "index0"}, ["(0)", "(1)", "(2)", "(3)"]),
        ("B", "dog", {"answers": "letter"}, ["dog"] * 4),
        ("dog", "B", {"answers": "text"}, "ABCD"),
        ("dog", None, {}, [None] * 4),
    ],
)
def test_an_answer_that_names_the_targets_option_moves_with_it(
    target: str, answer: Any, given: dict[str, Any], spelled: Any
) -> None:
    """Whether the target is a text or a place; any other answer stays as it is."""
    for number in range(24):
        row, noted = arranged(ANIMALS, target, number, answer=answer, **given)
        assert row["answer"] == spelled[row["options"].index("dog")]
        assert noted == []


@pytest.mark.parametrize("kind", [None, "text", "letter"])
@pytest.mark.parametrize("answer", [1, "2", [1], ["B", "2"]])
def test_an_answer_that_is_a_number_keeps_the_order(answer: Any, kind: Any) -> None:
    """Nobody says what it counts; the row is as it was, and counted."""
    target = "B" if kind == "letter" else "dog"
    row, noted = arranged(ANIMALS, target, answer=answer, answers=kind)
    assert (row["options"], row["answer"], noted) == (ANIMALS, answer, ["number_targets"])


@given(
    st.lists(
        st.one_of(st.text(max_size=5), st.sampled_from([*ANIMALS, "1", "A", "B."])), max_size=9
    ),
    st.one_of(st.text(max_size=8), st.sampled_from(["A", "B. dog", "1", "A and B", "(c)"])),
    st.integers(0, 2**64 - 1),
    st.sampled_from([None, "text", "letter", "index0", "index1"]),
)
def test_no_row_breaks_it(
    options: list[str], target: str, number: int, kind: Answers | None
) -> None:
    """Any options and target come out as a permutation; a noted row is as it was."""
    row, noted = arranged(options, target, number, answers=kind, answer=target)
    if noted:
        assert (row["options"], row["target"]) == (options, target)


# ── in a build ───────────────────────────────────────────────────────────────────────────────

MIXED = [
    *[choice_row(i, options=ANIMALS, target_txt="B") for i in range(40)],
    *[choice_row(40 + i, options=ANIMALS, target_txt="dog") for i in range(40)],
    choice_row(80, options=ANIMALS, target_txt="fish"),
    choice_row(81, options=ANIMALS, target_txt="eel"),
    choice_row(82, options=ANIMALS, target_txt="2"),
    choice_row(83, options=["1", "2", "3"], target_txt="2"),
]


@pytest.mark.parametrize("per_instance", ["sample", "all"])
def test_a_built_row_agrees_with_itself(tmp_path: Path, per_instance: str) -> None:
    """Prompt, options, target and target_txt of every row speak of the same order."""
    rows = rows_of(tmp_path, MIXED, per_instance=per_instance, pool=2)
    assert len({str(row["options"]) for row in rows}) > 20
    for row in rows:
        assert row["prompt"].endswith("||||".join(row["options"]))
        assert row["target"] == row["target_txt"]
        if int(row["unique_id"][1:]) < 80:
            at = "ABCD".find(row["target"])
            assert (row["target"] if at < 0 else row["options"][at]) == "dog"


def test_a_built_row_keeps_its_letter_without_shuffling(tmp_path: Path) -> None:
    """With shuffle_options off, and with fixed_options, rows come out as they went in."""
    for settings in ({"shuffle_options": False}, {"tasks": [{**CHOICE, "fixed_options": True}]}):
        for row, raw in zip(rows_of(tmp_path, MIXED, **settings), MIXED, strict=True):
            assert {k: row[k] for k in raw} == raw
            assert row["target"] == raw["target_txt"]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_noted_is_counted_by_task_with_its_first_place(
    tmp_path: Path, workers: int
) -> None:
    """In the figures and in words, a broken line beside it or not, and once under a cap."""
    rows: list[Row] = [*MIXED[:3], {"bad": 1}, *MIXED[3:]]
    for cap in (None, 1000):
        outcome = built(tmp_path, rows, skip_bad=True, workers=workers, force=True, per_task=cap)
        assert outcome.figures()["options"] == {
            "kept_in_order": {"choice": 1},
            "number_targets": {"choice": 1},
            "other_targets": {"choice": 2},
        }
        places = [remark.split(": ")[0].rpartition(":")[2] for remark in outcome.remarks()]
        assert places == ["85", "84", "82"]


def test_the_command_says_what_it_noted(tmp_path: Path) -> None:
    """One line a kind on stderr, and the manifest has the counts."""
    rows = write_rows(tmp_path / "rows.jsonl", MIXED)
    tasks = write_tasks(tmp_path / "tasks")
    done = instraug("build", tasks, "--instances", rows, "-o", tmp_path / "o.jsonl")
    assert done.returncode == 0, done.stderr
    said = f"{rows}:81: 2 rows (choice 2): their target is none of their options"
    assert said in done.stderr
    manifest = json.loads((tmp_path / "o.jsonl.manifest.json").read_bytes())
    assert manifest["options"]["other_targets"] == {"choice": 2}
