"""Files of other tools become one shape, and what cannot be used is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.evaluation.scores.answers import Answer, Problems
from instraug.evaluation.scores.naming import is_samples, one_set, prediction_files, stated
from instraug.evaluation.scores.reading import Reader
from instraug.evaluation.scores.scoring import Scoring, score
from instraug.evaluation.scores.shapes import Source
from tests.evaluation.scores.files import (
    TARGETS,
    Row,
    harness,
    lmms,
    mlan,
    predictions,
    ranked,
    write,
)

DAY = "20260131_123000"
STAMP = "2026-01-31T12-30-00.123456"


def read(*paths: Path, **more: Any) -> list[Answer]:
    """Read all answers; nothing may be wrong."""
    kinds = Problems()
    found = list(Reader(Source(paths, **more)).answers(kinds))
    assert not list(kinds.problems())
    return found


def wrong(*paths: Path, **more: Any) -> list[str]:
    """Return what is wrong with the answers."""
    kinds = Problems()
    list(Reader(Source(paths, **more)).answers(kinds))
    return [str(p) for p in kinds.problems()]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("samples_arc_prompt_1 samples_arc_prompt_10", {("arc", "1"), ("arc", "10")}),
        (f"samples_a-prompt-1_{STAMP} samples_a-prompt-2_{STAMP}", {("a", "1"), ("a", "2")}),
        (f"{DAY}_samples_pope_1 {DAY}_samples_pope_2", {("pope", "1"), ("pope", "2")}),
        ("samples_t1 samples_t2 samples_gsm8k", {("t", "1"), ("t", "2"), ("gsm8k", "0")}),
        ("samples_qa2 samples_mmlu", {("qa2", "0"), ("mmlu", "0")}),
        ("arc_answers", {("arc", "0")}),
    ],
)
def test_names_that_differ_in_a_last_number_are_one_task(
    names: str, found: set[tuple[str, str]]
) -> None:
    """The number is the instruction; a name without a sibling stays whole."""
    assert set(stated([Path(f"{name}.jsonl") for name in names.split()]).values()) == found


def test_two_samples_files_are_one_set_unless_they_are_of_one_task_and_prompt() -> None:
    """Two models' files of the same task are compared."""
    a, b = Path(f"x/samples_arc_prompt_1_{STAMP}.jsonl"), Path("x/samples_arc_prompt_2.jsonl")
    assert one_set(a, b)
    assert not one_set(a, Path(f"y/samples_arc_prompt_1_{STAMP[:-3]}000.jsonl"))
    assert not one_set(Path("a.jsonl"), Path("b.jsonl"))
    assert is_samples(Path(f"samples_arc_{STAMP}.jsonl.gz"))


def test_a_folder_of_predict_is_its_predictions_and_of_a_harness_its_samples(
    tmp_path: Path,
) -> None:
    """Journals and results beside them are no predictions."""
    write(tmp_path / "p/replies.jsonl", [])
    mine = write(tmp_path / "p/predictions.jsonl", predictions())
    assert prediction_files(tmp_path / "p") == [mine]
    write(tmp_path / "h/run/requests.jsonl", [])
    sample = write(tmp_path / f"h/run/samples_arc_{STAMP}.jsonl", harness(TARGETS))
    assert prediction_files(tmp_path / "h") == [sample]
    answers = write(tmp_path / "m/arc_answers.jsonl", mlan("AB"))
    assert prediction_files(tmp_path / "m") == [answers]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file here"):
        prediction_files(tmp_path / "empty")
    with pytest.raises(InputError, match="does not exist"):
        prediction_files(tmp_path / "none.jsonl")


def test_predictions_of_predict_are_read_as_they_are(tmp_path: Path) -> None:
    """Every part of a row that scoring needs."""
    found = read(write(tmp_path / "predictions.jsonl", predictions()))
    assert len(found) == 12
    assert found[5] == Answer(
        (0, 6), "claim", "i2", "claim_1", "No.", ("no",), ("yes", "no"), "label"
    )


def test_a_sample_of_lm_evaluation_harness_is_its_filtered_answer(tmp_path: Path) -> None:
    """Task and instruction come from the file's name, the id from the document."""
    files = [
        write(tmp_path / f"samples_arc_prompt_{n}_{STAMP}.jsonl", harness(TARGETS)) for n in (1, 2)
    ]
    found = read(*files)
    assert [(a.task, a.instruction, a.id, a.text, a.targets) for a in found[3:5]] == [
        ("arc", "1", "3", "no", ("no",)),
        ("arc", "2", "0", "yes", ("yes",)),
    ]


