"""``build --engine ray``: the bytes of one process, on whatever nodes, and whoever is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.training_set import shards
from instraug.training_set.engines import opening
from tests.commandline import failed, instraug_here
from tests.sets import (
    Row,
    built,
    caption_row,
    choice_row,
    find_row,
    nasty_row,
    write_rows,
    write_tasks,
)

ROWS: list[Row] = [
    nasty_row(),
    *[row(i) for i in range(60) for row in (choice_row, caption_row, find_row)],
]

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each, as processes of this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    given = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=given)
    nodes.add_node(num_cpus=1, object_store_memory=100 << 20)
    yield nodes
    nodes.shutdown()


@pytest.fixture
def address(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cluster, where the command looks for it."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return str(cluster.address)


def cut(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Cut files into shards of so many bytes."""
    monkeypatch.setattr(shards.split, "__defaults__", (size,))


def working(cluster: Any) -> dict[int, int]:
    """Process of the cluster that runs, or waits for, a task -> its node's process."""
    nodes = {
        started.process.pid
        for node in cluster.list_all_nodes()
        for started in node.all_processes.get("raylet", ())
    }
    found: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith((b"ray::_build", b"ray::IDLE")):
                fields = (path.parent / "stat").read_text().rpartition(")")[2].split()
                found[int(path.parent.name)] = int(fields[1])
        except OSError:
            continue
    return {pid: node for pid, node in found.items() if node in nodes}


@with_ray
@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"per_task": 9}], ids=["all", "capped"])
@pytest.mark.filterwarnings("default")
def test_rows_do_not_depend_on_the_engine(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """Any number of workers, and of shards, leaves the very bytes that one process leaves."""
    built(tmp_path, ROWS, "one.jsonl", pool=3, **settings)
    for workers, size in ((None, 700), (1, 700), (3, 5000)):
        cut(monkeypatch, size)
        own = {"engine": "ray", "workers": workers, "force": True}
        built(tmp_path, ROWS, "ray.jsonl", pool=3, **own, **settings)
        assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_both_nodes_build_and_a_killed_worker_is_made_up_for(
    tmp_path: Path, cluster: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each node has a part in it; shards whose process is killed are built again."""
    rows = [row(i) for i in range(10_000) for row in (choice_row, caption_row)]
    built(tmp_path, rows, "one.jsonl", pool=3)
    cut(monkeypatch, 20_000)
    nodes: set[int] = set()
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        assert total > 100
        nodes.update(working(cluster).values())
        if done in (5, 60):
            for pid in working(cluster):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    built(tmp_path, rows, "ray.jsonl", pool=3, engine="ray", progress=kill)
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert len(nodes) == 2
    assert len(killed) >= 2


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_node_that_is_gone_is_made_up_for(
    tmp_path: Path, cluster: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had built and not handed over yet is built again."""
    rows = [row(i) for i in range(4_000) for row in (choice_row, caption_row)]
    built(tmp_path, rows, "one.jsonl", pool=3)
    cut(monkeypatch, 20_000)
    third = cluster.add_node(num_cpus=2, object_store_memory=100 << 20)
    gone: list[int] = []

    def remove(done: int, total: int) -> None:
        assert total > 40
        if done >= 5 and not gone and len(set(working(cluster).values())) == 3:
            gone.append(done)
            cluster.remove_node(third, allow_graceful=False)

    built(tmp_path, rows, "ray.jsonl", pool=3, engine="ray", progress=remove)
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert gone


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_rows_that_are_wrong_are_the_same_lines(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of a worker is that of a build without Ray; nothing is written."""
    rows = [*ROWS, choice_row(1, question=None)]
    lines = []
    for engine in ("local", "ray"):
        with pytest.raises(InputError) as caught:
            built(tmp_path, rows, "out.jsonl", engine=engine)
        lines.append(str(caught.value))
    (tmp_path / "rows.jsonl").write_bytes(b"{" + b"x" * (65 << 20))
    for engine in ("local", "ray"):
        with pytest.raises(InputError, match="longer than") as caught:
            built(tmp_path, tmp_path / "rows.jsonl", "out.jsonl", engine=engine)
        lines.append(str(caught.value))
    assert lines[0] == lines[1]
    assert lines[2] == lines[3]
    assert not (tmp_path / "out.jsonl").exists()


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_paths_may_be_relative(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers of a cluster run elsewhere, and go to the folder of the command."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "testing_data" / "x" / "test.jsonl", ROWS)
    tasks = write_tasks(tmp_path / "tasks")
    given = ("build", tasks.name, "--instances", "testing_data", "--split", "eval", "-q")
    for name, more in (("one.jsonl", ()), ("ray.jsonl", ("--engine", "ray"))):
        done = instraug_here(*given, "-o", name, *more)
        assert (done.returncode, done.stderr) == (0, "")
    assert Path("ray.jsonl").read_bytes() == Path("one.jsonl").read_bytes()


@with_ray
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("where", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_without_a_cluster_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """At once, not after the minutes that Ray itself would try."""
    monkeypatch.setenv("RAY_ADDRESS", where)
    tasks, rows = write_tasks(tmp_path / "tasks"), write_rows(tmp_path / "rows.jsonl", ROWS)
    began = time.monotonic()
    done = instraug_here(
        "build", tasks, "--instances", rows, "-o", tmp_path / "s", "--engine", "ray"
    )
    failed(done, 2, f"RAY_ADDRESS={where}: no Ray cluster answers", "start one")
    assert time.monotonic() - began < 20
    assert not (tmp_path / "s").exists()


def test_without_ray_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with what to install."""
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    tasks, rows = write_tasks(tmp_path / "tasks"), write_rows(tmp_path / "rows.jsonl", ROWS)
    done = instraug_here(
        "build", tasks, "--instances", rows, "-o", tmp_path / "s", "--engine", "ray"
    )
    failed(done, 2, "pip install '.[ray]'")
    assert not (tmp_path / "s").exists()
