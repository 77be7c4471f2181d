"""``instraug import`` writes task folders that load as they were imported, whole or not at all."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.cli import main
from instraug.errors import InputError
from instraug.files.strict_yaml import parse
from instraug.tasks.importers.multiinstruct.templates import read_templates
from instraug.tasks.load import load_tasks
from instraug.tasks.records import Task
from instraug.tasks.save import spell, write

TABLE = "task_name\tinstructions\n"
GOOD = (
    TABLE
    + 'ITM\t"Does ""{text}"" fit? {options_token} {split_token.join(options)}"\nVG\tFind {text}.\n'
)
ODD = GOOD + "VG\tFind {text.strip()}.\n"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``instraug import multiinstruct`` in this process, through its entry point."""

    def run_once(*arguments: object) -> Result:
        argv = ["instraug", "import", "multiinstruct", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return Result(exit_.value.code or 0, said.out, said.err)  # type: ignore[arg-type]

    return run_once


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def table(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "templates.tsv"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_import_loads_as_it_was_imported(run: Run, tmp_path: Path) -> None:
    """What the task folder holds is what the source held, and importing again changes no byte."""
    source = table(tmp_path, GOOD)
    first, second = tmp_path / "a" / "b", tmp_path / "c"
    for folder in (first, second):
        result = run(source, "-o", folder)
        assert result.code == 0
        assert result.out == ""
        assert result.err == f"2 templates of 2 tasks written to {folder}, 0 left out\n"
    assert files(first) == files(second)
    assert sorted(files(first)) == ["ITM.yaml", "VG.yaml"]
    imported = {t.name: t for t in read_templates(source).tasks}
    for loaded in load_tasks(first):
        assert spell(loaded) == spell(imported[loaded.name])
    (itm, _) = load_tasks(first)
    assert itm.templates[0].text == 'Does "{text}" fit? {options_token} {options}'
    assert (itm.category, itm.output, itm.split) == ("Image-Text Matching", "label", "train")
    assert itm.constants == {"options_token": "\n\n[Options]:"}
    assert itm.separators == {"options": "||||"}
    assert itm.fields == ("options", "text")


def test_what_is_left_out_is_listed(run: Run, tmp_path: Path) -> None:
    """The rest is imported, and each template that is not has its line on stderr."""
    source = table(tmp_path, ODD)
    result = run(source, "-o", tmp_path / "out")
    assert result.code == 0
    assert result.err.splitlines() == [
        f"{source}:4: task VG: cannot map text.strip(); left out",
        f"2 templates of 2 tasks written to {tmp_path / 'out'}, 1 left out",
    ]


def test_strict_writes_nothing_that_is_not_whole(run: Run, tmp_path: Path) -> None:
    """With --strict one template left out ends the import with 1 and no folder."""
    source = table(tmp_path, ODD)
    result = run(source, "-o", tmp_path / "out", "--strict")
    assert result.code == 1
    assert result.err == f"{source}:4: task VG: cannot map text.strip(); left out\n"
    assert not (tmp_path / "out").exists()
    assert run(table(tmp_path, GOOD), "-o", tmp_path / "out", "--strict").code == 0


def test_a_folder_that_holds_something_is_kept_without_force(run: Run, tmp_path: Path) -> None:
    """Nothing is overwritten unless --force says so, and then only files of the same names."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "VG.yaml").write_text("mine", encoding="utf-8")
    (out / "own.yaml").write_text("mine", encoding="utf-8")
    source = table(tmp_path, GOOD)
    result = run(source, "-o", out)
    assert result.code == 1
    assert "is not empty" in result.err
    assert files(out) == {"VG.yaml": b"mine", "own.yaml": b"mine"}
    assert run(source, "-o", out, "--force").code == 0
    assert files(out)["own.yaml"] == b"mine"
    assert files(out)["VG.yaml"].startswith(b"name: VG\n")


def test_a_refused_write_leaves_no_half_file(tmp_path: Path) -> None:
    """When the disk refuses, what is under a final name is complete, and one line says so."""
    long = "\n".join(f"VG\tFind the {n} things that {{text}} names." for n in range(500))
    source = table(tmp_path, f"{GOOD}{long}\n")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "instraug",
        "import",
        "multiinstruct",
        str(source),
        "-o",
        str(out),
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert result.returncode == 1
    assert result.stderr.startswith(f"{out / 'VG.yaml'}: cannot write: File too large")
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["templates.tsv"]


KILLED = """
import os, signal, sys
from pathlib import Path
from instraug.cli import main
left = int(sys.argv.pop(1))
def counted(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
os.rename, os.fsync, os.mkdir = map(counted, (os.rename, os.fsync, os.mkdir))
Path.rename, Path.unlink = counted(Path.rename), counted(Path.unlink)
main()
"""


@pytest.mark.parametrize("there", [None, (), ("own.yaml", "VG.yaml")])
def test_an_import_that_is_killed_leaves_all_or_nothing(
    tmp_path: Path, there: tuple[str, ...] | None
) -> None:
    """SIGKILL before each call that changes a name: `check` passes none but the whole folder."""
    source = table(tmp_path, GOOD)
    whole = {"ITM.yaml", "VG.yaml", *(there or ())}
    codes = set()
    for step in range(40):
        out = tmp_path / f"out{step}"
        if there is not None:
            out.mkdir()
            for name in there:
                (out / name).write_text(f"name: {name}\ninstructions: [mine]\n")
        command = [sys.executable, "-c", KILLED, str(step), "import", "multiinstruct"]
        done = subprocess.run([*command, str(source), "-o", str(out), "--force"])
        codes.add(done.returncode)
        names = {p.name for p in out.glob("[!.]*")} if out.exists() else set()
        try:
            sound = len(load_tasks(out))
        except InputError:
            sound = 0
        imported = sound and any(t.templates[0].text != "mine" for t in load_tasks(out))
        assert not imported or names == whole, (step, names)
        assert sound in (0, len(there or ()), len(whole))
        if done.returncode == 0:
            assert sound == len(whole)
            break
    assert codes == {0, -9}


def test_an_import_that_did_not_end_is_named_and_done_again(run: Run, tmp_path: Path) -> None:
    """The mark of a killed one is a problem of the folder, whose fix is what it says."""
    source, out = table(tmp_path, GOOD), tmp_path / "out"
    assert run(source, "-o", out).code == 0
    (out / ".import-unfinished").touch()
    with pytest.raises(InputError, match="did not end; import again with --force"):
        load_tasks(out)
    assert run(source, "-o", out, "--force").code == 0
    assert len(load_tasks(out)) == 2


def test_names_that_are_one_file_on_some_systems_are_refused(run: Run, tmp_path: Path) -> None:
    """Two of the source, or one of it and one of the folder: both named, nothing written."""
    source, out = table(tmp_path, f"{GOOD}vg\tName {{text}}.\n"), tmp_path / "out"
    result = run(source, "-o", out)
    assert result.code == 1
    assert "'VG.yaml' and 'vg.yaml' are the same file name" in result.err
    assert not out.exists()
    out.mkdir()
    (out / "itm.yaml").write_text("mine")
    result = run(table(tmp_path, GOOD), "-o", out, "--force")
    assert result.code == 1
    assert "'itm.yaml' and 'ITM.yaml'" in result.err
    assert files(out) == {"itm.yaml": b"mine"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", b"nothing\n"),
        ("t.tsv", b"task_name\tinstructions\nVG\t\xff\n"),
        ("t.py", b"def build(:\n"),
        ("t.py", b"\0"),
        (".", b""),
        ("none", b""),
    ],
)
def test_a_source_of_no_use_is_one_line(
    run: Run, tmp_path: Path, name: str, content: bytes
) -> None:
    """A source that cannot be read ends with 1 and its line, no traceback, nothing written."""
    source = tmp_path / name
    if content:
        source.write_bytes(content)
    result = run(source, "-o", tmp_path / "out")
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith(str(source))
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A file in the folder's place is refused."""
    file = tmp_path / "out"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is not a folder"):
        write([Task("a", ("Look.",))], file)


_TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]) | st.sampled_from("\n\t"),
    min_size=1,
).filter(str.strip)


@settings(max_examples=200)
@given(st.lists(_TEXT, min_size=1, max_size=4), st.dictionaries(st.just("sep"), _TEXT))
def test_a_spelled_task_reads_back_exactly(texts: list[str], constants: dict[str, str]) -> None:
    """Whatever a template holds, leading spaces, quotes and line ends too, comes back."""
    task = Task("a", tuple(texts), constants=constants)
    document = parse(spell(task).encode(), "a.yaml")
    assert document.problems == ()
    assert document.data["instructions"] == texts
    assert document.data.get("constants", {}) == constants


@pytest.mark.parametrize("text", ["no", "010", "1e5", "~", "", " x ", "{a}", "- a", "a: b", "#"])
def test_what_yaml_would_take_for_something_else_is_quoted(text: str) -> None:
    """Text that looks like a number, a list or nothing stays text."""
    task = Task("a", ("Look.",), labels=(text, "x"), answers="letter", fixed_options=True)
    assert parse(spell(task).encode(), "a.yaml").data["labels"] == [text, "x"]
