"""Strict YAML: lines kept, nothing coerced, nothing expanded, every problem at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instraug.files import strict_yaml
from instraug.files.strict_yaml import REFUSED, dump, parse, position, read


def problems(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [str(p) for p in parse(content, "f.yaml").problems]


def value(text: str) -> Any:
    document = parse(text.encode(), "f.yaml")
    assert document.problems == ()
    return document.data


@pytest.fixture(params=["libyaml", "pure Python"])
def _either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.setattr(strict_yaml, "_PARSER", yaml.SafeLoader)


def test_every_key_and_item_knows_its_line() -> None:
    """`place` gives file and line of a key, an item, and for what has none, of what is around."""
    text = "a: 1\n\nb:\n  - x\n  - |\n    y\n    z\n  - {c: 1,\n     d: 2}\n"
    document = parse(text.encode(), "f.yaml")
    lines = {("a",): 1, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 2): 8, ("b", 2, "d"): 9}
    assert {where: document.lines[where] for where in lines} == lines
    assert document.place(("b", 2, "d")) == "f.yaml:9"
    assert document.place(("b", 2, "missing", "deeper")) == "f.yaml:8"
    assert document.place() == "f.yaml:1"


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("plain text", "plain text"),
        ("'no'", "no"),
        ('"010"', "010"),
        ("y", "y"),
        ("<<", "<<"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
        ("12 apples", "12 apples"),
        ("+", "+"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("9223372036854775807", 2**63 - 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-2.5E-1", -0.25),
        ("[]", []),
        ("{}", {}),
    ],
)
@pytest.mark.usefixtures("_either_parser")
def test_only_what_everybody_reads_alike_is_typed(spelled: str, meant: Any) -> None:
    """Decimal numbers, true, false and null are typed; all other plain text is text."""
    read_back = value(f"a: {spelled}\n")["a"]
    assert (type(read_back), read_back) == (type(meant), meant)


@pytest.mark.parametrize(
    "spelled",
    [
        *["no", "Yes", "on", "OFF", "010", "089", "0o17", "0x1F", "0b11", "1_000", "1:30", "1e999"],
        *[".inf", "-.INF", ".nan", "012e1", "2024-01-31", "2024-01-31 10:20:30", "9" * 5000],
    ],
)
@pytest.mark.usefixtures("_either_parser")
def test_what_yaml_would_coerce_must_be_quoted(spelled: str) -> None:
    """A scalar that readers of YAML disagree on is refused, with the fix to quote it."""
    document = parse(f"ok: 1\na: {spelled}\n".encode(), "f.yaml")
    (problem,) = document.problems
    assert problem.where == "f.yaml:2"
    assert "quotes" in problem.fix
    assert document.data == {"ok": 1, "a": REFUSED}
    assert value(f"a: '{spelled}'")["a"] == spelled


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is given twice, first on line 1"),
        ("a: null\na: null\n", 2, "the key 'a' is given twice"),
        ("a: {b: 1, b: 1}\n", 1, "the key 'b' is given twice"),
        ("a: &x 1\n", 1, "the anchor &x"),
        ("a: 1\nb: *x\n", 2, "the alias *x"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "python/object/apply:os.system"),
        ("a: !!str 5\n", 1, "the tag tag:yaml.org,2002:str"),
        ("a: !Template x\n", 1, "the tag !Template"),
        ("a: 1\n5: x\n", 2, "the key 5 is not text"),
        ("~: x\n", 1, "the key None is not text"),
        ("? [a, b]\n: x\n", 1, "the key ['a', 'b'] is not text"),
        ("010: x\n", 1, "unquoted '010'"),
        ("&k key: x\n", 1, "the anchor &k"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins"),
        ("", 1, "the file is empty"),
        ("# only\n# comments\n", 1, "the file is empty"),
        ("a: 1\nb: c: d\n", 2, "broken YAML"),
        ("a:\n  - {text} is it?\n", 2, "broken YAML"),
        ("a: 1\n\tb: 2\n", 2, "broken YAML"),
        ("a: [1\n", 1, "broken YAML"),
        ('a: "\\q"\n', 1, "broken YAML"),
        ("a: 1\nb: x\x1b[31m\n", 2, "U+001B is not printable text"),
        ("a: \x00\n", 1, "U+0000"),
        ("a: \x85\n", 1, "U+0085"),
        ("a: \x9b\n", 1, "U+009B"),
        ("a: 1\nb: 2\rc: 3\n", 2, "U+000D"),
        ('a: 1\nb: "\\0"\n', 2, "an escape stands for U+0000"),
        ('a: "\\e[31m"\n', 1, "an escape stands for U+001B"),
    ],
)
def test_each_fault_is_one_line_with_its_place(text: str, line: int, what: str) -> None:
    """Each thing outside the subset gives exactly one problem, at its line, with a fix."""
    (problem,) = parse(text.encode(), "f.yaml").problems
    assert problem.where == f"f.yaml:{line}"
    assert what in problem.what
    assert problem.fix
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("text", "line", "kept"),
    [
        ("- Count the # of objects in {region}.\n", 1, "Count the"),
        ("a:\n- x\n- Which#1 is # one?\r\n- y\r\n", 3, "Which#1 is"),
        ("a: one\n  two # three\n", 2, "one two"),
        ("[a,\n b # c\n]\n", 2, "b"),
        ("{a: b # c\n}\n", 1, "b"),
        ("\ufeffa: \u00e9\u2028\U0001f600 b #\n", 1, "\u00e9\\u2028\U0001f600 b"),
        ("? a b # c\n: d\n", 1, "a b"),
        ("a: x # ends the file", 1, "x"),
    ],
)
@pytest.mark.usefixtures("_either_parser")
def test_a_number_sign_behind_one_space_cuts_no_text(text: str, line: int, kept: str) -> None:
    """It is a problem on its line that shows what YAML would have kept and names both fixes."""
    (problem,) = parse(text.encode(), "f.yaml").problems
    assert problem.where == f"f.yaml:{line}"
    assert problem.what.endswith(f"after '{kept}'")
    assert "quotes" in problem.fix
    assert "two spaces" in problem.fix


def test_a_number_sign_behind_one_tab_cuts_no_text() -> None:
    """A tab is one blank, too."""
    assert len(problems("- Count the\t# of objects\n")) == 1


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("# a\na: x  # c\n# b\n", {"a": "x"}),
        ("a: x   #c\n", {"a": "x"}),
        ("a: 'x' # c\nb: \"y\" # c\n", {"a": "x", "b": "y"}),
        ("a: | # c\n  x # y\n", {"a": "x # y\n"}),
        ("a: 5 # c\nb: 1.5 # c\nc: true # c\nd: null # c\ne: # c\n  f: x\n", ...),
        ("a: [x, # c\n  y]  # c\nb: {c: x} # c\n", {"a": ["x", "y"], "b": {"c": "x"}}),
        ("a: C# and x#y\n", {"a": "C# and x#y"}),
        ("a: x\n # c\n", {"a": "x"}),
    ],
)
@pytest.mark.usefixtures("_either_parser")
def test_any_other_comment_is_a_comment(text: str, data: Any) -> None:
    """Two spaces before it, a line of its own, or a quoted text, a number or a list in front."""
    if data is ...:
        data = {"a": 5, "b": 1.5, "c": True, "d": None, "e": {"f": "x"}}
    assert value(text) == data


def test_all_problems_of_a_file_are_told_at_once() -> None:
    """A refused value does not hide the next one, and nothing about it is said twice."""
    found = problems("a: no\nb: &x [010]\nc: *x\na: 1\n7: x\nd: !t x\n")
    assert [line.split(":")[1] for line in found] == ["1", "2", "2", "3", "4", "5", "6"]


def test_a_word_is_text_where_a_key_stands() -> None:
    """`off:` and `no:` are keys as written; nobody means a boolean there."""
    assert value("off: 1\nno: 2\nnull: 3\n") == {"off": 1, "no": 2, "null": 3}


def test_an_alias_bomb_dies_at_once() -> None:
    """Nine levels of nine aliases (billions of values) cost nothing: none is expanded."""
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    started = time.process_time()
    found = problems("\n".join(["l0: &l0 [lol]", *levels]))
    assert time.process_time() - started < 1
    assert len(found) == 12 + 11 * 9


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "{[]: ", "? - "])
def test_deep_nesting_is_refused(opening: str) -> None:
    """20 levels are read, the 21st and the 100,000th are one problem, without recursion."""
    assert parse(("[" * 20 + "]" * 20).encode(), "f").problems == ()
    for depth in (21, 100_000):
        started = time.process_time()
        assert [p for p in problems(opening * depth) if "nested deeper than 20" in p]
        assert time.process_time() - started < 2


def test_sizes_are_capped(tmp_path: Path) -> None:
    """A file of over 1 MiB, or of over 50,000 values, is one problem."""
    full = b"a: " + b"x" * (strict_yaml.MAX_BYTES - 3)
    assert parse(full, "f").problems == ()
    (tmp_path / "large.yaml").write_bytes(full + b"x")
    (large,) = read(tmp_path / "large.yaml").problems
    assert large.what == "holds more than 1,048,576 bytes"
    assert problems("[" + "x," * 50_001 + "]") == [
        "f.yaml:1: more than 50,000 values; split the file"
    ]


def test_invalid_utf8_is_told_by_its_byte() -> None:
    """The problem names the line and the offset of the first byte that is not UTF-8."""
    told = "f.yaml:2: byte 8 (0xff) is not UTF-8; save the file as UTF-8"
    assert problems(b"a: 1\nb: \xff\n") == [told]
    assert problems(b"\xff\xfea\0") == [told.replace("2: byte 8", "1: byte 0")]


@pytest.mark.usefixtures("_either_parser")
def test_lone_surrogates_are_refused() -> None:
    """Half a surrogate pair is no text, as bytes or as an escape."""
    assert problems(b"a: \xed\xa0\x80\n") == [
        "f.yaml:1: byte 3 (0xed) is not UTF-8; save the file as UTF-8"
    ]
    assert len(problems('a: "\\ud800"\n')) == 1
    assert value('a: "\\U0001F600"\n')["a"] == "\U0001f600"


@pytest.mark.usefixtures("_either_parser")
def test_a_byte_order_mark_is_dropped_and_crlf_counts_once() -> None:
    """BOM and \\r\\n change neither keys, values nor lines."""
    document = parse(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\nc: 3\r\n", "f.yaml")
    assert document.data == {"a": 1, "b": "x\ny\n", "c": 3}
    assert document.lines[("c",)] == 5


@pytest.mark.usefixtures("_either_parser")
@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
def test_unicode_line_separators_are_text(separator: str) -> None:
    """U+2028 and U+2029 stay as they are, spaces around them too, and count as no line."""
    text = f" x {separator} y{separator}"
    document = parse(f'a: "{text}"\nb: 1\n'.encode(), "f.yaml")
    assert document.data == {"a": text, "b": 1}
    assert document.lines[("b",)] == 2


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "denied"])
def test_what_is_no_readable_file_is_a_problem(tmp_path: Path, kind: str) -> None:
    """A missing file, a folder, a FIFO (without waiting for it) and a refused one are named."""
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "denied":
        path = tmp_path / ("x" * 300 + ".yaml")
    document = read(path)
    (problem,) = document.problems
    assert (problem.where, document.data) == (str(path), REFUSED)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\t")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abno01~ :#-", max_size=6), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
@example("a \u2028 b")
@example({"no": ["010", "1e3", "~", "", " x ", "{a}: b", "# c", "'", '"']})
def test_what_is_dumped_comes_back_exactly(data: Any) -> None:
    """Any data that the subset can hold survives `dump` and `parse` with its types."""
    document = parse(dump(data).encode(), "f.yaml")
    assert document.problems == ()
    assert repr(document.data) == repr(data)


PIECES = r"""a|b: |- |? |: |'|"|{|}|[|]|, |&x |*x|!t |#|---|%YAML 1.1|no|010|<<: |@|`|...|~|\u"""
SOUP = st.lists(st.sampled_from([*PIECES.split("|"), *"|>\n\r\t\0\u2028\ufeff", "\n  "]))


@settings(deadline=None, max_examples=300)
@given(SOUP.map("".join).map(str.encode) | st.binary())
def test_no_bytes_raise(content: bytes) -> None:
    """Whatever the bytes, there is data or a problem of one line in this file; never a raise."""
    document = parse(content, "f.yaml")
    assert document.problems or document.data is not REFUSED
    for problem in document.problems:
        assert problem.where.startswith("f.yaml")
        assert 0 <= position(problem) <= content.count(b"\n") + 2
        assert str(problem).isprintable()
