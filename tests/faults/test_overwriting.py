"""Outputs go to new names, or over files of their own kind; a killed command blocks no other."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from instraug.cli.junit import write_junit
from instraug.errors import Problem, UsageError
from instraug.evaluation.verify import Check
from instraug.files.atomic import atomic_writer, hidden
from instraug.models.journal.framing import frame
from instraug.training_set.card import card
from tests.child import environment
from tests.commandline import failed, instraug
from tests.faults.test_journal_path import tree
from tests.sets import built, caption_row

RUN = Path(__file__).parents[1] / "data" / "folder_of_0.1.0" / "out"
RECORD = frame({"reply": "aa", "model": "m", "choices": [["x", "stop"]], "usage": [1, 2, False]})
JUNIT = '<?xml version="1.0"?><testsuites><testsuite name="a"/></testsuites>'
ODD = os.fsdecode(b"odd\xff")

# ── verify --junit ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A finished run."""
    return Path(shutil.copytree(RUN, tmp_path / "out"))


@pytest.mark.parametrize(
    "text",
    [
        "my notes\n",
        "<html><body/></html>",
        "<testsuite",
        '<!DOCTYPE testsuite [<!ENTITY a "b">]><testsuite/>',
        "{}",
        RECORD.decode(),
        f"{JUNIT} and more",
    ],
)
@pytest.mark.fault(101)
def test_junit_is_not_written_over_another_file(out: Path, tmp_path: Path, text: str) -> None:
    """What does not parse as JUnit XML stays: exit 2, one line, before anything is verified."""
    path = tmp_path / "file"
    path.write_text(text)
    before = tree(tmp_path)
    failed(instraug("verify", out, "--junit", path), 2, str(path), "choose another path")
    assert tree(tmp_path) == before


@pytest.mark.fault(101)
def test_junit_is_written_over_nothing_and_over_junit(out: Path, tmp_path: Path) -> None:
    """A new name, an empty file, an earlier one of another tool, its own."""
    for text in (None, "", JUNIT):
        path = tmp_path / "new.xml"
        if text is not None:
            path.write_text(text)
        for _ in range(2):
            assert instraug("verify", out, "--junit", path).returncode == 0
            assert ElementTree.parse(path).getroot().tag == "testsuite"  # noqa: S314 - our own
        path.unlink()


@pytest.mark.fault(101)
def test_junit_replaces_no_device_and_no_file_of_the_run(out: Path, tmp_path: Path) -> None:
    """A FIFO, a device, a link to one or to a file, and each file of the folder."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "new.xml")
    (tmp_path / "null").symlink_to("/dev/null")
    paths = [tmp_path / name for name in ("fifo", "link", "null", "out")]
    with suppress(PermissionError):  # only root may make a device, and none but this is at risk
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        paths.append(tmp_path / "device")
    before = tree(tmp_path)
    for path in (*paths, *out.iterdir()):
        mode = path.lstat().st_mode
        failed(instraug("verify", out, "--junit", path), 2, str(path), "choose another")
        assert path.lstat().st_mode == mode
    assert tree(tmp_path) == before


HOSTILE = "a<b>&\"'|]]>*x*_y_`z`[l](u)~~s~~$m$\\ \x1b[31m\x00\u202e\ud800 <script>"


@pytest.mark.fault(101)
def test_junit_and_card_escape_what_they_show(tmp_path: Path) -> None:
    """Any name and text comes back from the XML as it is, unprintable characters as escapes."""
    path = tmp_path / "j.xml"
    write_junit(path, "s", [Check(HOSTILE, (Problem(HOSTILE, HOSTILE, HOSTILE),))])
    case = ElementTree.parse(path).getroot()[0]  # noqa: S314 - our own file
    shown = case.get("name") or ""
    assert shown.startswith("a<b>&\"'|]]>*x*_y_`z`[l](u)~~s~~$m$\\ \\x1b[31m\\x00\\u202e\\ud800 ")
    assert case[0].text == "; ".join([f"{shown}: {shown}", shown])


@pytest.mark.fault(101)
def test_the_card_shows_a_name_as_it_is() -> None:
    """No markup, HTML, table cell or line break of a task's name takes effect."""
    task = {"rows": 1, "original": 1, "instructions": 1}
    figures = {"rows": 1, "epsilon": {"asked": 1, "realised": 1}}
    shown = card("d.jsonl", "f", {**figures, "tasks": {HOSTILE + "\n": task}}, 0, "0" * 64)
    row = next(line for line in shown.splitlines() if line.startswith("| a\\<"))
    assert row.startswith("| a\\<b\\>\\&\"'\\|\\]\\]\\>\\*x\\*\\_y\\_\\`z\\`\\[l\\](u)")
    assert row.endswith("\\\\n | 1 | 1 | 1 |")
    assert "\\\\x1b\\[31m\\\\x00" in row
    plain = card("d.jsonl", "f", {**figures, "tasks": {"region_match-2": task}}, 0, "0" * 64)
    assert "| region_match-2 | 1 | 1 | 1 |" in plain.splitlines()


# ── build ────────────────────────────────────────────────────────────────────────────────────

ROWS = [caption_row(i) for i in range(3)]


