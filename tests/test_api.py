"""What `import instraug` gives is small, cheap and does what docs/api.md shows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import instraug
from instraug.errors import InputError, UsageError
from instraug.rewriting.run import Run
from tests.child import environment
from tests.commandline import EXAMPLES
from tests.fakeserver.server import FakeServer

PAGE = EXAMPLES.parent / "docs" / "api.md"


def run(code: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    here = environment(PYTHONPATH=str(EXAMPLES.parent), **env)
    return subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True)


def test_the_exports_are_these() -> None:
    """A name more or less is a change that users see."""
    assert instraug.__all__ == [
        "__version__",
        "build",
        "expand",
        "load_tasks",
        "mix",
        "predict",
        "refilter",
    ]
    assert all(hasattr(instraug, name) for name in instraug.__all__)


def test_importing_costs_nothing_heavy(tmp_path: Path) -> None:
    """What a function needs is imported when it is called."""
    done = run("import sys, instraug\nprint(*sys.modules)", tmp_path)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"openai", "orjson", "yaml", "click", "rapidfuzz", "asyncio"}


def test_the_page_s_example_runs(tmp_path: Path) -> None:
    """docs/api.md, as it stands, but for the endpoint's address."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    shutil.copytree(EXAMPLES, tmp_path / "examples")

    async def go() -> subprocess.CompletedProcess[str]:
        async with FakeServer() as server:
            there = code.replace("http://127.0.0.1:8000/v1", server.url)
            return await asyncio.to_thread(run, there, tmp_path, OPENAI_API_KEY="k")

    done = asyncio.run(go())
    assert done.returncode == 0, done.stderr
    tasks, accepted, rejected, rows, mixed, predicted = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ tasks, \d+ templates", tasks)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert accepted == f"{manifest['accepted']} rewrites accepted"
    assert rejected.endswith(" answers rejected")
    assert int(rows.split()[0]) == len((tmp_path / "train.jsonl").read_text().splitlines()) > 0
    assert mixed == "20 rows mixed"
    assert predicted == f"{rows.split()[0]} predictions"


def test_a_share_that_is_no_percentage_is_refused(tmp_path: Path) -> None:
    """As on the command line."""
    with pytest.raises(UsageError, match="not a percentage"):
        instraug.mix({"a.jsonl": -1}, tmp_path / "mixed.jsonl", total=2)


def test_a_run_is_made_where_an_event_loop_is_running(tmp_path: Path) -> None:
    """A notebook's cells run inside of one."""

    async def cell() -> Run:
        async with FakeServer() as server:

            def expand() -> Run:
                return asyncio.run(inside(server.url))

            return await asyncio.to_thread(expand)

    async def inside(url: str) -> Run:
        tasks = EXAMPLES / "tasks"
        return instraug.expand(tasks, tmp_path, model="m", base_url=url, only=("step_*",))

    grown = asyncio.run(cell())
    assert grown.summary()["accepted"] > 0
    assert re.fullmatch(r"Run\(model='m', tasks=\d+, [^()]*, complete=True\)", repr(grown))


def test_an_error_is_what_the_command_line_prints(tmp_path: Path) -> None:
    """One line a problem, as a typed exception."""
    with pytest.raises(InputError, match=r"holds no task file; put one \.yaml file"):
        instraug.load_tasks(tmp_path)
