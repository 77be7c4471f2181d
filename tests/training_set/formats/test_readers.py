"""What readers make of a set: `datasets`, pandas and pyarrow read it as meant, or it is said.

The heavier readers (TRL, LLaMA-Factory, ms-swift, LAVIS, LLaVA) stand in tests/readers/.
"""

from __future__ import annotations

import ast
import json
import random
import re
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from instraug.errors import InputError, UsageError
from instraug.files.jsonl import read_jsonl
from instraug.training_set.formats import images_first, readers
from instraug.training_set.formats.lavis import rounded
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.formats.tsv import WIDE
from tests.sets import CAPTION, FIND, Row, built, caption_row, choice_row, find_row, rows_of

BLOCK = 10 << 20
"""Bytes from which on `datasets` types a file's columns anew."""


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def loaded(path: Path) -> Any:
    cache = path.parent / "cache"
    return datasets.load_dataset("json", data_files=str(path), cache_dir=str(cache))["train"]


def text_first(count: int = 8000) -> list[Row]:
    """More rows of text alone than one block, then a few with images, then one without."""
    long = "word " * 400
    rows = [caption_row(n, image_path="", target_txt=f"{long}{n}") for n in range(count)]
    return [*rows, *[caption_row(count + n) for n in range(3)], rows[0] | {"unique_id": "last"}]


# ── columns that are typed by block ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["messages", "prompt-completion", "sharegpt", "llava"])
def test_text_rows_before_images_load_in_any_order(tmp_path: Path, form: str) -> None:
    """Ten megabytes of text first, then images: `datasets` reads every row of the lines."""
    rows = text_first()
    built(tmp_path, rows, "set.jsonl", format=form)
    path = tmp_path / "set.jsonl"
    assert path.stat().st_size > BLOCK + (1 << 20)
    found = loaded(path)
    key = "image" if form == "llava" else "images"
    assert sum(bool(value) for value in found[key]) == 3
    order = [rows[8000]["unique_id"], *[r["unique_id"] for r in rows if r is not rows[8000]]]
    assert found["id"] == order


@pytest.mark.parametrize("form", ["messages", "prompt-completion", "sharegpt"])
def test_random_orders_and_shapes_load(tmp_path: Path, form: str) -> None:
    """Any mix of rows without, with one and with several images, in lines and as a list."""
    rng = random.Random(form)
    for turn in range(6):
        rows = [
            caption_row(n, image_path=[f"{i}.png" for i in range(rng.choice([0, 0, 1, 2]))])
            for n in range(rng.randint(1, 12))
        ]
        images = {row["unique_id"]: row["image_path"] for row in rows}
        for suffix in (".jsonl", ".json"):
            dest = f"{turn}{suffix}"
            built(tmp_path, rows, dest, format=form)
            found = loaded(tmp_path / dest)
            given = found["images"] if "images" in found.column_names else [[]] * len(found)
            assert dict(zip(found["id"], given, strict=True)) == images


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_wait_for_the_first_image_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """They wait on the disk, beside the set, in order, whoever built them; nothing is left over."""
    monkeypatch.setattr(images_first, "MEMORY", 1000)
    rows = text_first(3000)
    built(tmp_path, rows, "set.jsonl", format="messages", workers=workers)
    found = [row["id"] for _, row in read_jsonl(tmp_path / "set.jsonl")]
    assert found == ["p3000", *[r["unique_id"] for r in rows if r["unique_id"] != "p3000"]]
    assert not list(tmp_path.glob(".*"))


def test_an_image_key_that_a_text_spells_is_text(tmp_path: Path) -> None:
    """What looks like the key inside of a text neither moves a row nor is taken out of it."""
    nasty = 'say "images":["x"] or "images":[], or "image":"y" \\"images\\":[],'
    rows = [caption_row(n, image_path="", target_txt=f"{nasty}{n}") for n in range(3)]
    for form in ("messages", "prompt-completion", "llava"):
        built(tmp_path, rows, "set.jsonl", format=form, force=True)
        found = [row for _, row in read_jsonl(tmp_path / "set.jsonl")]
        assert [row["id"] for row in found] == ["p0", "p1", "p2"]
        assert all(f"{nasty}{n}" in list(_texts(row)) for n, row in enumerate(found))