@pytest.mark.parametrize("dest", ["out.jsonl", "set"])
@pytest.mark.fault(101)
def test_a_hidden_name_that_is_left_blocks_no_build(
    tmp_path: Path, dest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed build of the same process id, in a restarted container, left its folders."""
    for left in (f".{dest}.{os.getpid()}.tmp", f".{dest}.{os.getpid()}.tmp.old"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "data.jsonl").write_text("left")
    built(tmp_path, ROWS, dest)
    built(tmp_path, ROWS, dest, force=True)
    names = {hidden(tmp_path / dest) for _ in range(100)}
    assert len(names) == 100


@pytest.mark.fault(101)
def test_a_hidden_name_that_is_left_blocks_no_file(tmp_path: Path) -> None:
    """Whatever has the name that an earlier version gave, a folder even."""
    (tmp_path / f".out.{os.getpid()}.tmp").mkdir()
    with atomic_writer(tmp_path / "out") as file:
        file.write(b"new")
    assert (tmp_path / "out").read_bytes() == b"new"


@pytest.mark.parametrize("place", ["out.jsonl", "out.jsonl.manifest.json", "set/data.jsonl"])
@pytest.mark.fault(101)
def test_build_spares_a_journal_whatever_is_forced(tmp_path: Path, place: str) -> None:
    """Also where an earlier set of the same name left its manifest, which vouches for the name."""
    dest = place.split("/")[0].removesuffix(".manifest.json")
    built(tmp_path, ROWS, dest)
    (tmp_path / place).write_bytes(RECORD)
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="is a journal"):
        built(tmp_path, ROWS, dest, force=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.fault(101)
def test_build_spares_what_stands_at_its_manifests_path(tmp_path: Path, force: bool) -> None:
    """A file NAME.manifest.json of somebody else's is not replaced, nor is a link."""
    beside = tmp_path / "out.jsonl.manifest.json"
    beside.write_text('{"mine": 1}')
    with pytest.raises(UsageError, match="is there already"):
        built(tmp_path, ROWS, "out.jsonl", force=force)
    beside.unlink()
    beside.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="symbolic link"):
        built(tmp_path, ROWS, "out.jsonl", force=force)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("odd", ["instances", "dest", "instructions", "tasks"])
@pytest.mark.fault(100)
def test_build_finds_what_a_manifest_cannot_name(tmp_path: Path, odd: str) -> None:
    """A byte that is not UTF-8 in any path: exit 2 in one line, and nothing is left."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / (f"{ODD}.yaml" if odd == "tasks" else "a.yaml")).write_text(
        "name: caption\ninstructions: [Describe the picture.]\n"
    )
    names = {name: ODD if odd == name else name for name in ("instances", "instructions", "dest")}
    row = '{"task_name": "caption", "unique_id": "1", "target_txt": "x", "image_path": ""}\n'
    (tmp_path / names["instances"]).write_text(row)
    (tmp_path / names["instructions"]).write_text("")
    before = tree(tmp_path)
    done = instraug(
        *("build", tmp_path / "tasks", "--instances", tmp_path / names["instances"]),
        *("--instructions", tmp_path / names["instructions"]),
        *("-o", tmp_path / f"{names['dest']}.jsonl"),
    )
    failed(done, 2, "0xff", "no UTF-8")
    assert tree(tmp_path) == before


# ── meta-prompts bootstrap ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["my notes\n", "name: t\ninstructions: [a]\n", '{"a": 1}'])
@pytest.mark.fault(101)
def test_bootstrap_replaces_meta_prompts_alone(tmp_path: Path, text: str) -> None:
    """--force over a file that holds no meta-prompts: exit 2, nothing asked, nothing changed."""
    (tmp_path / "m.yaml").write_text(text)
    before = tree(tmp_path)
    command = ("meta-prompts", "bootstrap", "-o", tmp_path / "m.yaml", "--force")
    done = instraug(*command, "--model", "m", "--base-url", "http://127.0.0.1:9/v1")
    failed(done, 2, "no file of meta-prompts", "choose another")
    assert tree(tmp_path) == before


# ── what is printed ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "cp1252", "utf-16"])
@pytest.mark.fault(101)
def test_no_encoding_of_the_output_ends_in_a_traceback(
    out: Path, tmp_path: Path, encoding: str
) -> None:
    """Texts of any script go to a pipe of a small encoding, with the usual exit code."""
    row = (out / "instructions.jsonl").read_text().splitlines()
    other = tmp_path / "other.jsonl"
    added = row[0].replace('"instruction":"', '"instruction":"漢字 é \u2028 😀 ')
    other.write_text("\n".join([*row, added]) + "\n")
    odd = tmp_path / "漢字é"
    commands = {
        ("diff", out, other): 1,
        ("check", odd): 1,
        ("stats", out): 0,
        ("verify", odd): 2,
        ("meta-prompts", "list"): 0,
        ("expand", odd, "-o", odd / "ü"): 1,
        ("build", odd, "--instances", odd, "-o", f"{odd}.jsonl", "--json"): 1,
    }
    for command, code in commands.items():
        done = subprocess.run(
            [sys.executable, "-m", "instraug", *map(str, command)],
            env=environment(PYTHONIOENCODING=encoding),
            capture_output=True,
        )
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, (command, done.stderr)


@pytest.mark.fault(101)
def test_a_full_or_closed_stdout_is_one_line(out: Path) -> None:
    """/dev/full, and no stdout at all: no traceback, and no success where it was needed."""
    command = f"{sys.executable} -m instraug stats {out}"
    for where, code in ((">/dev/full", 1), (">&-", 0)):
        done = subprocess.run(
            ["bash", "-c", f"{command} {where}"], env=environment(), capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == code
