"""Faults of input files: one line a fault, with file, line and fix; exit 1; nothing written."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from instraug.errors import InputError, Problem
from instraug.files import jsonl
from instraug.files.jsonl import read_jsonl
from instraug.rewriting.config import load_config
from instraug.tasks.load import load_tasks, read_tasks
from tests.commandline import instraug

GOOD = b"name: t\ninstructions:\n- Is {text} here?\n"
ALIASES = b"name: t\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ninstructions: *c\n"


def yaml_task(data: bytes, line: int, said: str, number: str) -> object:
    return pytest.param(data, line, said, id=number)


YAML = [
    yaml_task(b"name: t\ninstructions: ['a\0b']\n", 2, "U+0000", "50"),
    yaml_task(b"name: t\ninstructions: ['a\x1bb']\n", 2, "U+001B", "50 escape"),
    yaml_task(b"name: t\rinstructions: [a b]\n", 1, "U+000D", "52 lone CR"),
    yaml_task(b"name: t\ninstructions: ['\xed\xa0\x80']\n", 2, "not UTF-8", "53"),
    yaml_task(b"name: t\ninstructions: ['\xff']\n", 2, "byte 24", "54"),
    yaml_task(b"name: t\nname: u\ninstructions: [a b]\n", 2, "name", "56"),
    yaml_task(b"name: t\ndefaults: {x: .nan}\ninstructions: [a b]\n", 2, "nan", "57"),
    yaml_task(b"name: t\ninstructions: " + b"[" * 99, 2, "nest", "58"),
    yaml_task(ALIASES, 2, "anchor", "62"),
    yaml_task(b"name: no\ninstructions: [a b]\n", 1, "no", "63 no"),
    yaml_task(b"name: t\ndefaults: {x: 010}\ninstructions: [a b]\n", 2, "010", "63 octal"),
    yaml_task(b"name: t\n", 1, "instructions", "64 none"),
    yaml_task(b"name: t\ninstruction: [a b]\n", 2, "did you mean 'instructions'?", "64 key"),
    yaml_task(b"name: t\ninstructions: 5\n", 2, "give a list", "64 type"),
    yaml_task(
        b"name: t\nfields: [region]\ninstructions: ['In {regoin}?']\n", 3, "'region'", "44 field"
    ),
    yaml_task(b"name: t\ninstructions: ['a {\"b\": 1}']\n", 2, "double the brace", "43"),
]


@pytest.mark.parametrize(("data", "line", "said"), YAML)
@pytest.mark.fault(43, 44, *range(50, 59), 62, 63, 64)
def test_a_bad_task_file_names_file_line_and_fix(
    data: bytes, line: int, said: str, tmp_path: Path
) -> None:
    """One printable line for each problem, the right one first."""
    (tmp_path / "t.yaml").write_bytes(data)
    found, problems = read_tasks(tmp_path)
    assert not found
    assert any(
        p.where == f"{tmp_path / 't.yaml'}:{line}" and said in f"{p.what}; {p.fix}"
        for p in problems
    ), problems
    assert all(str(p).isprintable() and p.fix for p in problems)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + GOOD, GOOD.replace(b"\n", b"\r\n")])
@pytest.mark.fault(51, 52)
def test_a_byte_order_mark_and_crlf_are_taken(data: bytes, tmp_path: Path) -> None:
    """Both read as the plain file does."""
    (tmp_path / "t.yaml").write_bytes(data)
    assert [t.text for t in load_tasks(tmp_path)[0].templates] == ["Is {text} here?"]


JSONL = [
    pytest.param(b'{"a": "b\0"}', "control character", id="50"),
    pytest.param(b'{"a": "\\ud800"}', "surrogate", id="53"),
    pytest.param(b'{"a": "\xff"}', "byte 15 (0xff) is not UTF-8", id="54"),
    pytest.param(b'{"a": 1, "a": 2}', "the key 'a' occurs twice", id="56"),
    pytest.param(b'{"a": NaN}', "invalid JSON at column 7", id="57"),
    pytest.param(b'{"a": Infinity}', "invalid JSON at column 7", id="57 infinity"),
    pytest.param(b'{"a": ' + b"[" * 100_000, "", id="58"),
    pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "", id="58 digits"),
    pytest.param(b"[1]", "not a JSON object", id="64 type"),
]


@pytest.mark.parametrize(("line", "said"), JSONL)
@pytest.mark.fault(*range(50, 59))
def test_a_bad_line_of_jsonl_names_its_line(line: bytes, said: str, tmp_path: Path) -> None:
    """The lines around it are read, where the caller goes on."""
    path, problems = tmp_path / "f.jsonl", list[Problem]()
    path.write_bytes(b'{"n":1}\n' + line + b'\n{"n":2}\n')
    rows = [row for _, row in read_jsonl(path, strict=True, on_problem=problems.append)]
    assert rows == [{"n": 1}, {"n": 2}]
    assert [p.where for p in problems] == [f"{path}:2"]
    assert said in problems[0].what
    assert str(problems[0]).isprintable()


@pytest.mark.fault(51, 52)
def test_jsonl_takes_a_mark_crlf_and_separators_inside_strings(tmp_path: Path) -> None:
    """Lines end at a line feed and nowhere else."""
    path = tmp_path / "f.jsonl"
    text = '{"a": "x\u2028y\x85z"}\r\n{"a": 2}\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [row for _, row in read_jsonl(path)] == [{"a": "x\u2028y\x85z"}, {"a": 2}]


@pytest.mark.fault(55, 60)
def test_a_line_over_the_cap_and_a_bomb_end_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain or compressed to next to nothing."""
    monkeypatch.setattr(jsonl, "LINE_CAP", 1 << 20)
    (tmp_path / "f.jsonl").write_bytes(b" " * (2 << 20))
    (tmp_path / "f.jsonl.gz").write_bytes(gzip.compress(b" " * (64 << 20)))
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="longer than 1048576 bytes"):
            list(read_jsonl(path))


