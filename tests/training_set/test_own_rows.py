"""Rows of one's own: any kind of file, columns of any name, and what is wrong in a line."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.chain.build import build
from instraug.errors import InputError
from instraug.files.jsonl import read_jsonl
from instraug.training_set import shards
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig
from instraug.training_set.instances import arrow_tables, json_lists, reading, text_tables
from tests.commandline import failed, instraug_here
from tests.sets import (
    CAPTION,
    CHOICE,
    NASTY,
    TASKS,
    Row,
    built,
    choice_row,
    rows_of,
    write_rows,
    write_tasks,
)

TEXTS = NASTY.replace("|", "/").strip()

ROWS: list[Row] = [
    {
        "unique_id": f"r{n}",
        "task_name": "choice",
        "image_path": "" if n % 3 else f"images/{n}.jpg",
        "question": f"{TEXTS} {n}?",
        "options": ["yes", "no", f"{n} é"],
        "target_txt": "no",
    }
    for n in range(60)
]


def plain(rows: list[Row]) -> list[Row]:
    """The rows without what is empty, which a table cannot tell from what is missing."""
    return [{name: value for name, value in row.items() if value != ""} for row in rows]


def write_csv(
    path: Path, rows: list[Row], lists: Callable[[Any], str] = json.dumps, **how: Any
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, **how)
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow([lists(v) if isinstance(v, list) else v for v in row.values()])
    return path


def as_json(folder: Path) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps(ROWS, indent=1, ensure_ascii=False))
    return path


def as_saved(folder: Path) -> Path:
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(plain(ROWS)).save_to_disk(folder / "saved", num_shards=3)
    return folder / "saved"


def as_parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(plain(ROWS)), folder / "rows.parquet", row_group_size=7)
    return folder / "rows.parquet"


def as_arrow(folder: Path) -> Path:
    table = pa.Table.from_pylist(plain(ROWS))
    with pa.ipc.new_file(folder / "rows.arrow", table.schema) as file:
        file.write_table(table, 11)
    return folder / "rows.arrow"


def packed(make: Callable[[Path], Path], folder: Path) -> Path:
    path = make(folder)
    other = path.with_name(path.name + ".gz")
    other.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return other


KINDS: dict[str, Callable[[Path], Path]] = {
    "JSON list": as_json,
    "JSON list, packed": lambda folder: packed(as_json, folder),
    "CSV": lambda folder: write_csv(folder / "rows.csv", ROWS),
    "CSV of pandas": lambda folder: _pandas(folder / "rows.csv"),
    "CSV with semicolons and a BOM": lambda folder: _bom(
        write_csv(folder / "rows.CSV", ROWS, delimiter=";")
    ),
    "CSV with bars": lambda folder: write_csv(folder / "rows.csv", ROWS, " | ".join),
    "TSV, packed": lambda folder: packed(
        lambda f: write_csv(f / "rows.tsv", ROWS, "||||".join, delimiter="\t"), folder
    ),
    "Parquet": as_parquet,
    "Arrow": as_arrow,
    "saved dataset": as_saved,
}


def _pandas(path: Path) -> Path:
    pd.DataFrame(ROWS).to_csv(path, index=False)
    return path


def _bom(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return plain(rows_of(tmp_path_factory.mktemp("lines"), ROWS, pool=3))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_rows_of_json_lines(
    tmp_path: Path, expected: list[Row], kind: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built set has the same rows, whatever the kind and the number of workers."""
    monkeypatch.setattr(arrow_tables, "SHARD", 1000)
    monkeypatch.setattr(json_lists, "_CHUNK", 100)
    found = rows_of(tmp_path, KINDS[kind](tmp_path), pool=3, workers=workers)
    assert plain(found) == expected


def lines_of(path: Path, size: int = 1) -> Iterator[Row]:
    """The rows of a file as they are read."""
    for shard in reading.split([path]):
        with reading.opened(shard, size, frozenset()) as batches:
            yield from (json.loads(line) for batch in batches for line in batch if line.strip())


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from([1, 60, 1 << 20]))
def test_any_text_comes_back_from_csv_and_from_a_list(
    cells: list[tuple[str, str]], size: int
) -> None:
    """Quotes, separators and line ends, in cells and in JSON, however batches are cut."""
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b"), *cells])
    listed = json.dumps([{"a": a, "b": b} for a, b in cells], ensure_ascii=False)
    for name, content in (("t.csv", text.getvalue()), ("t.json", listed)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content.encode())
            found = list(lines_of(path, size))
        wanted = [
            {k: v for k, v in zip("ab", pair, strict=True) if v or name == "t.json"}
            for pair in cells
        ]
        assert found == [row for row in wanted if row]