def _texts(value: Any) -> Any:
    return (inner for _, inner in _leaves(value) if isinstance(inner, str))


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
@pytest.mark.parametrize("form", ["messages", "prompt-completion"])
def test_a_set_of_text_alone_has_no_key_for_images(tmp_path: Path, form: str, suffix: str) -> None:
    """TRL takes the key, even of empty lists, for a set of images; a mixed set has it all along."""
    text = [caption_row(n, image_path="") for n in range(3)]
    built(tmp_path, text, f"text{suffix}", format=form)
    built(tmp_path, [*text, caption_row(4)], f"mixed{suffix}", format=form)
    assert "images" not in loaded(tmp_path / f"text{suffix}").column_names
    mixed = loaded(tmp_path / f"mixed{suffix}")
    assert sorted(mixed["images"]) == [[], [], [], ["images/4.jpg"]]


# ── texts that are decoded ───────────────────────────────────────────────────────────────────


def test_only_multiinstruct_mixes_lists_and_texts_in_a_column(tmp_path: Path) -> None:
    """`datasets` decodes texts beside lists, 007 to 7: the docs say so; Parquet keeps them."""
    odd = ["2", "007", "true", "null"]
    rows = [choice_row(9, answer=["a", "b"]), *[choice_row(n, answer=a) for n, a in enumerate(odd)]]
    built(tmp_path, rows, "set.jsonl", shuffle_options=False)
    assert loaded(tmp_path / "set.jsonl")["answer"][1:] == [2, 7, True, None]
    built(tmp_path, rows, "set.parquet", shuffle_options=False)
    assert pq.read_table(tmp_path / "set.parquet")["answer"].to_pylist() == [None, *odd]
    page = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
    assert "not for `datasets`" in page


@pytest.mark.parametrize("form", [f for f in FORMATS if f not in ("multiinstruct", "parquet")])
def test_no_format_has_a_column_of_lists_and_texts(tmp_path: Path, form: str) -> None:
    """Each value of a column has one type in all rows, whatever fields the raw rows have."""
    if ".jsonl" not in FORMATS[form].suffixes and ".json" not in FORMATS[form].suffixes:
        return
    rows = [choice_row(n, answer="2" if n else ["2"], context=["c"] if n else "c") for n in (0, 1)]
    built(tmp_path, rows, "set.json", format=form)
    kinds: dict[str, set[str]] = {}
    for row in json.loads((tmp_path / "set.json").read_bytes()):
        for name, value in _leaves(row):
            kinds.setdefault(name, set()).add(type(value).__name__)
    assert {name for name, types in kinds.items() if len(types) > 1} == set()


def _leaves(value: Any, name: str = "") -> Any:
    yield name, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{name}[]")


DATES = ["2020-01-01", "2020-01-01 10:00", "2020-01-01T10:00:00Z"]


@pytest.mark.parametrize("form", ["alpaca", "lavis", "prompt-completion", "multiinstruct"])
def test_dates_as_targets_are_reported(tmp_path: Path, form: str) -> None:
    """Where answers have a column of their own, `datasets` makes times of dates; a line says so."""
    rows = [caption_row(n, target_txt=date) for n, date in enumerate(DATES)]
    summary = built(tmp_path, rows, "set.json", format=form)
    assert summary.figures()["readers"] == {"date_targets": {"caption": 3}}
    (remark,) = summary.remarks()
    assert remark.startswith(f"{tmp_path / 'rows.jsonl'}:1: 3 rows (caption 3): their target is a")
    found = loaded(tmp_path / "set.json")
    assert "2020-01-01T" not in str(found[0])
    assert "datetime" in str(found[0])


