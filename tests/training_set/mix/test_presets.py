"""The shipped presets and the example give what their papers' rows say, on small data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from instraug.files.presets import find, folder
from instraug.training_set.mix.config import load_mix_config
from tests.child import environment
from tests.training_set.mix.sources import ids, manifest, mixed, write

EXAMPLE = folder("configs").parent / "examples" / "mlan" / "run.sh"


@pytest.mark.parametrize(
    ("name", "texts", "images"),
    [
        ("mlan-80k-text", 80_000, 0),
        ("mlan-80k-50", 40_000, 40_000),
        ("mlan-80k-87.5", 70_000, 10_000),
    ],
)
def test_a_preset_of_mlan_gives_its_counts(
    tmp_path: Path, name: str, texts: int, images: int
) -> None:
    """A thousandth of it: the shares are the preset's, the total that of the command line."""
    config = load_mix_config(find(name))
    assert config.total == texts + images
    text, image = write(tmp_path, 90, 90)
    sources = (text, image) if images else (text,)
    mixed(*sources, "-c", name, "--total", 80, "-o", tmp_path / "m.jsonl")
    found = Counter(i[0] for i in ids(tmp_path / "m.jsonl"))
    assert (found["t"] * 1000, found["i"] * 1000) == (texts, images)


def test_the_presets_of_multiinstruct_take_both_sets_whole(tmp_path: Path) -> None:
    """Mixed and Sequential hold the same rows in other orders."""
    text, image = write(tmp_path, 9, 7)
    for name in ("multiinstruct-mixed", "multiinstruct-sequential"):
        mixed(text, image, "-c", name, "-o", tmp_path / f"{name}.jsonl")
    one, two = (ids(tmp_path / f"multiinstruct-{n}.jsonl") for n in ("mixed", "sequential"))
    assert sorted(one) == sorted(two)
    assert [i[0] for i in two] == ["t"] * 9 + ["i"] * 7
    assert [i[0] for i in one] != [i[0] for i in two]


@pytest.mark.slow
def test_the_example_makes_a_mixed_llava_set(tmp_path: Path) -> None:
    """One script goes from files of questions to twelve rows, half of them with pictures."""
    stand_in = tmp_path / "bin" / "instraug"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -m instraug "$@"\n')
    stand_in.chmod(0o755)
    root = str(EXAMPLE.parents[2])
    env = {**environment(), "PATH": f"{stand_in.parent}:{os.environ['PATH']}", "PYTHONPATH": root}
    subprocess.run(["bash", EXAMPLE, tmp_path / "out"], check=True, env=env, cwd=tmp_path)
    rows = json.loads((tmp_path / "out" / "mlan" / "data.json").read_text())
    assert len(rows) == 12
    assert sum("image" in row for row in rows) == 6
    for row in rows:
        asked = row["conversations"][0]["value"]
        assert asked.count("<image>") == ("image" in row)
    assert manifest(tmp_path / "out" / "mlan")["sources"].keys() == {
        *("squad", "arc", "strategyqa", "commonsenseqa")
    }