@pytest.mark.parametrize("cut", [1, 8, 20, "crc"])
@pytest.mark.fault(59)
def test_a_gzip_that_is_cut_or_damaged_is_never_a_partial_success(
    cut: int | str, tmp_path: Path
) -> None:
    """Also where every line of it could be read."""
    data = bytearray(gzip.compress(b'{"n":1}\n' * 1000))
    if isinstance(cut, int):
        del data[-cut:]
    else:
        data[-8] ^= 1
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=str(path)):
        list(read_jsonl(path, on_problem=lambda _: None))


@pytest.mark.fault(61)
def test_nothing_outside_the_task_folder_is_read(tmp_path: Path) -> None:
    """Links to files and folders, a FIFO and a folder named like a file."""
    folder, outside = tmp_path / "tasks", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "o.yaml").write_bytes(GOOD)
    (folder / "a.yaml").symlink_to(outside / "o.yaml")
    (folder / "b").symlink_to(outside)
    (folder / "deep" / "c.yaml").symlink_to("../../outside/o.yaml")
    os.mkfifo(folder / "d.yaml")
    (folder / "h.yaml").mkdir()
    (folder / "h.yaml" / "i.yaml").write_bytes(GOOD)
    found, problems = read_tasks(folder)
    assert not found
    names = ("a.yaml", "b", "d.yaml", "deep/c.yaml", "h.yaml")
    assert [p.where for p in problems] == [str(folder / n) for n in names]
    assert all(re.search("link|regular|folder", p.what) for p in problems)


@pytest.mark.fault(64)
def test_an_empty_folder_says_what_to_put_there(tmp_path: Path) -> None:
    """And so does a folder that is none."""
    with pytest.raises(InputError, match=r"put one \.yaml file a task into it"):
        load_tasks(tmp_path)
    with pytest.raises(InputError, match="give the folder"):
        load_tasks(tmp_path / "none")


@pytest.mark.fault(65)
def test_two_tasks_of_one_name_name_each_other(tmp_path: Path) -> None:
    """The second is the problem, the first is named."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_bytes(GOOD)
    _, (problem,) = read_tasks(tmp_path)
    assert problem.where == f"{tmp_path / 'b.yaml'}:1"
    assert f"{tmp_path / 'a.yaml'}:1" in problem.what


@pytest.mark.parametrize("rules", ["*a", "{min_length: *a}", "{min_length: x}", "5", "[]"])
@pytest.mark.fault(62)
def test_a_refused_value_in_a_config_is_one_line(rules: str, tmp_path: Path) -> None:
    """Checks that need the value do not stumble over its absence."""
    (tmp_path / "c.yaml").write_text(f"rewrites: 3\nrules: {rules}\n")
    with pytest.raises(InputError, match=r"c\.yaml:2: ") as caught:
        load_config(tmp_path / "c.yaml")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("command", ["check", "expand"])
@pytest.mark.fault(*range(50, 66))
def test_all_problems_are_told_at_once(command: str, tmp_path: Path) -> None:
    """Every bad file of a folder in one run: a line each, exit 1, nothing written."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for number, case in enumerate(YAML):
        data = case.values[0]  # type: ignore[attr-defined]
        (folder / f"{number:02}.yaml").write_bytes(data)
    more = ("-o", tmp_path / "out", "--model", "m") if command == "expand" else ()
    done = instraug(command, folder, *more)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = done.stdout + done.stderr
    for number in range(len(YAML)):
        assert f"{number:02}.yaml:" in told
    assert not (tmp_path / "out").exists()