@pytest.mark.parametrize("form", ["messages", "sharegpt", "llava", "parquet"])
def test_dates_that_stand_beside_questions_are_kept(tmp_path: Path, form: str) -> None:
    """Questions and answers share a column, or the schema is declared: dates stay as they are."""
    rows = [caption_row(n, target_txt=date) for n, date in enumerate(DATES)]
    dest = "set.parquet" if form == "parquet" else "set.jsonl"
    assert built(tmp_path, rows, dest, format=form).remarks() == []
    found: Any = (
        pq.read_table(tmp_path / dest).to_pylist() if form == "parquet" else loaded(tmp_path / dest)
    )
    for row, date in zip(found, DATES, strict=True):
        assert date in list(_texts(row))


@pytest.mark.parametrize("text", ["2020-1-1", "2020-01-012", "12:30", "2020", "10-11-2020", "x"])
def test_what_is_no_date_is_not_reported(tmp_path: Path, text: str) -> None:
    """The report names what pyarrow takes for a time, and nothing else."""
    rows = [caption_row(n, target_txt=text) for n in range(2)]
    assert built(tmp_path, rows, "set.json", format="alpaca").remarks() == []
    assert loaded(tmp_path / "set.json")["output"] == [text, text]


# ── pandas ───────────────────────────────────────────────────────────────────────────────────


def read_as_instraug(path: Path) -> pd.DataFrame:
    """As its OFA and its InstructBLIP loaders do."""
    return pd.read_csv(path, sep="\t")


def test_the_words_that_pandas_takes_for_missing_are_known() -> None:
    """The list is the installed version's own."""
    assert readers.MISSING_WORDS == STR_NA_VALUES


def test_targets_that_pandas_reads_otherwise_are_reported(tmp_path: Path) -> None:
    """Null words, and numbers that are spelled anew, are counted, with the first place."""
    targets = ["None", "NA", "null", "nan", "4"]
    summary = built(
        tmp_path, [caption_row(n, target_txt=t) for n, t in enumerate(targets)], "set.tsv"
    )
    assert summary.figures()["readers"] == {"missing_targets": {"caption": 4}}
    assert f"{tmp_path / 'rows.jsonl'}:1: 4 rows (caption 4): pandas" in summary.remarks()[0]
    table = read_as_instraug(tmp_path / "set.tsv")
    assert list(map(str, table["target"])) == ["nan", "nan", "nan", "nan", "4.0"]


@pytest.mark.parametrize("target", ["007", "4.50", "1e3", "+4", ".5", "true", "FALSE", "+inf"])
def test_numbers_that_are_spelled_anew_are_reported(tmp_path: Path, target: str) -> None:
    """Where all targets are numbers, or true and false, their spelling is pandas'."""
    rows = [caption_row(n, target_txt=target) for n in range(2)]
    found = built(tmp_path, rows, "set.tsv").figures()["readers"]
    assert found == {"respelled_targets": {"caption": 2}}
    assert str(read_as_instraug(tmp_path / "set.tsv")["target"][0]) != target


@pytest.mark.parametrize(
    "target", ["4", "-3", "0", "4.5", "True", "inf", "a", "tie", "yes", "-", "1st"]
)
def test_other_targets_stay_and_are_not_reported(tmp_path: Path, target: str) -> None:
    """Plain numbers and words come back as they were written."""
    rows = [caption_row(n, target_txt=target) for n in range(2)]
    assert built(tmp_path, rows, "set.tsv").figures()["readers"] == {}
    assert str(read_as_instraug(tmp_path / "set.tsv")["target"][0]) == target


