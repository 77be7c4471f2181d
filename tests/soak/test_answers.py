"""A million shuffled rows: the label that is the answer stands before the target's option."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from instraug.training_set.option_styles import STYLES
from tests.sets import CHOICE, built
from tests.soak.scale import times

pytestmark = pytest.mark.slow

WORDS = [f"{kind} {n}" for n in range(40) for kind in ("cat", "dog", "blue thing", "a man's hat")]


def test_the_label_is_that_of_the_targets_option(tmp_path: Path) -> None:
    """Read from the prompt alone, whatever the style, the kind of answer and their number."""
    rng, rows = random.Random(13), times(1_000_000)
    file = tmp_path / "rows.jsonl"
    with file.open("w") as out:
        for number in range(rows):
            options = rng.sample(WORDS, rng.randint(2, 14))
            row = {"unique_id": str(number), "task_name": "choice", "question": f"Q{number}?"}
            out.write(json.dumps(row | {"options": options, "target_txt": options[0]}) + "\n")
    styles = tuple(name for name in STYLES if name != "released")
    given: dict[str, Any] = {
        "options_style": styles,
        "answers": ("text", "letter", "number"),
        "pool": 4,
    }
    built(tmp_path, file, tasks=[CHOICE], workers=2, **given)
    wrong = seen = at_first = 0
    with file.open() as raw, (tmp_path / "out.jsonl").open() as lines:
        for line, before in zip(lines, raw, strict=True):
            row, target = json.loads(line), json.loads(before)["target_txt"]
            shown = row["prompt"].split("\n")[-len(row["options"]) :]
            (at,) = [n for n, text in enumerate(shown) if text.endswith(target)]
            label = shown[at][: -len(target)].strip(" ().:").removeprefix("Option ")
            answer = target if row["protocol"] == "option" else label
            wrong += row["target"] != answer or row["options"][at] != target
            seen += 1
            at_first += at == 0
    assert (wrong, seen) == (0, rows)
    assert at_first < 0.25 * rows
