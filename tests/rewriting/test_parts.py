"""Shards of a filter, judged apart and joined: the files of the whole, or one line why not."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.child import Child
from tests.commandline import EXAMPLES, failed, instraug, instraug_here
from tests.fakeserver import FakeServer, running

RULES = "rules: {near_duplicate: 0.8}\n"
NOTHING = "rules: {near_duplicate: 0.01}\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over some tasks, and rules to judge it by."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "rules.yaml").write_text(RULES)
    (folder / "nothing.yaml").write_text(NOTHING)
    with running(FakeServer()) as server:
        given = ("--model", "m", "--base-url", server.url, "--rewrites", 4, "-q")
        tasks = EXAMPLES / "tasks"
        done = instraug("expand", tasks, "-o", folder / "out", *given, "--variant", "iterative")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def shard(here: Path, number: int, count: int, rules: str = "rules.yaml", *more: object) -> Any:
    given = ("-c", here / rules, "-o", here / f"s{number}", "--shard", f"{number}/{count}")
    return instraug_here("filter", here / "out", *given, "-q", *more)


def shards(here: Path) -> list[Path]:
    return sorted(here.glob("s[0-9]*"))


def files(out: Path) -> dict[str, Any]:
    """Every file of a run by name, but for its lock; of the manifest, all but ``run``."""
    found: dict[str, Any] = {
        path.name: path.read_bytes() for path in out.iterdir() if path.name[0] != "."
    }
    body = json.loads(found["manifest.json"])
    assert body.pop("run")
    found["manifest.json"] = body
    return found


@pytest.mark.parametrize("count", [1, 3, 16])
def test_parts_make_the_whole(here: Path, count: int) -> None:
    """Rows, reasons, card, counts, usage and templates left short are those of one process."""
    given = ("-c", here / "rules.yaml", "--json", "-q")
    whole = instraug_here("filter", here / "out", "-o", here / "whole", *given)
    assert whole.returncode == 0, whole.stderr
    for number in range(count, 0, -1):
        assert shard(here, number, count).returncode == 0
    done = instraug_here("join", *shards(here), "-o", here / "join", "--json", "-q")
    assert done.returncode == 0, done.stderr
    assert files(here / "join") == files(here / "whole")
    found, wanted = (json.loads(text) for text in (done.stdout, whole.stdout))
    assert found.pop("run")["reused"] == wanted.pop("run")["reused"]
    assert found == wanted
    assert found["short_templates"]


def test_a_join_over_the_run_itself_is_the_filter_of_it(here: Path) -> None:
    """Its shards are of the run before, and cannot be joined a second time."""
    shutil.copytree(here / "out", here / "whole")
    for number in (1, 2):
        assert shard(here, number, 2).returncode == 0
    assert instraug_here("filter", here / "whole", "-c", here / "rules.yaml", "-q").returncode == 0
    assert instraug_here("join", *shards(here), "-o", here / "out", "-q").returncode == 0
    assert files(here / "out") == files(here / "whole")
    done = instraug_here("join", *shards(here), "-o", here / "out")
    failed(done, 1, "is not the run any more")


def test_nothing_accepted_is_known_of_the_whole_alone(here: Path) -> None:
    """A shard may accept nothing; the whole ends 3, its files written, as without shards."""
    for number in (1, 2):
        assert shard(here, number, 2, "nothing.yaml").returncode == 0
    done = instraug_here("join", *shards(here), "-o", here / "join", "-q")
    failed(done, 3, "no rewrite was accepted")
    whole = instraug_here(
        "filter", here / "out", "-o", here / "whole", "-c", here / "nothing.yaml", "-q"
    )
    assert (done.returncode, done.stderr) == (whole.returncode, whole.stderr)
    assert files(here / "join") == files(here / "whole")


def test_a_reply_that_is_missing_ends_each_shard(here: Path) -> None:
    """With exit 5, and nothing is written."""
    lines = (here / "out/replies.jsonl").read_bytes().splitlines(keepends=True)
    (here / "out/replies.jsonl").write_bytes(b"".join(lines[:-1]))
    failed(shard(here, 1, 2), 5, "missing")
    assert not (here / "s1").exists()


def _other_rules(here: Path) -> None:
    assert shard(here, 2, 2, "nothing.yaml", "--force").returncode == 0


def _other_number(here: Path) -> None:
    assert shard(here, 2, 3, "rules.yaml", "--force").returncode == 0


def _gone(here: Path) -> None:
    shutil.rmtree(here / "s2")


def _twice(here: Path) -> None:
    shutil.copytree(here / "s2", here / "s3")


def _cut(here: Path) -> None:
    rows = (here / "s2/rejected.jsonl").read_bytes()
    (here / "s2/rejected.jsonl").write_bytes(rows[:-5])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_rules, "config.rules.near_duplicate 0.8 -> 0.01"),
        (_other_number, "is shard 2/3, and"),
        (_gone, "shards 2 of 2 are missing"),
        (_twice, "is shard 2/2, and so is"),
        (_cut, "rejected.jsonl: the file is not the one"),
    ],
    ids=["rules", "number", "missing", "twice", "damaged"],
)
def test_what_is_no_whole_is_one_line(
    here: Path, change: Callable[[Path], None], said: str
) -> None:
    """Nothing is written."""
    for number in (1, 2):
        assert shard(here, number, 2).returncode == 0
    change(here)
    failed(instraug_here("join", *shards(here), "-o", here / "join"), 1, said)
    assert not (here / "join").exists()


def test_a_hostile_shard_is_one_line(here: Path) -> None:
    """What it holds is data."""
    assert shard(here, 1, 1).returncode == 0
    path = here / "s1/manifest.json"
    body = json.loads(path.read_text())
    for key, value in (
        ("same", {**body["same"], "config": {"nothing": 1}}),
        ("same", {**body["same"], "outputs": 3}),
        ("made_from", 7),
        ("figures", {}),
        ("endpoints", [1]),
    ):
        path.write_text(json.dumps({**body, key: value}))
        failed(instraug_here("join", here / "s1", "-o", here / "join"), 1)
        assert not (here / "join").exists()


def test_a_shard_is_not_written_over_the_run(here: Path) -> None:
    """Nor into it; nor over anything that is no shard."""
    before = files(here / "out")
    failed(instraug_here("filter", here / "out", "--shard", "1/2"), 2, "give -o")
    given = ("filter", here / "out", "--shard", "1/2", "--force", "-o")
    for dest in (here / "out", here / "rules.yaml"):
        failed(instraug_here(*given, dest), 2)
    assert files(here / "out") == before
    assert shard(here, 1, 2).returncode == 0
    failed(shard(here, 1, 2), 2, "give --force")
    assert shard(here, 1, 2, "rules.yaml", "--force").returncode == 0


def test_shards_of_two_commands_are_no_whole(here: Path) -> None:
    """One line says which."""
    assert shard(here, 1, 2).returncode == 0
    given = ("--instances", EXAMPLES / "instances/train.jsonl", "--shard", "2/2", "-q")
    assert instraug_here("build", EXAMPLES / "tasks", *given, "-o", here / "b").returncode == 0
    for pair in ((here / "s1", here / "b"), (here / "b", here / "s1")):
        failed(instraug_here("join", *pair, "-o", here / "join"), 1, "of another command")


def test_a_shard_that_was_killed_is_done_again(here: Path) -> None:
    """It leaves nothing that could be taken for it."""
    given = ("filter", here / "out", "-c", here / "rules.yaml", "-o", here / "s2", "--shard", "2/2")
    killed = 0
    for wait in (0.0, 0.02, 0.05, 0.1, 0.2):
        child = Child(here / "child", *given, "--force")
        time.sleep(wait)
        child.kill(signal.SIGKILL)
        killed += child.end() == -signal.SIGKILL
        assert (here / "s2").exists() <= (here / "s2" / "manifest.json").exists()
    assert killed
    for number in (1, 2):
        assert shard(here, number, 2, "rules.yaml", "--force").returncode == 0
    assert instraug_here("join", *shards(here), "-o", here / "join", "-q").returncode == 0
    whole = ("filter", here / "out", "-c", here / "rules.yaml", "-o", here / "whole", "-q")
    assert instraug_here(*whole).returncode == 0
    assert files(here / "join") == files(here / "whole")