def test_images_that_the_ofa_loaders_cannot_open_are_reported(tmp_path: Path) -> None:
    """They put .txt in the place of the suffixes that they know."""
    paths = ["a.jpg", "b.jpeg", "c.png", "d.jfif", "e.webp", "F.JPG", ""]
    rows = [caption_row(n, image_path=path) for n, path in enumerate(paths)]
    found = built(tmp_path, rows, "set.tsv").figures()["readers"]
    assert found == {"image_suffixes": {"caption": 2}, "no_image": {"caption": 1}}
    known = r"\.(jpg|png|jpeg|jfif)$"
    opened = [
        re.sub(known, ".txt", path)
        for path in read_as_instraug(tmp_path / "set.tsv")["image_path"].dropna()
    ]
    assert opened == ["a.txt", "b.txt", "c.txt", "d.txt", "e.webp", "F.JPG"]


SELECTED = {
    "commonsense-vqa": (0, 3, 8, 9),
    "disaster-types": (0, 3, 7, 8),
    "grounded-vqa": (0, 3, 6, 9, 10),
    "nlvr": (0, 2, 6, 7),
    "text-vqa": (0, 3, 5, 7, 8),
    "visual-dialog": (0, 3, 4, 7, 8),
    "visual-nli": (0, 3, 8, 9),
    "vsr": (0, 2, 6, 7),
    "vte": (0, 3, 6, 7),
}
"""Evaluation -> the columns that its script selects (run_scripts/instr_eval)."""

NAMES = {
    "grounded-vqa": ("unique_id", "image_path", "options", "prompt", "target"),
    "text-vqa": ("unique_id", "image_path", "question", "prompt", "target"),
    "visual-dialog": ("unique_id", "image_path", "question", "prompt", "target"),
}


@pytest.mark.parametrize("table", WIDE)
def test_evaluation_tables_have_their_columns_where_the_scripts_look(
    tmp_path: Path, table: str
) -> None:
    """Ids, images, options, questions, prompts and targets stand at INSTRAUG's own places."""
    rows = [choice_row(n, image_source="coco", meta_data={"a": n}) for n in range(3)]
    wanted = rows_of(tmp_path, rows)
    built(tmp_path, rows, "set.tsv", format=f"tsv-{table}")
    found = read_as_instraug(tmp_path / "set.tsv")
    usual = ("unique_id", "image_path", "prompt", "target")
    names = NAMES.get(table, usual)
    for row, own in zip(found.itertuples(index=False), wanted, strict=True):
        selected = [row[column] for column in SELECTED[table]]
        for name, value in zip(names, selected, strict=True):
            assert (ast.literal_eval(value) if name == "options" else value) == own[name]
    for name in {"options", "meta_data"} & set(found.columns):
        assert ast.literal_eval(found[name][0]) == wanted[0][name]


def test_an_evaluation_table_needs_what_its_script_reads(tmp_path: Path) -> None:
    """A row without an image, or without the options that are compared with, is a fault."""
    with pytest.raises(InputError, match="has no image"):
        built(tmp_path, [choice_row(1, image_path="")], "a.tsv", format="tsv-vsr")
    with pytest.raises(InputError, match="has no options"):
        built(tmp_path, [caption_row(1)], "b.tsv", format="tsv-grounded-vqa")


# ── LAVIS, OFA, media words, several images ──────────────────────────────────────────────────


def test_lavis_is_written_as_it_is_read(tmp_path: Path) -> None:
    """One JSON list; neither lines, nor captions without their instruction."""
    assert FORMATS["lavis"].suffixes == (".json",)
    assert "lavis-caption" not in FORMATS
    with pytest.raises(UsageError, match=r"written as \.json"):
        built(tmp_path, [caption_row(1)], "set.jsonl", format="lavis")