def test_options_that_a_harness_ranked_are_chosen_by_likelihood(tmp_path: Path) -> None:
    """The target may be an index or the option's text."""
    path = write(tmp_path / "samples_pet.jsonl", ranked([0, 1, 1], [0, "dog", "cat"]))
    found = read(path)
    assert [(a.text, a.score, a.output) for a in found] == [
        ("cat", 1, "likelihood"),
        ("dog", 1, "likelihood"),
        ("dog", 0, "likelihood"),
    ]
    assert found[0].targets == ("cat",)
    assert found[0].options == ("cat", "dog")


@pytest.mark.parametrize(
    ("target", "more", "score"),
    [
        (1, {}, 0),
        (0, {}, 1),
        ([1, 0], {}, 1),
        ("a text that is no option", {"acc": 1.0}, 1),
        ("a text that is no option", {"acc": 0}, 0),
        ("a text that is no option", {"acc": 0.5}, None),
        ("a text that is no option", {"acc": "1"}, None),
    ],
)
def test_targets_of_ranked_options_in_every_spelling(
    tmp_path: Path, target: object, more: Row, score: float | None
) -> None:
    """Numbers, several right ones, and texts that name no option, for which its ``acc`` counts."""
    row = {k: v for k, v in ranked([0], [0])[0].items() if k != "acc"} | {"target": target, **more}
    path = write(tmp_path / "samples_pet.jsonl", [row])
    assert [a.score for a in read(path)] == [score]


def test_a_last_word_with_its_perplexity_has_an_answer(tmp_path: Path) -> None:
    """Tasks such as LAMBADA measure both; only perplexity alone holds no answer."""
    row = harness(["x"])[0] | {"filtered_resps": [["-1.0", "True"]], "acc": 1.0}
    path = write(tmp_path / "samples_last.jsonl", [row | {"metrics": ["perplexity", "acc"]}])
    assert [a.score for a in read(path)] == [1]


def test_a_sample_whose_one_continuation_was_measured_is_right_where_it_was_greedy(
    tmp_path: Path,
) -> None:
    """As in tasks that ask for the last word."""
    rows = [row | {"filtered_resps": [["-1.0", said]]} for row, said in zip(
        harness(TARGETS[:2]), ("True", "False"), strict=True)]  # fmt: skip
    assert [a.score for a in read(write(tmp_path / "samples_last.jsonl", rows))] == [1, 0]


def test_several_references_and_perplexity_of_a_harness(tmp_path: Path) -> None:
    """A spelled list is several targets; a perplexity holds no answer, and is named."""
    row = harness(["Paris"])[0]
    path = write(tmp_path / "samples_qa.jsonl", [row | {"target": "['Paris', \"the 'City'\"]"}])
    assert read(path)[0].targets == ("Paris", "the 'City'")
    path = write(tmp_path / "samples_wiki.jsonl", [row | {"metrics": ["word_perplexity"]}])
    assert "perplexity holds no answer" in wrong(path)[0]


def test_of_several_filters_the_first_counts_or_the_one_that_is_named(tmp_path: Path) -> None:
    """They are answers to the same documents, and are not counted twice."""
    rows = harness(["#### 1"], "strict") + harness(["1"], "flexible")
    path = write(tmp_path / "samples_gsm8k.jsonl", rows)
    assert [a.text for a in read(path)] == ["#### 1"]
    assert [a.text for a in read(path, filter="flexible")] == ["1"]
    with pytest.raises(InputError, match="filter other; there are flexible, strict"):
        read(path, filter="other")


def test_samples_of_lmms_eval_are_flat(tmp_path: Path) -> None:
    """The answer is a text, not a list of one."""
    path = write(tmp_path / "20260131_123000_samples_pope.jsonl", lmms(TARGETS))
    assert [(a.task, a.text) for a in read(path)] == [("pope", t) for t in TARGETS]


def test_answers_of_mlan_take_their_targets_from_the_test_set(tmp_path: Path) -> None:
    """By question_id against the id and answerKey of ARC's own file."""
    path = write(tmp_path / "arc_answers.jsonl", mlan(["B.\nQuestion: what?", "A"]))
    assert "no target (2 times" in wrong(path)[0]
    keys = write(
        tmp_path / "arc.jsonl",
        [{"id": f"Mercury_{at}", "answerKey": key} for at, key in enumerate("BCD")],
    )
    reader = Reader(Source((path,), rows=(keys,)))
    found = list(reader.answers(Problems()))
    assert [(a.task, a.text[0], a.targets) for a in found] == [
        ("arc", "B", ("B",)),
        ("arc", "A", ("C",)),
    ]
    assert reader.unused() == 1


def test_rows_are_found_by_instruction_where_they_name_one(tmp_path: Path) -> None:
    """Options may stand in another order under another instruction, so targets differ."""
    path = write(
        tmp_path / "p.jsonl",
        [{"unique_id": 1, "instruction_id": i, "prediction": "A"} for i in ("x", "y")],
    )
    rows = write(
        tmp_path / "rows.jsonl",
        [{"unique_id": "1", "instruction_id": i, "target": t} for i, t in (("x", "A"), ("y", "B"))],
    )
    assert [a.targets for a in read(path, rows=(rows,))] == [("A",), ("B",)]


