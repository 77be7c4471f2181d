"""Paths as a shell hands them over: empty ones, folders, and files of another kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from instraug.files.manifest import write_manifest
from tests.commandline import failed, instraug_here
from tests.runs import run_folder
from tests.sets import choice_row, write_rows, write_tasks

INTERRUPTED = """
import runpy, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
runpy.run_module("instraug", run_name="__main__")
"""


@pytest.mark.parametrize(
    "args",
    [
        ("build", "", "--instances", "ROWS", "-o", "out.jsonl"),
        ("build", "TASKS", "--instances", "", "-o", "out.jsonl"),
        ("build", "TASKS", "--instances", "ROWS", "-o", ""),
        ("build", "TASKS", "--instances", "ROWS", "-o", "out.jsonl", "-c", ""),
        ("build", "TASKS", "--instances", "ROWS", "-o", "out.jsonl", "--images", ""),
        ("check", ""),
        ("expand", "", "-o", "out"),
        ("expand", "TASKS", "-o", ""),
        ("filter", ""),
        ("init", ""),
        ("mix", "ROWS", "--total", "1", "-o", ""),
        ("predict", "ROWS", "-o", ""),
        ("report", "ROWS", "-o", ""),
        ("score", ""),
        ("show", ""),
        ("stats", ""),
        ("verify", ""),
        ("diff", "TASKS", ""),
    ],
)
def test_an_empty_path_is_refused(
    args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the shell that is not set never means the current folder, or nothing."""
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path / "TASKS")
    write_rows(tmp_path / "ROWS", [choice_row(0)])
    before = sorted(tmp_path.rglob("*"))
    failed(instraug_here(*args), 2, "the path is empty; is a variable of the shell not set?")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("dest", [".", "./", "/"])
def test_a_set_does_not_take_the_place_of_the_folder_one_stands_in(
    dest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the current folder nor the root is a name for a set."""
    monkeypatch.chdir(tmp_path)
    tasks = write_tasks(tmp_path / "tasks")
    rows = write_rows(tmp_path / "rows.jsonl", [choice_row(0)])
    done = instraug_here("build", tasks, "--instances", rows, "-o", dest, "--force")
    failed(done, 2, "give a name in it")


def test_a_page_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``report -o .`` is one line."""
    monkeypatch.chdir(tmp_path)
    done = instraug_here("report", run_folder(tmp_path / "run"), "-o", ".")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_an_interrupt_while_the_program_is_imported_is_one_line() -> None:
    """A Ctrl-C right after the start ends like any other: 130, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "build"], capture_output=True, text=True, check=False
    )
    failed(done, 130, "interrupted; run the same command again")


# ── folders and files of another kind ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "holds"),
    [("build", "a built set"), ("mix", "a mixed set"), ("predict", "predictions")],
)
@pytest.mark.parametrize("command", ["filter", "verify", "diff", "show"])
def test_a_folder_of_another_command_is_named(
    command: str, kind: str, holds: str, tmp_path: Path
) -> None:
    """What wants a run of expand says what the folder holds instead."""
    other = tmp_path / "other"
    other.mkdir()
    write_manifest(other / "manifest.json", {"kind": kind, "outputs": {}})
    run = [run_folder(tmp_path / "run")] if command == "diff" else []
    done = instraug_here(command, *run, other)
    assert done.returncode == 1
    fix = "give an output folder of `instraug expand`"
    assert done.stderr.startswith(f"{other}: holds {holds}; {fix}\n")


@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x"])
def test_predict_names_what_it_reads(name: str, tmp_path: Path) -> None:
    """A table of one's own is not a built set, and the line says what is."""
    path = tmp_path / name
    path.write_text("a,b\n1,2\n")
    done = instraug_here("predict", path, "-o", tmp_path / "out")
    failed(done, 1, ".jsonl, .tsv or .parquet, which predict reads", "--format multiinstruct")


@pytest.mark.parametrize("command", ["build", "predict", "score", "stats", "mix"])
def test_a_spreadsheet_is_to_be_saved_as_text(command: str, tmp_path: Path) -> None:
    """A workbook is named as one, wherever rows or predictions are read."""
    book = tmp_path / "rows.xlsx"
    book.write_bytes(b"PK\x03\x04")
    args: dict[str, list[object]] = {
        "build": [write_tasks(tmp_path / "tasks"), "--instances", book, "-o", tmp_path / "o.jsonl"],
        "predict": [book, "-o", tmp_path / "out"],
        "mix": [book, "--total", "1", "-o", tmp_path / "o.jsonl"],
    }
    done = instraug_here(command, *args.get(command, [book]))
    failed(done, 1, f"{book}: is a spreadsheet's own format; save its sheet as CSV (UTF-8)")