def test_lavis_gets_boxes_that_survive_its_text_processor(tmp_path: Path) -> None:
    """It drops full stops, so that 10.5 would be 105: boxes are whole numbers there."""
    built(tmp_path, [find_row(1)], "set.json", format="lavis", tasks=[FIND])
    (row,) = json.loads((tmp_path / "set.json").read_bytes())
    assert row["answer"] == ["2 10 200 300"]
    assert {"1 2 3 4", "2 10 200 300"} <= set(re.findall(r"\d+ \d+ \d+ \d+", row["question"]))
    assert "." not in row["question"].removesuffix(".").replace("? ", "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("in 10.5 20.0 30.49 41.0?", "in 10 20 30 41?"),
        ("1.5 m, 2.5 3.5", "1.5 m, 2.5 3.5"),
        ("1.1 2.2 3.3 4.4||||5.5 6.6 7.7 8.8", "1 2 3 4||||6 7 8 9"),
        ("1.1 2.2 3.3 4.4 5.5 6.6 7.7 8.8", "1 2 3 4 6 7 8 9"),
        ("v1.2 3.4 5.6 7.8", "v1.2 3.4 5.6 7.8"),
        ("0 0 1 1", "0 0 1 1"),
    ],
)
def test_boxes_alone_are_rounded(text: str, wanted: str) -> None:
    """Four numbers in a row are a box; fewer are any numbers."""
    assert rounded(text) == wanted


@pytest.mark.parametrize("form", ["lavis", "ofa-vqa", "ofa-caption"])
def test_a_row_without_an_image_is_a_fault_where_every_row_has_one(
    tmp_path: Path, form: str
) -> None:
    """The readers open a picture for every row, and would end in the middle of an epoch."""
    dest = "set.json" if form == "lavis" else "set.tsv"
    with pytest.raises(InputError, match="the row has no image"):
        built(tmp_path, [caption_row(1, image_path="")], dest, format=form, tasks=[CAPTION])


@pytest.mark.parametrize("word", readers.WORDS)
def test_words_that_stand_for_media_are_faults_or_reported(tmp_path: Path, word: str) -> None:
    """LLaMA-Factory counts them, so that sharegpt refuses; for messages it depends on the model."""
    rows = [choice_row(1), choice_row(2, question=f"What is {word}?")]
    with pytest.raises(InputError, match=f":2: the text holds {word}, which stands for a"):
        built(tmp_path, rows, "set.json", format="sharegpt")
    for form in ("messages", "prompt-completion"):
        summary = built(tmp_path, rows, f"{form}.jsonl", format=form)
        assert summary.figures()["readers"] == {"media_words": {"choice": 1}}
        assert f"{tmp_path / 'rows.jsonl'}:2: 1 rows (choice 1): " in summary.remarks()[0]


def test_several_images_of_a_row(tmp_path: Path) -> None:
    """Chats hold one part or token for each; formats of one image say so."""
    rows = [caption_row(1, image_path=["a.png", "b.png"]), caption_row(2, image_path=["c.png"])]
    built(tmp_path, rows, "m.jsonl", format="messages")
    two, one = (row for _, row in read_jsonl(tmp_path / "m.jsonl"))
    assert (two["images"], one["images"]) == (["a.png", "b.png"], ["c.png"])
    kinds = [part["type"] for part in two["messages"][0]["content"]]
    assert kinds == ["image", "image", "text"]
    built(tmp_path, rows, "s.json", format="sharegpt")
    two, one = json.loads((tmp_path / "s.json").read_bytes())
    assert two["conversations"][0]["value"].startswith("<image><image>\n")
    assert two["images"] == ["a.png", "b.png"]
    for form in ("llava", "lavis"):
        with pytest.raises(InputError, match=":1: the row has 2 images, and the format has room"):
            built(tmp_path, rows, f"{form}.json", format=form)


def test_row_groups_are_cut_by_bytes_too(tmp_path: Path) -> None:
    """Long rows do not pile up to gigabytes: a group holds some 32 MiB of them."""
    rows = [caption_row(n, target_txt=f"{n}" + "x" * 300_000) for n in range(250)]
    built(tmp_path, rows, "set.parquet")
    found = pq.read_metadata(tmp_path / "set.parquet")
    sizes = [found.row_group(n).total_byte_size for n in range(found.num_row_groups)]
    assert found.num_rows == 250
    assert len(sizes) >= 4