def test_columns_name_what_any_file_holds(tmp_path: Path) -> None:
    """A dot leads into an object; a score of 0 to 1 may stand for the target."""
    path = write(
        tmp_path / "x.jsonl", [{"q": {"id": 7}, "said": "a", "gold": ["a", "b"], "hit": True}]
    )
    columns = {"unique_id": "q.id", "prediction": "said", "target": "gold"}
    (found,) = read(path, columns=columns)
    assert (found.task, found.id, found.text, found.targets) == ("x", "7", "a", ("a", "b"))
    (found,) = read(path, columns={"unique_id": "q.id", "score": "hit"})
    assert (found.score, found.targets) == (1, ())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"unique_id": "1", "prediction": "a"}, "the prediction has no target"),
        ({"unique_id": "", "prediction": "a", "target": "a"}, "the row has no unique_id"),
        ({"unique_id": "1", "prediction": "a", "target": []}, "the prediction has no target"),
    ],
)
def test_a_row_that_lacks_something_is_counted_with_its_place(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    """Equal ones in one line."""
    good = {"unique_id": "0", "prediction": "a", "target": "a"}
    found = wrong(write(tmp_path / "x.jsonl", [good, row, row, row, row]))
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path / 'x.jsonl'}:2: {said} (4 times, also at ")


def test_a_broken_line_and_a_score_in_percent_are_counted(tmp_path: Path) -> None:
    """The rest is read."""
    path = write(tmp_path / "x.jsonl", [{"unique_id": str(n), "s": 50 * n} for n in range(2)])
    path.write_text(path.read_text() + "{\n")
    found = wrong(path, columns={"score": "s"})
    assert len(found) == 2
    assert ":2: the score is not a number from 0 to 1; give shares" in found[0]
    assert ":3: invalid JSON" in found[1]


def test_a_missing_column_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    """Also one that --columns names."""
    path = write(tmp_path / "x.jsonl", [{"id": 1, "answer": "a"}])
    with pytest.raises(
        InputError, match="no column 'prediction', 'unique_id'; there are id, answer"
    ):
        read(path)
    with pytest.raises(InputError, match="no column 'gold'"):
        read(path, columns={"unique_id": "id", "prediction": "answer", "target": "gold"})
    with pytest.raises(InputError, match="holds no predictions"):
        read(write(tmp_path / "y.jsonl", []))


def test_test_rows_without_an_id_or_twice_are_refused(tmp_path: Path) -> None:
    """Nobody could say which target counts."""
    rows = write(tmp_path / "r.jsonl", [{"id": "1"}, {"id": "1"}, {"target": "a"}])
    with pytest.raises(InputError) as error:
        Reader(Source((rows,), rows=(rows,)))
    assert len(error.value.problems) == 2


def test_rows_of_a_built_set_state_how_they_are_read(tmp_path: Path) -> None:
    """Text, letters and numbers of one task, each by its own protocol, shuffled options and all."""
    rows = [
        ("1", "dog", "option", "It is a dog.", 1.0),
        ("2", "C", "letter", "(C) because it moos", 1.0),
        ("3", "2", "number", "Option 2", 1.0),
        ("4", "a", "letter", "B", 0.0),
        ("5", "1", "number", "3", 0.0),
    ]
    options = ["cat", "dog", "cow"]
    made = [
        {
            "unique_id": at,
            "task_name": "pick",
            "instruction_id": "i",
            "prediction": prediction,
            "target": target,
            "options": options,
            "protocol": protocol,
        }
        for at, target, protocol, prediction, _ in rows
    ]
    outcome = score([Source((write(tmp_path / "p.jsonl", made),))], Scoring())
    (task,) = outcome.figures["tasks"]
    assert (task["protocol"], task["mean"]) == ("stated", 0.6)
    letters = [row for row in made if row["protocol"] == "letter"]
    outcome = score([Source((write(tmp_path / "l.jsonl", letters),))], Scoring())
    assert outcome.figures["tasks"][0]["protocol"] == "letter"


def test_rows_that_were_never_predicted_are_no_answers(tmp_path: Path) -> None:
    """A field ``text`` of a built row is what is asked about; an answer file names questions."""
    row = {
        "unique_id": "e0",
        "task_name": "even",
        "instruction_id": "7d38",
        "prompt": "Is it true? 0 is even",
        "text": "0 is even",
        "target": "yes",
    }
    with pytest.raises(InputError, match=r"no column 'prediction'.*run instraug predict"):
        read(write(tmp_path / "test.jsonl", [row]))