# ── what rows look like ──────────────────────────────────────────────────────────────────────


def test_columns_of_any_name(tmp_path: Path) -> None:
    """A spreadsheet's own names, other languages, a path into an object; all in one option."""
    rows = [
        {"Nr.": n, "Frage": f"Was ist {n}?", "Antworten": ["ja", "nein"], "a": {"text": ["ja"]}}
        for n in range(3)
    ]
    columns = {"unique_id": "Nr.", "question": "Frage", "options": "Antworten"}
    columns["target_txt"] = "a.text.0"
    lines = write_rows(tmp_path / "in.jsonl", rows)
    found = rows_of(tmp_path, lines, tasks=[CHOICE], columns=columns)
    assert [row["unique_id"] for row in found] == ["0", "1", "2"]
    assert all(row["target"] == "ja" and "Was ist" in row["prompt"] for row in found)
    assert all({"Frage", "Nr.", "Antworten"}.isdisjoint(row) for row in found)
    table = write_csv(tmp_path / "in.csv", [row | {"a": "ja"} for row in rows])
    columns["target_txt"] = "a"
    again = rows_of(tmp_path, table, tasks=[CHOICE], columns=columns)
    assert [row["prompt"] for row in again] == [row["prompt"] for row in found]


def test_two_columns_may_change_places(tmp_path: Path) -> None:
    """A field's own name may be another field's column."""
    row = choice_row(1, question="b", target_txt="Which?")
    (found,) = rows_of(
        tmp_path, [row], columns={"question": "target_txt", "target_txt": "question"}
    )
    assert (found["question"], found["target"]) == ("Which?", "b")


def test_a_column_that_no_table_has_is_one_line(tmp_path: Path) -> None:
    """With the nearest name, before a row is read."""
    table = write_csv(tmp_path / "in.csv", ROWS)
    with pytest.raises(
        InputError, match="no file has the column 'Question'; did you mean 'question'"
    ):
        built(tmp_path, table, columns={"question": "Question"})


def test_options_of_the_command_line_and_the_config(tmp_path: Path) -> None:
    """--columns and --draw-by reach the build from either; a wrong part is a usage error."""
    tasks = write_tasks(tmp_path / "tasks", [CAPTION])
    table = write_csv(tmp_path / "in.csv", [{"id": "", "answer text": f"A {n}."} for n in range(9)])
    config = tmp_path / "c.yaml"
    config.write_text('columns: {target_txt: "answer text", unique_id: id}\ndraw_by: content\n')
    given = ("build", tasks, "--instances", table)
    one = instraug_here(*given, "-o", tmp_path / "a.jsonl", "-c", config)
    columns = "target_txt=answer text, unique_id=id"
    two = instraug_here(
        *given, "-o", tmp_path / "b.jsonl", "--columns", columns, "--draw-by", "content"
    )
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    for wrong in ("target_txt", "=a", "a=", "a=b,a=c"):
        failed(
            instraug_here(*given, "-o", tmp_path / "c", "--columns", wrong),
            2,
            "once" if "," in wrong else "write",
        )


def test_rows_of_one_task_need_no_task_name(tmp_path: Path) -> None:
    """Where the folder holds one task, all rows are its; where it holds more, they have to say."""
    rows = [{"target_txt": f"{n}."} for n in range(3)]
    assert {row["task_name"] for row in rows_of(tmp_path, rows, tasks=[CAPTION])} == {"caption"}
    with pytest.raises(
        InputError, match=r"a row without task_name; add it, or leave it out \(3 times"
    ):
        built(tmp_path, rows, "b.jsonl", tasks=TASKS)


