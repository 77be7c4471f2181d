"""What rows say in each format, and what is wrong with those that say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instraug.errors import BadRow
from instraug.training_set.mix import scan
from instraug.training_set.mix.rows import FIELDS, View, content, reader, shape_of
from instraug.training_set.mix.sizes import Sizes
from instraug.training_set.mix.tables import read_rows
from tests.commandline import failed, instraug_here
from tests.sets import write_rows
from tests.training_set.mix.sources import image_row, mixed, rows, text_row

Row = dict[str, Any]

TURNS = [{"from": "human", "value": "<image>\nWho?"}, {"from": "gpt", "value": "Me."}]
SAID = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who?"}]},
    {"role": "assistant", "content": "Me."},
]
WANTED = View("Who?", "Me.", ("1.jpg",), "x")

ROWS: dict[str, Row] = {
    "multiinstruct": {"unique_id": "x", "prompt": "Who?", "target": "Me.", "image_path": "1.jpg"},
    "llava": {"id": "x", "image": "1.jpg", "conversations": TURNS},
    "sharegpt": {"id": "x", "images": ["1.jpg"], "conversations": TURNS},
    "messages": {"id": "x", "images": [{"path": "1.jpg", "bytes": None}], "messages": SAID},
    "prompt-completion": {
        "id": "x",
        "images": ["1.jpg"],
        "prompt": SAID[:1],
        "completion": SAID[1:],
    },
    "alpaca": {"id": "x", "instruction": "Who?", "input": "", "output": "Me.", "images": ["1.jpg"]},
    "lavis": {"question_id": "x", "image": "1.jpg", "question": "Who?", "answer": ["Me."]},
}


@pytest.mark.parametrize("form", ROWS)
def test_every_format_is_known_by_its_keys_and_read(form: str) -> None:
    """Question, answer, picture and id are the same, whatever the format; no mark is a word."""
    assert shape_of(ROWS[form]) == form
    assert reader(form)(ROWS[form]) == WANTED
    assert reader("of another day")(ROWS[form]) == WANTED


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("multiinstruct", {"prompt": 1, "target": "x"}),
        ("raw", {"question": "x"}),
        ("llava", {"conversations": "x"}),
        ("llava", {"conversations": [{"from": "gpt"}]}),
        ("messages", {"messages": ["x"]}),
        ("messages", {"messages": 5}),
        ("alpaca", {"instruction": "x", "output": 1}),
        ("lavis", {"question": "x", "answer": [1]}),
        ("ofa-vqa", {"cells": ["1", "2"]}),
        ("of another day", {"a": 1}),
    ],
)
def test_a_row_of_another_shape_is_a_bad_row(form: str, row: Row) -> None:
    """It is named as such, and never half read."""
    with pytest.raises(BadRow):
        reader(form)(row)


def test_content_is_what_is_asked_in_any_order() -> None:
    """Options in another order, an id or a target change nothing; a word of a question does."""
    row = {"question": "Who  sits?", "options": ["a", "b"], "meta_data": {"n": 1}, "target": "a"}
    same = {"options": ["b", "a"], "meta_data": {"n": 1}, "question": "who sits?", "unique_id": "x"}
    assert content(row) == content(same)
    assert content(row) != content({**row, "question": "Who stands?"})
    assert content({"prompt": "x", "target": "y", "task_name": "z"}) == ""
    assert content({"text": "x", "region": [[1, 2.5]]}) == content(
        {"text": "x", "region": ["1 2.5"]}
    )
    assert content({"text": "x"}) == content({"text": "x", "options": ["yes", "no"]})
    assert content({"options": ["b", "a"]}) == "a b"
    assert "multiinstruct" in FIELDS


SIZES: list[tuple[Row, list[tuple[int, int]]]] = [
    ({"width": 4, "height": 3}, [(4, 3)]),
    ({"width": "4", "height": "3"}, [(4, 3)]),
    ({"image_size": [4, 3]}, [(4, 3)]),
    ({"meta_data": {"image_width": 4, "image_height": 3}}, [(4, 3)]),
]


@pytest.mark.parametrize(("row", "sizes"), SIZES)
def test_a_row_may_state_its_size(row: Row, sizes: list[tuple[int, int]]) -> None:
    """As width and height, or as a pair, in the row or in its meta_data."""
    assert Sizes(None).of(row, ("x.jpg",)) == sizes


def test_several_pictures_need_several_sizes() -> None:
    """A list of pairs counts for as many pictures; one pair for two is not enough."""
    pairs = {"image_sizes": [[4, 3], [8, 6]]}
    assert Sizes(None).of(pairs, ("a", "b")) == [(4, 3), (8, 6)]
    for row in ({"width": 4, "height": 3}, {"image_sizes": [[4, 0], [8, 6]]}, {"image_size": "x"}):
        with pytest.raises(BadRow, match="is not known"):
            Sizes(None).of(row, ("a", "b"))


def test_a_picture_that_is_none_is_a_bad_row(tmp_path: Path) -> None:
    """A file that Pillow cannot open, and one that is not there."""
    pytest.importorskip("PIL")
    (tmp_path / "a.jpg").write_text("x")
    sizes = Sizes(tmp_path)
    with pytest.raises(BadRow, match="cannot be opened"):
        sizes.of({}, ("a.jpg",))
    with pytest.raises(BadRow, match="there is no image"):
        sizes.of({}, ("b.jpg",))


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.tsv", b"prompt\ttarget\nx\n", "a.tsv:2: the row has not as many columns"),
        ("a.csv", b"prompt,target\n\xff,x\n", "is not UTF-8"),
        ("a.json", b'[{"prompt": "a", "target": "b"}, 5]', "a.json:row 2: not a JSON object"),
        ("a.json", b"\xff", "is not UTF-8"),
        ("a.parquet", b"PAR1 no", "is no sound Parquet file"),
    ],
)
def test_a_table_that_is_damaged_is_one_line(
    tmp_path: Path, name: str, data: bytes, what: str
) -> None:
    """It names the place, and nothing is written."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(data)
    failed(instraug_here("mix", tmp_path / name, "-o", tmp_path / "m.jsonl"), 1, what)
    assert not (tmp_path / "m.jsonl").exists()


