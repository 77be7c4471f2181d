"""``instraug build`` as a user runs it: options, exit codes, what is printed, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instraug.errors import InputError, UsageError
from instraug.files.presets import folder
from instraug.tasks.importers.multiinstruct.templates import read_templates
from instraug.training_set.config import BuildConfig, load_build_config, with_options
from tests.child import environment
from tests.commandline import EXAMPLES, SHARED, failed, instraug
from tests.sets import caption_row, choice_row, write_pool, write_rows, write_tasks

TASKS = EXAMPLES / "tasks"
TRAIN = EXAMPLES / "instances" / "train.jsonl"
SAMPLE = SHARED / "data" / "multiinstruct_train_sample.jsonl"
TABLE = SHARED / "data" / "multiinstruct_templates.tsv"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_the_examples_build(tmp_path: Path) -> None:
    """The example tasks and instances make a set; the summary goes to stderr."""
    done = instraug("build", TASKS, "--instances", TRAIN, "-o", tmp_path / "set")
    assert (done.returncode, done.stdout) == (0, "")
    assert "rows" in done.stderr
    assert len(lines(tmp_path / "set" / "data.jsonl")) == len(lines(TRAIN))


def test_json_prints_one_object(tmp_path: Path) -> None:
    """The schema is the one of docs/building.md, and nothing else is on stdout."""
    done = instraug(
        *("build", TASKS, "--instances", TRAIN, "-o", tmp_path / "a.tsv"),
        *("--epsilon", 1, "--seed", 3, "--per-task", 2, "--json"),
    )
    found = json.loads(done.stdout)
    keys = {"dest", "rows", "epsilon", "left_out", "options", "boxes", "options_style", "answers"}
    keys |= {"readers", "repeated_ids", "near_duplicates", "skipped", "tasks", "outputs"}
    assert set(found) == keys
    assert found["rows"] == sum(task["rows"] for task in found["tasks"].values())
    assert found["epsilon"] == {"asked": 1.0, "realised": 1.0, "realised_both_pools": None}
    assert set(found["outputs"]) == {"a.tsv"}
    assert all(
        set(t) == {"rows", "original", "generated", "instructions"} and t["rows"] == 2
        for t in found["tasks"].values()
    )


def test_options_reach_the_build(tmp_path: Path) -> None:
    """Each option of the command line shows in the rows."""
    rows = write_rows(tmp_path / "rows.jsonl", [choice_row(1), {"bad": 1}])
    tasks, pool = write_tasks(tmp_path / "tasks"), write_pool(tmp_path / "pool.jsonl")
    done = instraug(
        *("build", tasks, "--instances", rows, "--instructions", pool, "-o", tmp_path / "o.jsonl"),
        *("--per-instance", "all", "--no-shuffle-options", "--skip-bad", "--workers", 2),
        *("--format", "alpaca", "--engine", "local"),
    )
    assert done.returncode == 0, done.stderr
    assert f"left out: {rows}:2: " in done.stderr
    found = lines(tmp_path / "o.jsonl")
    assert len(found) == 6
    assert all("a||||b||||c||||d" in str(row["instruction"]) for row in found)


@pytest.mark.parametrize("given", ["together", "apart", "mixed", "before"])
def test_several_files_are_read_in_the_order_given(tmp_path: Path, given: str) -> None:
    """One option takes what a shell makes of ``*``; it may be repeated, and come first."""
    tasks = write_tasks(tmp_path / "tasks")
    a, b, c = (write_rows(tmp_path / f"{i}.jsonl", [choice_row(i)]) for i in range(3))
    options: tuple[object, ...] = {
        "together": (tasks, "--instances", c, a, b, "-o"),
        "apart": (tasks, "--instances", c, "--instances", a, "--instances", b, "-o"),
        "mixed": (tasks, "--instances", c, a, "--instances", b, "-o"),
        "before": ("--instances", c, "--instances", a, "--instances", b, tasks, "-o"),
    }[given]
    done = instraug("build", *options, tmp_path / "o.jsonl", "-q")
    assert done.returncode == 0, done.stderr
    found = [row["unique_id"] for row in lines(tmp_path / "o.jsonl")]
    assert found == [choice_row(i)["unique_id"] for i in (2, 0, 1)]


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the release's built rows are not here")
def test_parity_with_the_release(tmp_path: Path) -> None:
    """Every built row of the release whose task has templates is among ours, byte for byte."""
    assert instraug("import", "multiinstruct", TABLE, "-o", tmp_path / "tasks").returncode == 0
    done = instraug(
        *("build", tmp_path / "tasks", "--instances", SAMPLE, "-o", tmp_path / "o.jsonl"),
        *("--per-instance", "all", "--epsilon", 1, "--no-shuffle-options"),
        *("--as-released", "--skip-bad", "--split", "all"),
    )
    assert done.returncode == 0, done.stderr
    known = {task.name for task in read_templates(TABLE).tasks}
    prompts: dict[tuple[object, object], set[object]] = {}
    for row in lines(tmp_path / "o.jsonl"):
        prompts.setdefault((row["task_name"], row["unique_id"]), set()).add(row["prompt"])
    compared = 0
    for row in lines(SAMPLE):
        if row["task_name"] not in known:
            continue
        ours = prompts[row["task_name"], row["unique_id"]]
        if "step_order" in str(row["task_name"]):
            one, other = "next||||previous", "previous||||next"
            ours |= {str(prompt).replace(one, other) for prompt in ours}
        assert row["prompt"] in ours, row["unique_id"]
        compared += 1
    assert compared == 55


# ── settings ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("size", "cap"), [("59k", 1000), ("564k", 10_000)])
def test_presets_set_the_papers_caps(size: str, cap: int) -> None:
    """1,000 and at most 10,000 instances of a file; MIns is epsilon 1, MIns+ is 0.5."""
    for name, epsilon in (("mins", 1), ("minsplus", 0.5)):
        found = load_build_config(folder("configs") / f"{name}-{size}.yaml")
        assert found == BuildConfig(per_source=cap, epsilon=epsilon)


def test_the_command_line_goes_over_a_config_file(tmp_path: Path) -> None:
    """What is given on both is as the command line says, the rest as the file says."""
    file = tmp_path / "c.yaml"
    file.write_text("epsilon: 1.0\nper_task: 1\nformat: tsv\n")
    dest = tmp_path / "set"
    done = instraug(
        *("build", TASKS, "--instances", TRAIN, "-o", dest, "-c", file, "--per-task", 2, "--json")
    )
    assert set(json.loads(done.stdout)["outputs"]) == {"data.tsv", "README.md", "lengths.svg"}
    config = json.loads((dest / "manifest.json").read_bytes())["config"]
    assert (config["epsilon"], config["per_task"], config["format"]) == (1.0, 2, "tsv")


def test_a_config_file_is_read_strictly(tmp_path: Path) -> None:
    """Unknown keys, wrong types and numbers out of range, all at once, each with its line."""
    file = tmp_path / "c.yaml"
    file.write_text("epsilom: 1\nper_task: '5'\nepsilon: 1.5\nformat: llavа\n")
    with pytest.raises(InputError) as caught:
        load_build_config(file)
    found = caught.value.problems
    assert [p.where for p in found] == [f"{file}:{n}" for n in (1, 2, 3, 4)]
    assert "did you mean 'epsilon'" in found[0].fix
    assert "did you mean 'llava'" in found[3].fix


def test_a_config_file_is_a_mapping(tmp_path: Path) -> None:
    """A list of settings is a problem, not a default config."""
    (tmp_path / "c.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="give a mapping"):
        load_build_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "options", [{"epsilon": 1.1}, {"epsilon": float("nan")}, {"per_task": 0}, {"seed": -1}]
)
def test_an_option_out_of_range_is_a_usage_error(options: dict[str, float]) -> None:
    """Exit code 2, and the fix says what is taken."""
    with pytest.raises(UsageError, match="give a"):
        with_options(BuildConfig(), options)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--epsilon", "2"], 2, "epsilon is 2"),
        (["--workers", "0"], 2, "--workers"),
        (["--format", "llave"], 2, "llave"),
        (["-c", "mins-59"], 1, "did you mean 'mins-59k'"),
        (["--instructions", "missing.jsonl"], 1, "missing.jsonl"),
        (["--instances", "missing.jsonl"], 1, "does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    """No traceback, the exit code of its kind, and nothing left behind."""
    done = instraug("build", TASKS, "--instances", TRAIN, "-o", tmp_path / "out.jsonl", *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_existing_destination_is_refused(tmp_path: Path) -> None:
    """One line, exit 2, and the file as it was."""
    (tmp_path / "a.jsonl").write_text("mine")
    done = instraug("build", TASKS, "--instances", TRAIN, "-o", tmp_path / "a.jsonl")
    failed(done, 2, "a.jsonl: exists, and no build made a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == "mine"


def test_bad_rows_are_one_line_each(tmp_path: Path) -> None:
    """Exit 1, the place of each, how to go on, and no set."""
    rows = write_rows(tmp_path / "rows.jsonl", [choice_row(1), {"x": 1}, {"task_name": "nope"}])
    tasks = write_tasks(tmp_path / "tasks")
    done = instraug("build", tasks, "--instances", rows, "-o", tmp_path / "set")
    assert done.returncode == 1
    found = done.stderr.splitlines()
    assert [line.split(": ")[0] for line in found] == [f"{rows}:2", f"{rows}:3", "build"]
    assert not (tmp_path / "set").exists()


# ── ends ─────────────────────────────────────────────────────────────────────────────────────


def running(tmp_path: Path, workers: int) -> subprocess.Popen[bytes]:
    """Start a build that takes seconds, and wait until it has begun to write."""
    rows = write_rows(tmp_path / "rows.jsonl", [caption_row(i) for i in range(20_000)])
    files = [tmp_path / f"rows{number}.jsonl" for number in range(60)]
    for file in files:
        file.hardlink_to(rows)
    many = ["--instances", *map(str, files)]
    command = [sys.executable, "-m", "instraug", "build", str(write_tasks(tmp_path / "tasks"))]
    command += [*many, "-o", str(tmp_path / "out" / "set.jsonl"), "--workers", str(workers)]
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size for p in (tmp_path / "out").glob(".set*/.set*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_ends_a_build_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int, workers: int
) -> None:
    """The exit code says which signal; no file and no temporary file is left.

    A terminal sends SIGINT to workers, too, who leave it to their parent.
    """
    process = running(tmp_path, workers)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in said
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_build_leaves_no_file_of_that_name_and_no_process(
    tmp_path: Path, workers: int
) -> None:
    """SIGKILL at any point: nothing stands under the final name, and workers do not live on."""
    process = running(tmp_path, workers)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert bool(children) == (workers > 1)
    process.kill()
    process.communicate(timeout=30)
    assert not (tmp_path / "out" / "set.jsonl").exists()
    assert not (tmp_path / "out" / "set.jsonl.manifest.json").exists()
    deadline = time.monotonic() + 20
    while any(_runs(int(child)) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_build_in_one_line(tmp_path: Path) -> None:
    """As a system short of memory does it; the others end too, and no file is left."""
    process = running(tmp_path, 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.decode().splitlines()[-1].startswith("a worker process was killed")
    assert b"Traceback" not in said
    assert not list((tmp_path / "out").iterdir())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("more", [[], ["--workers", 2]], ids=["one", "two"])
def test_a_full_disk_is_one_line(tmp_path: Path, more: list[object]) -> None:
    """A write that the system refuses ends the build with the old set in place."""
    rows = write_rows(tmp_path / "rows.jsonl", [caption_row(i) for i in range(3000)])
    tasks = write_tasks(tmp_path / "tasks")
    old = instraug(
        "build",
        tasks,
        "--instances",
        write_rows(tmp_path / "one.jsonl", [choice_row(1)]),
        "-o",
        tmp_path / "set.jsonl",
    )
    assert old.returncode == 0
    before = (tmp_path / "set.jsonl").read_bytes()
    code = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "runpy.run_module('instraug', run_name='__main__')\n"
    )
    arguments = ["build", tasks, "--instances", rows, "-o", tmp_path / "set.jsonl", "--force"]
    command = [sys.executable, "-c", code, *map(str, [*arguments, *more])]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    failed(done, 1, "write")
    assert "rows.jsonl" not in done.stderr
    assert (tmp_path / "set.jsonl").read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
