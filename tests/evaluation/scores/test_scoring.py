"""Figures of whole files: by hand, with what is wrong in them, and two sets compared."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.evaluation.scores.scoring import Outcome, Scoring, score
from instraug.evaluation.scores.shapes import Source
from tests.evaluation.scores.files import (
    ANSWERS,
    TARGETS,
    harness,
    lmms,
    predictions,
    ranked,
    write,
)


def scored(*paths: Path, scoring: Scoring | None = None, **more: Any) -> Outcome:
    """Score one set a path."""
    return score([Source((path,), **more) for path in paths], scoring or Scoring(permutations=99))


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    """Means 1, 3/4 and 0 over four instances."""
    return write(tmp_path / "hand.jsonl", predictions())


def test_a_task_by_hand(hand: Path) -> None:
    """Yes, no, yes, no is right; i2 and i3 miss one and two."""
    answers = {"i1": TARGETS, "i2": ("yes", "No.", "yes", "yes"), "i3": ("no", "no", "?", "no")}
    write(hand, predictions(answers))
    figures = scored(hand).figures
    (task,) = figures["tasks"]
    assert task == {
        "task": "claim",
        "protocol": "option",
        "n": 4,
        "instructions": [
            {"id": "i1", "mean": 1},
            {"id": "i2", "mean": 0.75},
            {"id": "i3", "mean": 0.5},
        ],
        "mean": 0.75,
        "max": 1,
        "min": 0.5,
        "std": pytest.approx(sqrt(1 / 24)),
        "std_ddof1": 0.25,
        "gap": 0.5,
        "agreement": 0.25,
        "unparsed": 1,
        "incomplete": 0,
    }
    assert figures["mean"] == 0.75
    found = figures["sensitivity"]
    assert found["raw"] == pytest.approx(100 * sqrt(1 / 24) / 0.75)
    assert found["raw_ddof1"] == pytest.approx(100 / 3)
    # Squares within instances: 2/3 in the first, 0, 2/3, 2/3; of 2 the wordings take 1/2.
    assert found["floor"] == pytest.approx(100 * sqrt((2 - 1 / 2) / 6 / 4 * 2 / 3) / 0.75)
    assert found["tasks"] == ["claim"]
    assert 0 < found["p"] <= 1


def test_sensitivity_is_over_tasks_and_a_mean_of_0_is_reported(hand: Path) -> None:
    """The published figure is the mean over tasks; a task of mean 0 has none and is named."""
    wrong = dict.fromkeys(ANSWERS, ("?",) * 4)
    write(hand, predictions() + predictions(wrong, "lost") + predictions(ANSWERS, "other"))
    outcome = scored(hand)
    assert outcome.figures["sensitivity"]["tasks"] == ["claim", "other"]
    alone = scored(write(hand, predictions())).figures["sensitivity"]
    assert outcome.figures["sensitivity"]["raw"] == pytest.approx(alone["raw"])
    (notice,) = outcome.notices
    assert str(notice).startswith("lost: a task whose mean is 0 has no Sensitivity and is left out")


def test_instances_that_an_instruction_did_not_answer_do_not_count(hand: Path) -> None:
    """They are counted apart, and the instruction with the fewest is named."""
    rows = predictions()
    outcome = scored(write(hand, [r for r in rows if r["key"] not in ("claimi30", "claimi32")]))
    (task,) = outcome.figures["tasks"]
    assert (task["n"], task["incomplete"]) == (2, 2)
    assert [i["mean"] for i in task["instructions"]] == [1, 0.5, 0.0]
    (notice,) = outcome.notices
    assert str(notice).startswith("claim (2 of 4; i3: 2): instances that some instruction did not")


def test_without_a_complete_instance_there_is_no_figure(hand: Path) -> None:
    """Each instance under one instruction alone says nothing of wording; nothing is made up."""
    rows = [r for r in predictions() if r["key"] in ("claimi10", "claimi21", "claimi32")]
    figures = scored(write(hand, rows)).figures
    (task,) = figures["tasks"]
    assert (task["n"], task["mean"], task["std"]) == (0, None, None)
    assert figures["mean"] is None
    assert figures["sensitivity"]["corrected"] is None


def test_a_task_with_one_instruction_has_a_mean_and_no_sensitivity(hand: Path) -> None:
    """It is named."""
    outcome = scored(write(hand, predictions({"i1": TARGETS})))
    (task,) = outcome.figures["tasks"]
    assert (task["mean"], task["std"], task["gap"], task["agreement"]) == (1, None, None, None)
    assert outcome.figures["sensitivity"]["interval"] is None
    assert "a task with one instruction has no Sensitivity" in str(outcome.notices[0])


def test_an_answer_twice_is_refused_or_the_first_one_counts(hand: Path) -> None:
    """Whatever the second one says."""
    rows = predictions()
    write(hand, [*rows, rows[0] | {"prediction": "no"}, rows[1]])
    with pytest.raises(InputError) as error:
        scored(hand)
    assert str(error.value) == (
        f"{hand}:13: the instance was answered before under the same instruction (2 times, also at "
        f"{hand}:14); keep one answer of each, or the files of one run"
    )
    outcome = scored(hand, scoring=Scoring(permutations=99, skip_bad=True))
    assert outcome.figures["tasks"] == scored(write(hand, rows)).figures["tasks"]
    assert len(outcome.skipped) == 1


def test_targets_that_the_protocol_cannot_score_are_refused(hand: Path) -> None:
    """One line for all of them, and with --skip-bad the rest is scored."""
    rows = predictions()
    write(hand, [r | {"target": "maybe"} if r["unique_id"] == "claim_0" else r for r in rows])
    option = Scoring(protocol="option", permutations=99)
    with pytest.raises(InputError, match=r"is none of its options, so option .* \(3 times"):
        scored(hand, scoring=option)
    outcome = scored(hand, scoring=Scoring(protocol="option", permutations=99, skip_bad=True))
    assert outcome.figures["tasks"][0]["n"] == 3


def test_when_every_answer_is_bad_skipping_leaves_nothing_to_print(hand: Path) -> None:
    """It is an error all the same."""
    write(hand, [row | {"target": None} for row in predictions()])
    with pytest.raises(InputError, match="no target"):
        scored(hand, scoring=Scoring(skip_bad=True))


def test_an_id_that_stands_for_two_documents_is_refused(tmp_path: Path) -> None:
    """As doc_id does where a harness shuffled the prompts' documents apart."""
    write(tmp_path / "samples_arc_1.jsonl", harness(TARGETS))
    rows = harness(TARGETS)
    rows[0]["doc_hash"], rows[1]["doc_hash"] = rows[1]["doc_hash"], rows[0]["doc_hash"]
    write(tmp_path / "samples_arc_2.jsonl", rows)
    with pytest.raises(InputError, match=r"another instance .* \(2 times"):
        scored(tmp_path)


