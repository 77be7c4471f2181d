"""The files for schedulers that docs/scale.md speaks of, run as those would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.child import environment
from tests.commandline import EXAMPLES, instraug_here

TASKS, ROWS = EXAMPLES / "tasks", EXAMPLES / "instances" / "train.jsonl"
SLURM, KUBERNETES = EXAMPLES / "shards.slurm.sh", EXAMPLES / "shards.kubernetes.yaml"
PAGE = EXAMPLES.parent / "docs" / "scale.md"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which ``instraug`` is the one at hand."""
    command = tmp_path / "bin" / "instraug"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m instraug "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def run(folder: Path, path: str, *command: object, **env: str) -> None:
    own = environment(PATH=path, PYTHONPATH=str(EXAMPLES.parent), **env)
    words = list(map(str, command))
    done = subprocess.run(words, cwd=folder, env=own, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def whole(tmp_path: Path) -> bytes:
    """What one process builds."""
    dest = tmp_path / "whole.jsonl"
    assert instraug_here("build", TASKS, "--instances", ROWS, "-o", dest, "-q").returncode == 0
    return dest.read_bytes()


def test_the_job_array_builds_the_whole(tmp_path: Path, path: str) -> None:
    """Each of its tasks does its shard, one of them again, and the line of its head joins them."""
    text = SLURM.read_text()
    assert "#SBATCH --array=1-16\n" in text
    assert "${SHARDS:-16}" in text
    subprocess.run(["bash", "-n", SLURM], check=True)
    for number in ("1", "2", "3", "2"):
        env = {"SLURM_ARRAY_TASK_ID": number, "SHARDS": "3", "SLURM_CPUS_PER_TASK": "1"}
        run(tmp_path, path, "bash", SLURM, "OUT", TASKS, ROWS, "--seed", "0", **env)
    (join,) = re.findall(r'--wrap "(.*)"', text)
    assert f'--wrap "{join}"' in PAGE.read_text()
    run(tmp_path, path, "bash", "-c", join)
    assert (tmp_path / "OUT" / "set.jsonl").read_bytes() == whole(tmp_path)


def test_the_indexed_job_builds_the_whole(tmp_path: Path, path: str) -> None:
    """Its containers' commands, an index at a time, in the folder of the volume."""
    build, join = yaml.safe_load_all(KUBERNETES.read_text())
    for job in (build, join):
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
        assert f"-l step={job['metadata']['labels']['step']}" in PAGE.read_text()
        assert f"-l step={job['metadata']['labels']['step']}" in KUBERNETES.read_text()
    count = build["spec"]["completions"]
    assert (build["spec"]["completionMode"], count) == ("Indexed", 16)
    (tmp_path / "tasks").symlink_to(TASKS)
    (tmp_path / "rows.jsonl").symlink_to(ROWS)
    (builder,), (joiner,) = (job["spec"]["template"]["spec"]["containers"] for job in (build, join))
    (script,) = builder["args"]
    assert f"/{count}" in script
    script = script.replace(f"/{count}", "/2")  # a process of two takes as long as all others
    for index in ("0", "1"):
        run(tmp_path, path, *builder["command"], script, JOB_COMPLETION_INDEX=index)
    run(tmp_path, path, *joiner["command"], *joiner["args"])
    assert (tmp_path / "set.jsonl").read_bytes() == whole(tmp_path)