def test_a_pool_of_ones_own_needs_two_keys(tmp_path: Path) -> None:
    """Task and instruction are enough; placeholders are held to the task's as ever."""
    tasks = write_tasks(tmp_path / "tasks", [CHOICE])
    rows = write_rows(tmp_path / "rows.jsonl", [choice_row(n) for n in range(40)])
    own = {"task": "choice", "instruction": "My own: {question}{options_token} {options}"}
    pool = write_rows(tmp_path / "pool.jsonl", [own])
    job = BuildJob(tasks, (rows,), tmp_path / "o.jsonl", pool, BuildConfig(epsilon=0))
    assert build(job).rows == 40
    assert all(row["prompt"].startswith("My own: ") for _, row in read_jsonl(job.dest))
    write_rows(pool, [own, {**own, "instruction": "No field."}])
    with pytest.raises(
        InputError, match=r"pool.jsonl:2: the placeholders are those of no template"
    ):
        build(BuildJob(tasks, (rows,), tmp_path / "p.jsonl", pool))


def test_a_saved_dataset_with_splits(tmp_path: Path) -> None:
    """Splits that are not for training are counted and left out, unless they are asked for."""
    datasets.disable_progress_bars()
    splits = {
        name: datasets.Dataset.from_list([choice_row(n + 10 * at) for n in range(4)])
        for at, name in enumerate(("train", "train_extra", "validation", "test"))
    }
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert built(tmp_path, tmp_path / "saved").figures()["left_out"]["testing_data"] == 8
    assert len(rows_of(tmp_path, tmp_path / "saved")) == 8
    assert len(rows_of(tmp_path, tmp_path / "saved", split="eval")) == 8
    assert len(rows_of(tmp_path, tmp_path / "saved", split="all")) == 16


def test_labels_images_and_numbers_of_a_saved_dataset(tmp_path: Path) -> None:
    """Labels come by name, images by file name, which is all that `datasets` keeps of it."""
    features = datasets.Features(
        {
            "id": datasets.Value("int64"),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "pictures": datasets.List(datasets.Image(decode=False)),
            "picture": datasets.Image(decode=False),
        }
    )
    names = [str(tmp_path / f"{n}.png") for n in range(2)]
    for name in names:
        Path(name).write_bytes(b"")
    pictures = [{"path": name, "bytes": None} for name in names]
    held = [{"id": n, "label": n, "pictures": pictures, "picture": pictures[n]} for n in range(2)]
    path = tmp_path / "saved"
    datasets.Dataset.from_list(held, features=features).save_to_disk(path)
    columns = {"unique_id": "id", "target_txt": "label", "image_path": "picture"}
    found = rows_of(tmp_path, path, tasks=[CAPTION], columns=columns)
    assert [(r["unique_id"], r["target"], r["image_path"]) for r in found] == [
        ("0", "cat", "0.png"),
        ("1", "dog", "1.png"),
    ]
    columns["image_path"] = "pictures"
    found = rows_of(tmp_path, path, tasks=[CAPTION], columns=columns)
    assert found[0]["image_path"] == ["0.png", "1.png"]


# ── what is wrong ────────────────────────────────────────────────────────────────────────────

HEAD = "unique_id,task_name,question,options,target_txt\n"
GOOD = "1,choice,What?,a|b,a\n"

