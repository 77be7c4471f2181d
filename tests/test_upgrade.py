"""An output folder that version 0.1.0 made is used as one's own: nothing is lost by an upgrade."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from instraug.tasks.records import TaskKeys
from tests.commandline import instraug

DATA = Path(__file__).parent / "data" / "folder_of_0.1.0"
MODEL = ("--model", "small", "--base-url", "http://127.0.0.1:9/v1")
"""Nothing listens there: whatever would be asked for would end the run."""
SETTINGS = ("--variant", "iterative", "--rewrites", "4", "-c", str(DATA / "strict.yaml"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder, as an earlier version left it."""
    return Path(shutil.copytree(DATA / "out", tmp_path / "out"))


def test_it_verifies(out: Path) -> None:
    """Hashes, journal and every accepted template hold."""
    assert instraug("verify", str(out)).returncode == 0


@pytest.mark.parametrize("frozen", [(), ("--frozen",)], ids=["resumed", "frozen"])
def test_it_is_run_again_from_its_journal_to_the_same_bytes(
    out: Path, frozen: tuple[str, ...]
) -> None:
    """Every key is still the same, so that no reply is bought twice."""
    for name in ("instructions.jsonl", "rejected.jsonl", "manifest.json"):
        (out / name).unlink()
    done = instraug("expand", str(DATA / "tasks"), "-o", str(out), *MODEL, *SETTINGS, *frozen)
    assert done.returncode == 0, done.stderr
    for name in ("instructions.jsonl", "rejected.jsonl", "replies.jsonl"):
        assert (out / name).read_bytes() == (DATA / "out" / name).read_bytes()


def test_its_manifest_is_written_anew_with_every_key_of_a_task_and_filtered_still(
    out: Path,
) -> None:
    """A key that is new since then does not keep `filter` from reading what `expand` writes."""
    old = json.loads((out / "manifest.json").read_bytes())["inputs"]["tasks"]
    done = instraug("expand", str(DATA / "tasks"), "-o", str(out), *MODEL, *SETTINGS)
    assert done.returncode == 0, done.stderr
    new = json.loads((out / "manifest.json").read_bytes())["inputs"]["tasks"]
    keys = {field.name for field in dataclasses.fields(TaskKeys)} - {"instructions"}
    assert all(task.keys() == keys | {"templates"} for task in new)
    assert [{key: task[key] for key in was} for was, task in zip(old, new, strict=True)] == old
    assert instraug("filter", str(out), "-c", str(DATA / "loose.yaml")).returncode == 0
    assert (out / "instructions.jsonl").read_bytes() == (DATA / "filtered.jsonl").read_bytes()


def test_it_is_filtered_to_the_same_bytes(out: Path, tmp_path: Path) -> None:
    """Other rules give what they gave, in the folder itself and in another one."""
    loose = ("-c", str(DATA / "loose.yaml"))
    assert instraug("filter", str(out), *loose, "-o", str(tmp_path / "b")).returncode == 0
    assert instraug("filter", str(out), *loose).returncode == 0
    wanted = (DATA / "filtered.jsonl").read_bytes()
    assert (tmp_path / "b" / "instructions.jsonl").read_bytes() == wanted
    assert (out / "instructions.jsonl").read_bytes() == wanted


def test_a_set_is_built_from_it_to_the_same_bytes(out: Path, tmp_path: Path) -> None:
    """Every instruction of every row, rewrites included."""
    dest = tmp_path / "set.jsonl"
    command = ("build", str(DATA / "tasks"), "--instances", str(DATA / "rows.jsonl"))
    done = instraug(*command, "--instructions", str(out), "--per-instance", "all", "-o", str(dest))
    assert done.returncode == 0, done.stderr
    assert dest.read_bytes() == (DATA / "set.jsonl").read_bytes()