def test_a_protocol_that_later_targets_change_is_used_from_the_start(tmp_path: Path) -> None:
    """Letters at first, words at last: all are scored as the whole task is."""
    rows = [
        {"unique_id": str(at), "prediction": text, "target": target}
        for at, (text, target) in enumerate([("(A)", "A"), ("B", "B"), ("red", "red")])
    ]
    (task,) = scored(write(tmp_path / "x.jsonl", rows)).figures["tasks"]
    assert task["protocol"] == "exact"
    assert task["mean"] == pytest.approx(2 / 3)


def test_samples_of_a_harness_are_scored_by_prompt(tmp_path: Path) -> None:
    """A folder of two prompts is one task with two instructions, and it is said so."""
    write(tmp_path / "samples_arc_prompt_1.jsonl", harness(TARGETS))
    write(tmp_path / "samples_arc_prompt_2.jsonl", harness(("yes", "yes", "yes", "no")))
    write(tmp_path / "samples_pet.jsonl", ranked([0, 1], [0, 0]))
    write(tmp_path / "20260131_123000_samples_pope.jsonl", lmms(TARGETS))
    outcome = scored(tmp_path)
    arc, pet, pope = outcome.figures["tasks"]
    assert (arc["task"], arc["protocol"]) == ("arc", "yes-no")
    assert arc["instructions"] == [{"id": "1", "mean": 1}, {"id": "2", "mean": 0.75}]
    assert (pet["protocol"], pet["mean"]) == ("likelihood", 0.5)
    assert (pope["task"], pope["mean"]) == ("pope", 1)
    assert "arc (1, 2): files whose names differ in a last number" in str(outcome.notices[0])


def test_scores_of_the_file_are_taken_by_columns(hand: Path) -> None:
    """Such as a harness's own metric; what it took from an answer is unknown, so is agreement."""
    rows = [row | {"acc": at % 2} for at, row in enumerate(predictions())]
    (task,) = scored(write(hand, rows), columns={"score": "acc"}).figures["tasks"]
    assert (task["protocol"], task["mean"], task["agreement"]) == ("given", 0.5, None)


def test_targets_that_rouge_l_drops_letters_of_are_told(hand: Path) -> None:
    """A Chinese target is 0; with words of any script it is not, and nothing is to be told."""
    rows = predictions({"i1": ["红色的猫"] * 4, "i2": ["红的猫"] * 4}, output="text")
    write(hand, [row | {"target": "红色的猫"} for row in rows])
    outcome = scored(hand)
    assert outcome.figures["mean"] == 0
    assert "claim (8 targets): targets with letters that rouge-l drops" in str(outcome.notices[0])
    outcome = scored(hand, scoring=Scoring(unicode_words=True, permutations=99))
    assert outcome.figures["mean"] == pytest.approx((1 + 6 / 7) / 2)
    assert not outcome.notices