WRONG: dict[str, tuple[str, bytes, str]] = {
    "an empty table": ("t.csv", b"", "t.csv:1: the table has no heading; name each"),
    "a name twice": ("t.csv", b"a,b,a\n", "t.csv:1: the heading has 'a' twice; name"),
    "no name": ("t.csv", b"a,,b\n", "t.csv:1: the heading has a column without a name"),
    "too many cells": (
        "t.csv",
        (HEAD + GOOD + "2,choice,What, now?,a|b,a\n").encode(),
        "t.csv:3: the row has 6 cells, and the heading 5; put cells",
    ),
    "Latin-1": (
        "t.csv",
        (HEAD + "1,choice,Größe?,a|b,a\n").encode("latin-1"),
        "(0xf6) is not UTF-8",
    ),
    "an open quote": (
        "t.csv",
        (HEAD + GOOD + '2,choice,"What?,a|b,a\n').encode(),
        "t.csv:3: broken",
    ),
    "no target": (
        "t.csv",
        (HEAD + GOOD + "2,choice,What?,a|b,\n").encode(),
        "t.csv:3: the row lacks",
    ),
    "no question": (
        "t.csv",
        (HEAD + "2,choice,,a|b,a\n").encode(),
        "t.csv:2: the row has nothing for",
    ),
    "a cut list": ("t.json", b'[{"a": 1}, {"b"', "t.json:2: invalid JSON"),
    "a list without end": ("t.json", b'[{"a": 1}', "t.json:2: the list is cut short"),
    "two lists": ("t.json", b"[] []", "t.json:1: something follows the list"),
    "no comma": ("t.json", b'[{"a": 1} {"a": 2}]', "t.json:2: '{' where one of ',]' is wanted"),
    "a list of texts": ("t.json", b'["a"]', "t.json:1: not a JSON object but 'a'"),
    "NaN in a list": ("t.json", b'[{"a": NaN}]', "t.json:1: invalid JSON"),
    "not UTF-8 in a list": ("t.json", b'[{"a": "\xff"}]', "t.json:1: a byte (0xff) is not UTF-8"),
    "nested": ("t.json", b'[{"a":' + b"[" * 99999, "t.json:1: the JSON is nested too deeply"),
    "no Parquet": ("t.parquet", b"PAR1 and so on", "t.parquet: cannot be read as .parquet: "),
    "no Arrow": ("t.arrow", b"and so on", "t.arrow: cannot be read as .arrow: "),
    "a cut gzip": (
        "t.csv.gz",
        gzip.compress(HEAD.encode() * 99)[:-9],
        "t.csv.gz: the compressed data",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, name: str) -> None:
    """File, row and fix; and nothing is written."""
    file, content, said = WRONG[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError) as caught:
        built(tmp_path, tmp_path / file)
    assert said in str(caught.value.problems[0])
    assert not list(tmp_path.glob("out*"))


def test_pictures_inside_a_table_are_a_fault(tmp_path: Path) -> None:
    """A set names pictures by path; the line says which column holds bytes."""
    table = pa.table({"task_name": ["caption"], "target_txt": ["A."], "image": [b"\x89PNG"]})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t.parquet:1: the column 'image' holds bytes; save"):
        built(tmp_path, tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', \"b's\"]", ["a", "b's"]),
        ("['a' 'b']", "['a' 'b']"),
        ("a | b", ["a", "b"]),
        ("a||||b|c", ["a", "b|c"]),
        ("a", "a"),
        ("[a] or b", "[a] or b"),
        ("__import__('os')", "__import__('os')"),
        ("[__import__('os')]", "[__import__('os')]"),
        ("[" * 2000, "[" * 2000),
    ],
)
def test_a_cell_of_several_values(tmp_path: Path, cell: str, wanted: Any) -> None:
    """JSON, Python's spelling, items between bars; anything else is text, and nothing is run."""
    row = {"task_name": "caption", "target_txt": "A.", "options": cell, "question": cell}
    (found,) = rows_of(tmp_path, write_csv(tmp_path / "t.csv", [row]), shuffle_options=False)
    assert (found["options"], found["question"]) == (wanted, cell)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_unknown_task_in_many_rows_is_one_line(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count and the first places, over all parts of a file; other faults have their own."""
    monkeypatch.setattr(shards.split, "__defaults__", (1 << 18,))
    rows = [choice_row(n, task_name="choise") for n in range(20_000)]
    rows[7000] = {"task_name": "other"}
    with pytest.raises(InputError) as caught:
        built(tmp_path, rows, workers=workers)
    file = tmp_path / "rows.jsonl"
    one, other, total = map(str, caught.value.problems)
    assert one == (
        f"{file}:1: no task is named 'choise'; did you mean 'choice'? "
        "Else add the task, or skip its rows "
        f"(19999 times, also at {file}:2, {file}:3, {file}:4, ...)"
    )
    assert other.startswith(f"{file}:7001: no task is named 'other'; ")
    assert "20000 rows cannot be used" in total


def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/your-data.md: its task, its table and its command, typed as they stand there."""
    page = (Path(__file__).parents[2] / "docs" / "your-data.md").read_text().split("\n")
    at = next(n for n, line in enumerate(page) if "tasks/animals.yaml" in line)
    yaml = list(takewhile(str.strip, (line[7:] for line in page[at + 3 :])))
    cells = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in page if line[:5] == "   | "]
    command = next(line.strip() for line in page if line.strip().startswith("instraug build"))
    monkeypatch.chdir(tmp_path)
    Path("tasks").mkdir()
    start = ["name: animals", "instructions:"]
    assert page[at + 2].strip() == start[0]
    assert yaml[0] == "output: label"  # without it ``score`` would take the answer for free text
    Path("tasks/animals.yaml").write_text("\n".join([start[0], *yaml]))
    with Path("animals.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[c.strip().replace("\\|", "|") for c in row] for row in cells])
    done = instraug_here(*command.split()[1:])
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in Path("train.jsonl").read_text().splitlines()]
    assert [(row["image_path"], row["target"]) for row in rows] == [
        ("photos/1.jpg", "zebra"),
        ("photos/2.jpg", "dog"),
    ]
    assert sorted(rows[0]["options"]) == ["dog", "horse", "zebra"]
    assert "{" not in rows[0]["prompt"]


