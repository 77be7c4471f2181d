"""Rows of text through the real embedded model, in this process, and on to a score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commandline import instraug_here
from tests.evaluation.predict.asking import lines, made_set


@pytest.mark.slow
def test_the_embedded_model_answers_rows_of_text(tmp_path: Path) -> None:
    """Without a key or network; run again it asks nothing, frozen it gives the same bytes."""
    pytest.importorskip("xllamacpp", reason="needs the extra local")
    rows, out = made_set(tmp_path, 3, images=False), tmp_path / "out"
    done = instraug_here("predict", rows, "-o", out, "--answer-tokens", "24", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["predictions"], found["run"]["requests"], found["complete"]) == (15, 9, True)
    # The captions of three instances without a picture are the same question.
    assert found["endpoints"] == {"embedded": 15}
    assert sum(bool(row["prediction"]) for row in lines(out)) > 10
    scored = instraug_here("score", out, "--json")
    assert scored.returncode == 0, scored.stderr
    assert [task["n"] for task in json.loads(scored.stdout)["tasks"]] == [3, 3]
    again = instraug_here("predict", rows, "-o", out, "--answer-tokens", "24", "--json")
    assert json.loads(again.stdout)["run"]["reused"] == 15
    frozen = instraug_here(
        "predict", rows, "-o", tmp_path / "frozen", "--answer-tokens", "24", "--frozen",
        "--journal", out / "replies.jsonl",
    )  # fmt: skip
    assert frozen.returncode == 0, frozen.stderr
    assert (tmp_path / "frozen/predictions.jsonl").read_bytes() == (
        out / "predictions.jsonl"
    ).read_bytes()