def test_instructions_that_were_trained_on_are_refused(hand: Path, tmp_path: Path) -> None:
    """By the manifest or by the rows; --allow-seen scores them and says so."""
    rows = [{"instruction_id": "i3"}, {"instruction_id": "i1"}, {"instruction_id": "z"}]
    train = write(tmp_path / "train.jsonl", rows)
    seen = Scoring(trained_on=train, permutations=99)
    with pytest.raises(InputError, match=r"2 of the instructions were trained on: i1, i3; score"):
        scored(hand, scoring=seen)
    (tmp_path / "train.jsonl.manifest.json").write_text('{"instruction_ids": ["z"]}')
    assert not scored(hand, scoring=seen).notices
    (tmp_path / "train.jsonl.manifest.json").write_text('{"instruction_ids": ["i2"]}')
    allowed = Scoring(trained_on=train, allow_seen=True, permutations=99)
    assert "trained on: i2" in str(scored(hand, scoring=allowed).notices[0])
    none = write(tmp_path / "none.jsonl", [{"a": 1}])
    with pytest.raises(InputError, match="names an instruction_id"):
        scored(hand, scoring=Scoring(trained_on=none))


def test_two_sets_are_compared_on_what_they_share(hand: Path, tmp_path: Path) -> None:
    """A less B, of equal instances and instructions; what one lacks is left out and named."""
    rows = predictions({**ANSWERS, "i4": TARGETS}) + predictions(ANSWERS, "more")
    better = dict.fromkeys(ANSWERS, TARGETS)
    other = write(tmp_path / "b.jsonl", predictions(better)[1:] + predictions(better, "extra"))
    outcome = scored(write(hand, rows), other)
    figures = outcome.figures
    assert [t["task"] for t in figures["tasks"]["a"]] == ["claim"]
    a, b = figures["tasks"]["a"][0], figures["tasks"]["b"][0]
    assert (a["n"], b["n"]) == (3, 3)
    assert [i["id"] for i in a["instructions"]] == ["i1", "i2", "i3"]
    mean = figures["difference"]["mean"]
    assert mean["value"] == pytest.approx(a["mean"] - b["mean"])
    assert mean["value"] == pytest.approx(figures["mean"]["a"] - figures["mean"]["b"])
    corrected = figures["difference"]["corrected"]
    both = figures["sensitivity"]
    assert corrected["value"] == pytest.approx(both["a"]["corrected"] - both["b"]["corrected"])
    (notice,) = [str(n) for n in outcome.notices if "the other set lacks" in n.what]
    assert notice.startswith("A: claim (7 answers): ")
    assert "(3 times, also at A: more (12 answers), B: extra (12 answers))" in notice


def test_a_set_against_itself_differs_by_nothing(hand: Path) -> None:
    """Both differences are 0 with p = 1."""
    for found in scored(hand, hand).figures["difference"].values():
        assert (found["value"], found["p"], found["holds"]) == (0, 1, False)


def test_lone_files_without_a_task_are_the_same_task(tmp_path: Path) -> None:
    """Their names differ because the models do."""
    rows = [{"unique_id": str(at), "prediction": t, "target": t} for at, t in enumerate("ab")]
    a, b = (write(tmp_path / f"{name}.jsonl", rows) for name in ("model_a", "model_b"))
    assert scored(a, b).figures["difference"]["mean"]["value"] == 0
    with pytest.raises(InputError, match="share no task"):
        scored(
            a, write(tmp_path / "c.jsonl", [dict(r, unique_id="x" + r["unique_id"]) for r in rows])
        )


def test_samples_of_two_tasks_are_never_compared(tmp_path: Path) -> None:
    """A document's number means nothing in another task."""
    write(tmp_path / "a/samples_arc.jsonl", harness(TARGETS))
    write(tmp_path / "b/samples_race.jsonl", harness(TARGETS))
    with pytest.raises(InputError, match="share no task"):
        scored(tmp_path / "a", tmp_path / "b")


def test_instances_of_one_picture_are_one_unit(hand: Path, tmp_path: Path) -> None:
    """A picture is named by the predictions or by their test rows; then the floor rises with it."""
    answers = {name: some * 3 for name, some in ANSWERS.items()}
    write(hand, predictions(answers))
    rows = [{"unique_id": f"claim_{at}", "image_path": f"{at % 4}.png"} for at in range(12)]
    given = write(tmp_path / "rows.jsonl", rows)
    alone = scored(hand).figures["sensitivity"]
    found = scored(hand, rows=(given,), group="image_path").figures["sensitivity"]
    assert found["raw"] == alone["raw"]
    once = scored(write(hand, predictions())).figures["sensitivity"]
    assert found["floor"] == pytest.approx(once["floor"])
    assert found["floor"] > alone["floor"]


def test_figures_do_not_depend_on_the_order_of_rows(hand: Path) -> None:
    """Nor does p, which is drawn."""
    rows = predictions() + predictions(ANSWERS, "other")
    one = scored(write(hand, rows)).figures
    assert scored(write(hand, rows[::-1])).figures == one