def test_the_line_of_the_page_is_the_real_one(tmp_path: Path) -> None:
    """docs/your-data.md shows what 20,000 rows of an unknown task give."""
    page = (Path(__file__).parents[2] / "docs" / "your-data.md").read_text()
    shown = next(line.strip() for line in page.split("\n") if "(20000 times, also" in line)
    row = {"task_name": "animal", "question": "What?", "target_txt": "a"}
    table = write_csv(tmp_path / "animals.csv", [row] * 20_000)
    with pytest.raises(InputError) as caught:
        built(tmp_path, table, tasks=(CAPTION, {**CHOICE, "name": "animals"}))
    assert str(caught.value.problems[0]).replace(f"{tmp_path}/", "") == shown


def test_a_table_that_is_left_half_read_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stops a build in the middle of a CSV prints no more than its own line."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    path = tmp_path / "rows.csv"
    path.write_text("unique_id,text\n" + "a,b\n" * 20_000)
    with text_tables.opened(shards.Shard(path, 0, None), 1 << 10, frozenset()) as lines:
        next(lines)
        next(lines)
    del lines  # as an exception lets go of it, when the file is closed
    gc.collect()
    assert not ignored


def table(folder: Path, content: bytes) -> str:
    """Build one CSV of the task ``caption`` and return what is said of it."""
    path = folder / "rows.csv"
    path.write_bytes(content)
    tasks = write_tasks(folder / "tasks", [CAPTION])
    done = instraug_here("build", tasks, "--instances", path, "-o", folder / "out.jsonl")
    return f"{done.returncode} {done.stderr}"


def test_the_row_of_a_byte_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Also far below what is read ahead, behind cells with line ends."""
    rows = b"".join(b'p%d,"one\r\ntwo"\r\n' % n for n in range(3000))
    told = table(tmp_path, b"unique_id,target_txt\r\n" + rows + b"x,caf\xe9\r\n" + rows)
    assert told.startswith(f"1 {tmp_path}/rows.csv:3002: a byte (0xe9) is not UTF-8")


def test_what_excel_writes_above_the_heading_says_what_parts_cells(tmp_path: Path) -> None:
    """``sep=;`` is no row, and its character parts the cells."""
    assert table(tmp_path, b"sep=;\r\nunique_id;target_txt\r\na;one, two\r\n").startswith("0")
    (row,) = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert row["target"] == "one, two"


@pytest.mark.parametrize("comment", [b"# made by hand", b"# made on Monday, by hand"])
def test_a_comment_above_the_heading_is_named(comment: bytes, tmp_path: Path) -> None:
    """It is not taken for the heading without a word."""
    told = table(tmp_path, comment + b"\nunique_id,image_path,target_txt\na,b.jpg,c\n")
    assert told.startswith("1 ")
    assert "comment" in told
    assert "above the heading" in told


@pytest.mark.parametrize("name", ["Target_txt", "Answer", "label"])
def test_a_column_that_looks_like_the_target_is_named(name: str, tmp_path: Path) -> None:
    """A row without a target says which column may be it, and how to say so."""
    told = table(tmp_path, f"unique_id,{name}\na,b\n".encode())
    assert f"give --columns target_txt={name}" in told


def test_a_task_that_is_not_there_gets_the_nearest(tmp_path: Path) -> None:
    """A typo in a row's task is named with what was most likely meant."""
    told = table(tmp_path, b"task_name,target_txt\ncaptoin,b\n")
    assert "no task is named 'captoin'; did you mean 'caption'?" in told
    told = table(tmp_path, b"task_name,target_txt\nzzz,b\n")
    assert "no task is named 'zzz'; add the task, or skip its rows" in told
