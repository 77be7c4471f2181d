"""JSONL: what goes in comes out, and what is wrong is told with file, line and fix."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.errors import InputError, Problem, StorageError
from instraug.files import jsonl
from instraug.files.jsonl import dump_line, read_jsonl, write_jsonl

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=5)


def rows(path: Path, strict: bool = False) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path, strict=strict)]


def problem(path: Path, data: bytes, strict: bool = False) -> str:
    """Read a file of these bytes, which must be refused; the message without the folder."""
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        rows(path, strict)
    (one,) = caught.value.problems
    return str(one).removeprefix(f"{path.parent}/")


@settings(deadline=None)  # it waits for the disk
@given(ROWS, st.sampled_from(SUFFIXES), st.booleans())
def test_any_rows_come_back_and_equal_rows_make_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: list[dict[str, Any]], suffix: str, strict: bool
) -> None:
    folder = tmp_path_factory.mktemp("jsonl")
    one, two = folder / f"1{suffix}", folder / f"2{suffix}"
    assert write_jsonl(one, data) == write_jsonl(two, iter(data)) == len(data)
    assert one.read_bytes() == two.read_bytes()
    assert rows(one, strict) == data


def test_the_standard_tools_read_what_is_written(tmp_path: Path) -> None:
    data = [{"text": "two\nlines \u2028 é", "n": n} for n in range(3)]
    for suffix in SUFFIXES:
        write_jsonl(tmp_path / f"f{suffix}", data)
    plain = (tmp_path / "f.jsonl").read_bytes()
    assert [json.loads(line) for line in plain.decode().split("\n")[:-1]] == data
    assert gzip.decompress((tmp_path / "f.jsonl.gz").read_bytes()) == plain
    assert (tmp_path / "f.jsonl.gz").read_bytes()[3:8] == bytes(5)  # neither a name nor a time
    with zstandard.open(tmp_path / "f.jsonl.zst", "rb") as file:
        assert file.read() == plain


def test_line_numbers_count_every_line_and_blank_ones_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b'\n{"a":1}\n  \n{"a":2}')
    assert list(read_jsonl(path)) == [(2, {"a": 1}), (4, {"a": 2})]


def test_with_on_problem_every_bad_line_is_told_and_left_out(tmp_path: Path) -> None:
    path, told = tmp_path / "f", list[Problem]()
    path.write_bytes(b'{"a":1}\nnot json\n{"a":2}\n[1]\n{"a":3}\n')
    assert [r["a"] for _, r in read_jsonl(path, on_problem=told.append)] == [1, 2, 3]
    assert [p.where for p in told] == [f"{path}:2", f"{path}:4"]


# ── FAULTS 50 to 60 ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b'{"a":"\0"}', "f:1: invalid JSON at column ", id="50 NUL"),
        pytest.param(b'{}\n{"a":"\x1b"}', "f:2: invalid JSON at column ", id="50 escape"),
        pytest.param(b"{}\r{}\n", "f:1: invalid JSON at column ", id="52 lone CR"),
        pytest.param(b'{"a":"\\ud800"}', "f:1: invalid JSON at column ", id="53 lone"),
        pytest.param(b'{}\n{"a":"\xff"}', "f:2: byte 9 (0xff) is not UTF-8", id="54 byte offset"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', "f:1: byte 6 (0xed) is not UTF-8", id="53 raw"),
        pytest.param(b"\xff\xfe{\0}\0", "f:1: byte 0 (0xff) is not UTF-8", id="51 UTF-16"),
        pytest.param(b'{"a":NaN}', "f:1: invalid JSON at column ", id="57 NaN"),
        pytest.param(b'{"a":-Infinity}', "f:1: invalid JSON at column ", id="57 Infinity"),
        pytest.param(b'{"a":1e999}', "f:1: invalid JSON at column ", id="57 overflow"),
        pytest.param(b"[" * 9000 + b"]" * 9000, "f:1: invalid JSON at column", id="58 nesting"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", "f:1: invalid JSON at column ", id="58 int"),
        pytest.param(b"null", "f:1: not a JSON object; write {...}", id="null"),
        pytest.param(b'"text"', "f:1: not a JSON object; write {...}", id="text"),
        pytest.param(b'{"a":1', "f:1: invalid JSON at column ", id="cut"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_line_is_one_line_of_file_line_fault_and_fix(
    tmp_path: Path, data: bytes, said: str, strict: bool
) -> None:
    message = problem(tmp_path / "f", data, strict)
    assert message.startswith(said)
    assert "; " in message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'\xef\xbb\xbf{"a":1}\n', [{"a": 1}], id="51 byte order mark"),
        pytest.param(b'{"a":1}\r\n{"a":2}\r\n', [{"a": 1}, {"a": 2}], id="52 CRLF"),
        pytest.param(
            '{"a":"\u2028\u0085\u000b"}\n'.replace("\v", "\\u000b").encode(),
            [{"a": "\u2028\u0085\u000b"}],
            id="52 U+2028",
        ),
        pytest.param(b'{"a":"\\u0000\\u001b"}', [{"a": "\0\x1b"}], id="50 escaped controls"),
        pytest.param(b"", [], id="empty"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_lines_end_at_newline_only_and_what_json_allows_is_taken(
    tmp_path: Path, data: bytes, expected: list[dict[str, Any]], strict: bool
) -> None:
    (tmp_path / "f").write_bytes(data)
    assert rows(tmp_path / "f", strict) == expected


def test_strict_refuses_duplicate_keys_and_integers_that_would_lose_digits(
    tmp_path: Path,
) -> None:
    """FAULTS 56 and 58; the fast parser takes both."""
    twice, long = b'{"x":[{"a":1,"a":2}]}', b'{"a":123456789012345678901234567890}'
    said = problem(tmp_path / "f", twice, strict=True)
    assert said.startswith("f:1: the key 'a' occurs twice in one object; ")
    assert "has more than 64 bits" in problem(tmp_path / "f", long, strict=True)
    for data in (twice, long):
        (tmp_path / "f").write_bytes(data)
        assert len(rows(tmp_path / "f")) == 1


def test_nesting_that_only_the_strict_parser_cannot_follow_is_no_traceback(tmp_path: Path) -> None:
    deep = b'{"a":' * 1000 + b"1" + b"}" * 1000
    (tmp_path / "f").write_bytes(deep)
    assert len(rows(tmp_path / "f")) == 1
    with suppress(InputError):  # how deep it can follow is the interpreter's choice
        rows(tmp_path / "f", strict=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_line_over_the_cap_ends_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """FAULTS 55: whatever on_problem, for the rest of the line would be taken for lines."""
    monkeypatch.setattr(jsonl, "LINE_CAP", 100)
    path = tmp_path / f"f{suffix}"
    write_jsonl(path, [{"a": "x" * 80}, {"a": "x" * 92}, {"a": "x"}])
    reading = read_jsonl(path, on_problem=lambda _: None)
    assert next(reading) == (1, {"a": "x" * 80})
    with pytest.raises(InputError, match=r":2: the line is longer than 100 bytes"):
        next(reading)


def compressed(suffix: str) -> bytes:
    plain = b"".join(dump_line({"n": n, "text": f"{n * n}"}) for n in range(2000))
    if suffix == ".gz":
        return gzip.compress(plain)
    return zstandard.ZstdCompressor(write_checksum=True).compress(plain)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_data_cut_anywhere_is_never_a_success(tmp_path: Path, suffix: str) -> None:
    """FAULTS 59, at every length; on_problem cannot talk it away."""
    whole, path = compressed(suffix), tmp_path / f"f{suffix}"
    for cut in [*range(0, len(whole), 97), *range(len(whole) - 20, len(whole))]:
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="compressed data is cut short"):
            list(read_jsonl(path, on_problem=lambda _: None))
    path.write_bytes(whole)
    assert len(rows(path)) == 2000


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_data_with_a_bad_byte_or_checksum_is_refused(
    tmp_path: Path, suffix: str
) -> None:
    """FAULTS 59: also where only the checksum tells."""
    whole, path = compressed(suffix), tmp_path / f"f{suffix}"
    checksum = len(whole) - (8 if suffix == ".gz" else 4)
    for at in [0, 1, len(whole) // 2, checksum, checksum + 3]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"compressed data is (damaged|cut short)"):
            rows(path)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_members_or_frames_one_after_the_other_are_one_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f{suffix}"
    path.write_bytes(compressed(suffix) * 3)
    assert len(rows(path)) == 6000
    path.write_bytes(compressed(suffix) + b"garbage")
    with pytest.raises(InputError, match="compressed data is damaged"):
        rows(path)


def bomb(suffix: str, gigabytes: int) -> bytes:
    """Compress that many GB of one line."""
    out, block = io.BytesIO(), b"a" * (1 << 26)
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1)
        if suffix == ".gz"
        else zstandard.ZstdCompressor(level=1).stream_writer(out, closefd=False)
    ) as file:
        for _ in range(gigabytes * 16):
            file.write(block)
    return out.getvalue()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_decompression_bomb_is_refused_in_bounded_memory(tmp_path: Path, suffix: str) -> None:
    """FAULTS 60: 1 GB in one line, read by a process that may have 600 MB of address space."""
    (tmp_path / f"f{suffix}").write_bytes(bomb(suffix, 1))
    code = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
        "from instraug.errors import InputError; from instraug.files.jsonl import read_jsonl\n"
        "try: list(read_jsonl(Path(sys.argv[1])))\n"
        "except InputError as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / f"f{suffix}")], capture_output=True, text=True
    )
    assert run.stderr == ""
    assert ":1: the line is longer than 67108864 bytes" in run.stdout


@settings(deadline=None)  # it waits for the disk
@given(st.binary(), st.sampled_from(["", ".gz", ".zst"]), st.booleans())
def test_any_bytes_are_rows_or_problems_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str, strict: bool
) -> None:
    path, told = tmp_path_factory.mktemp("jsonl") / f"f{suffix}", list[Problem]()
    path.write_bytes(data)
    with suppress(InputError):
        list(read_jsonl(path, strict=strict, on_problem=told.append))
    for one in told:
        assert str(one).startswith(f"{path}:")


# ── the rest ─────────────────────────────────────────────────────────────────────────────────


def test_a_lone_surrogate_is_written_out_and_the_file_stays_utf8(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_jsonl(path, [{"text": "a\ud800b", "more": [{"k\udfff": 1}], "n": 1.5}])
    assert rows(path) == [{"text": "a\\ud800b", "more": [{"k\\udfff": 1}], "n": 1.5}]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_when_the_rows_fail_the_old_file_stays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f{suffix}"
    write_jsonl(path, [{"a": 1}])

    def failing() -> Any:
        yield {"a": 2}
        raise InputError([Problem("g:1", "bad", "fix it")])

    with pytest.raises(InputError):
        write_jsonl(path, failing())
    assert rows(path) == [{"a": 1}]
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none: cannot read: No such file.*; check the path"):
        rows(tmp_path / "none")


def test_without_zstandard_the_extra_is_named_and_nothing_else_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / "f.zst", [{}])
    monkeypatch.setitem(sys.modules, "zstandard", None)
    for attempt in (lambda: rows(tmp_path / "f.zst"), lambda: write_jsonl(tmp_path / "g.zst", [])):
        with pytest.raises(StorageError, match=r"pip install '\.\[zstd\]', or use \.gz"):
            attempt()
    assert write_jsonl(tmp_path / "f.gz", [{}]) == 1