def test_a_line_over_the_cap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is held in memory."""
    source = write_rows(tmp_path / "a.jsonl", [text_row(1), text_row(2, prompt="x" * 5000)])
    monkeypatch.setattr(scan, "_PIECE", 300)
    monkeypatch.setattr(scan, "LINE_CAP", 1000)
    failed(instraug_here("mix", source, "-o", tmp_path / "m.jsonl"), 1, "longer than 1000 bytes")


def test_a_byte_order_mark_and_carriage_returns_are_dropped(tmp_path: Path) -> None:
    """The rows are those of the file without them."""
    write_rows(tmp_path / "a.jsonl", [text_row(n) for n in range(5)])
    plain = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n\r\n"))
    for name in "ab":
        mixed(tmp_path / f"{name}.jsonl", "-o", tmp_path / f"{name}-m.jsonl")
    assert (tmp_path / "a-m.jsonl").read_bytes() == (tmp_path / "b-m.jsonl").read_bytes()


def test_a_row_that_the_format_has_no_room_for_is_named(tmp_path: Path) -> None:
    """Its line stands in the message."""
    source = write_rows(
        tmp_path / "a.jsonl", [image_row(1), image_row(2, prompt="An <image> here")]
    )
    done = instraug_here("mix", source, "--format", "llava", "-o", tmp_path / "m.json")
    failed(done, 1, "a.jsonl:2: the text holds <image>")
    lacking = write_rows(tmp_path / "b.jsonl", [{"prompt": "a", "target": "b"}])
    done = instraug_here("mix", lacking, "--format", "llava", "-o", tmp_path / "m.json")
    failed(done, 1, "b.jsonl:1: the row has no unique_id")


def test_shares_by_size_where_only_the_total_is_given(tmp_path: Path) -> None:
    """Ten and thirty rows give a total of twenty as five and fifteen; tokens likewise."""
    one = write_rows(tmp_path / "a.jsonl", [text_row(n) for n in range(10)])
    two = write_rows(tmp_path / "b.jsonl", [image_row(n) for n in range(30)])
    mixed(one, two, "--total", 20, "-o", tmp_path / "m.jsonl")
    assert sum("image_path" in row for row in rows(tmp_path / "m.jsonl")) == 15
    args = ("--by", "tokens", "--total", 200, "--image-tokens", 1, "-o", tmp_path / "t.jsonl")
    mixed(one, two, *args)
    assert sum("image_path" in row for row in rows(tmp_path / "t.jsonl")) in (11, 12)


def test_read_rows_hands_bad_lines_over(tmp_path: Path) -> None:
    """A broken line is a problem that the caller gets; the others are read."""
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{\n{"a": 2}\n')
    problems: list[Any] = []
    found = list(read_rows(tmp_path / "a.jsonl", problems.append))
    assert [line for line, _ in found] == [1, 3]
    assert len(problems) == 1
