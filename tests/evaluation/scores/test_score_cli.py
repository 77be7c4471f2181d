"""``instraug score`` as a user and a CI system run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.child import environment
from tests.commandline import failed, instraug
from tests.evaluation.scores.files import ANSWERS, TARGETS, harness, mlan, predictions, write


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    return write(tmp_path / "predictions.jsonl", predictions())


def figures(*args: object) -> dict[str, Any]:
    done = instraug("score", *args, "--permutations", 99, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_object_has_the_documented_keys(hand: Path) -> None:
    """One object on stdout; of two sets each key holds both, and their difference."""
    found = figures(hand.parent)
    assert set(found["sensitivity"]) >= {
        "raw", "raw_ddof1", "raw_rms", "floor", "corrected", "p", "interval",
    }  # fmt: skip
    assert set(found["tasks"][0]) >= {
        "task", "protocol", "n", "instructions", "mean", "max", "min", "std", "std_ddof1", "gap",
        "agreement", "unparsed",
    }  # fmt: skip
    assert found["protocols"].keys() == {"option"}
    both = figures(hand, hand)
    assert both["sensitivity"]["a"] == both["sensitivity"]["b"]
    for key in ("mean", "corrected"):
        assert set(both["difference"][key]) >= {"value", "interval", "p"}


def test_the_sheet_says_what_it_speaks_of_and_every_mean(hand: Path) -> None:
    """Tables on stdout, notices on stderr."""
    done = instraug("score", hand, "--permutations", 99)
    assert done.returncode == 0
    assert (
        "these figures are about these instructions and tasks, all instances like these"
        in done.stdout
    )
    assert "claim: i1 1.000, i2 0.750, i3 0.000" in done.stdout
    assert "option: the one option that the answer contains" in done.stdout
    assert "raw with ddof 0" in done.stdout
    assert done.stderr == ""


def test_two_sets_are_compared_in_words(hand: Path, tmp_path: Path) -> None:
    """Whether a difference holds, and for whom."""
    many = dict.fromkeys(ANSWERS, TARGETS * 25)
    worse = {"i1": TARGETS * 25, "i2": ("?",) * 100, "i3": TARGETS[::-1] * 25}
    a = write(tmp_path / "a.jsonl", predictions(many))
    b = write(tmp_path / "b.jsonl", predictions(worse))
    done = instraug("score", a, b, "--permutations", 99)
    assert "holds: A scores higher" in done.stdout
    assert "holds: A wavers less" in done.stdout
    done = instraug("score", hand, hand, "--permutations", 99)
    assert done.stdout.count("does not hold; it may be chance") == 2


def test_a_limit_that_is_passed_ends_6_and_is_in_junit(hand: Path, tmp_path: Path) -> None:
    """The figures are printed all the same."""
    junit = tmp_path / "junit.xml"
    limits = ("--fail-above", 1, "--fail-below", 0.5, "--junit", junit)
    done = instraug("score", hand, "--permutations", 99, *limits)
    failed(done, 6, "corrected Sensitivity: ", "is above 1; --fail-above allows no more")
    assert "mean by instruction" in done.stdout
    suite = ElementTree.fromstring(junit.read_text())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    done = instraug("score", hand, "--permutations", 99, "--fail-below", 0.8)
    failed(done, 6, "mean score: 0.5833 is below 0.8")
    limits = ("--fail-above", 100, "--fail-below", 0.58, "--junit", junit)
    assert instraug("score", hand, "--permutations", 99, *limits).returncode == 0
    suite = ElementTree.fromstring(junit.read_text())  # noqa: S314 - our own
    assert suite.get("failures") == "0"


def test_a_limit_on_what_does_not_exist_is_an_error(hand: Path) -> None:
    """Nothing passes because there was nothing to check."""
    write(hand, predictions({"i1": TARGETS}))
    done = instraug("score", hand, "--fail-above", 5)
    assert done.returncode == 1
    assert "corrected Sensitivity: does not exist; leave out --fail-above" in done.stderr
    failed(instraug("score", hand, "--fail-above", "nan"), 2, "--fail-above: nan is not a number")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--columns", "gold=target"), "is not FIELD=COLUMN"),
        (("--columns", "target"), "is not FIELD=COLUMN"),
        (("--columns", "id=a,unique_id=b"), "unique_id is given twice"),
        (("--columns", "score=a", "--protocol", "exact"), "leave it out, or score="),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(
    hand: Path, args: tuple[str, ...], said: str
) -> None:
    """Exit 2, one line."""
    failed(instraug("score", hand, *args), 2, said)


def test_protocols_are_listed_by_help() -> None:
    """And a wrong one is refused with the list."""
    done = instraug("score", "--help")
    text = "".join(done.stdout.split())
    assert "[exact|prefix|option|letter|yes-no|number|rouge-l|iou]" in text
    assert instraug("score", "x.jsonl", "--protocol", "bleu").returncode == 2


def test_samples_of_a_harness_are_given_as_one_file_several_or_a_folder(tmp_path: Path) -> None:
    """Two prompts' files are one set, three too; the folder is the same."""
    files = [
        write(tmp_path / "run" / f"samples_arc_prompt_{n}.jsonl", harness(some))
        for n, some in enumerate(ANSWERS.values(), 1)
    ]
    whole = figures(tmp_path / "run")
    assert figures(*files) == whole
    assert [i["id"] for i in whole["tasks"][0]["instructions"]] == ["1", "2", "3"]
    two = figures(*files[:2])
    assert [i["mean"] for i in two["tasks"][0]["instructions"]] == [1, 0.75]


def test_mlan_answers_are_scored_against_rows(tmp_path: Path) -> None:
    """Without the rows one line says what is missing."""
    path = write(tmp_path / "arc_answers.jsonl", mlan(["A. x\nQuestion: next", "D"]))
    rows = write(
        tmp_path / "arc.jsonl", [{"id": f"Mercury_{at}", "answerKey": "A"} for at in range(2)]
    )
    failed(instraug("score", path), 1, "the prediction has no target (2 times", "--rows")
    found = figures(path, "--rows", rows)
    assert found["tasks"][0]["task"] == "arc"
    assert found["tasks"][0]["protocol"] == "letter"
    assert found["mean"] == 0.5


def test_without_numpy_score_says_which_extra_it_needs(hand: Path) -> None:
    """And nothing else of the command line needs it."""
    code = "import sys; sys.modules['numpy'] = None\nfrom instraug.cli import main\n"
    code += f"sys.argv = ['instraug', 'score', {str(hand)!r}]\nmain()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    failed(done, 1, "score needs numpy; pip install '.[score]'")
