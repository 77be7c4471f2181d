"""Sources of every kind: our formats, other people's columns, lists, tables, archives."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.training_set.mix import tables
from tests.commandline import failed, instraug_here
from tests.sets import NASTY, TASKS, built, caption_row, choice_row, find_row, write_rows
from tests.training_set.mix.sources import ids, manifest, mixed, rows, text_row

Row = dict[str, Any]

FORMATS = [
    *[("multiinstruct", "jsonl"), ("multiinstruct", "json"), ("multiinstruct", "jsonl.gz")],
    *[("tsv", "tsv"), ("parquet", "parquet"), ("llava", "json"), ("llava", "jsonl")],
    *[("sharegpt", "json"), ("messages", "jsonl"), ("prompt-completion", "jsonl")],
    *[("alpaca", "json"), ("lavis", "json")],
    *[("ofa-vqa", "tsv"), ("ofa-caption", "tsv"), ("ms-swift", "jsonl")],
]


@pytest.mark.parametrize(("form", "suffix"), FORMATS)
def test_a_mixed_set_holds_the_rows_of_its_sources(tmp_path: Path, form: str, suffix: str) -> None:
    """In every format, all rows of two sets make the same rows in one, and nothing else."""
    raw = [choice_row(n) for n in range(6)], [caption_row(n) for n in range(7)]
    images = {"images": _pictures(tmp_path)} if form.startswith("ofa") else {}
    sets = []
    for name, some in zip("ab", raw, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        built(folder, some, f"{name}.{suffix}", tasks=TASKS, format=form, **images)
        sets.append(folder / f"{name}.{suffix}")
    dest = tmp_path / f"m.{suffix}"
    mixed(*sets, "-o", dest)
    whole, parts = _spelled(dest), [line for path in sets for line in _spelled(path)]
    assert sorted(whole) == sorted(parts)
    assert whole != parts
    assert manifest(dest)["config"]["format"] == form
    again = tmp_path / f"again.{suffix}"
    mixed(dest, "-o", again)
    assert _spelled(again) == whole


def _pictures(folder: Path) -> str:
    image = pytest.importorskip("PIL.Image")
    (folder / "images").mkdir()
    for number in range(8):
        image.new("RGB", (8, 8)).save(folder / "images" / f"{number}.jpg")
    return str(folder)


def _spelled(path: Path) -> list[str]:
    """Return the rows of a file as texts, read by something that is not ours."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return [json.dumps(row) for row in pq.read_table(path).to_pylist()]
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    if ".json" in path.suffixes and ".gz" not in path.suffixes:
        return [json.dumps(row) for row in json.loads(text)]
    lines = text.split("\n")[:-1]
    return lines[1:] if lines[0].startswith("unique_id\t") else lines


def test_rows_of_our_fields_become_any_format(tmp_path: Path) -> None:
    """Sets as lines, as a table and as Parquet are mixed, and written as LLaVA reads them."""
    sets = []
    for name, form in (("a.jsonl", None), ("b.parquet", None), ("c.tsv", "tsv")):
        folder = tmp_path / name[0]
        folder.mkdir()
        row = find_row(1, unique_id=name, text=NASTY, meta_data={"a": [1]})
        built(folder, [row], name, tasks=TASKS, format=form)
        sets.append(folder / name)
    mixed(*sets, "--format", "llava", "-o", tmp_path / "m.json")
    found = json.loads((tmp_path / "m.json").read_text())
    assert {row["id"] for row in found} == {"a.jsonl", "b.parquet", "c.tsv"}
    assert {row["image"] for row in found} == {"images/1.jpg"}
    assert all(NASTY in row["conversations"][0]["value"] for row in found)


def test_a_folder_is_read_and_written(tmp_path: Path) -> None:
    """A built folder is a source; a folder DEST holds the rows, what a loader needs, and a card."""
    built(tmp_path, [choice_row(1), caption_row(2)], "set", format="sharegpt")
    mixed(tmp_path / "set", "-o", tmp_path / "m")
    made = {p.name for p in (tmp_path / "m").iterdir()}
    assert made == {"data.json", "dataset_info.json", "manifest.json", "README.md"}
    assert len(json.loads((tmp_path / "m" / "data.json").read_text())) == 2


def test_columns_name_what_other_files_hold(tmp_path: Path) -> None:
    """Any JSONL or Parquet is a source, its columns named once for all that no build made."""
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    first = write_rows(tmp_path / "a.jsonl", [{"q": "Who?", "a": ["me", "you"], "n": 1}])
    pq.write_table(
        pa.table({"q": ["What?"], "a": ["it"], "file": ["x.png"]}), tmp_path / "b.parquet"
    )
    ours = write_rows(tmp_path / "c.jsonl", [text_row(1)])
    columns = ("--columns", "prompt=q,target=a")
    mixed(first, tmp_path / "b.parquet", ours, *columns, "-o", tmp_path / "m.jsonl")
    found = {row["prompt"]: row for row in rows(tmp_path / "m.jsonl")}
    assert found["Who?"]["target"] == "me"
    assert found["Who?"]["n"] == 1
    assert found["What?"]["target"] == "it"
    assert len({row["unique_id"] for row in found.values()}) == 3
    named = ("--columns", "prompt=q,target=a,image=file")
    mixed(tmp_path / "b.parquet", *named, "--format", "llava", "-o", tmp_path / "n.json")
    (row,) = json.loads((tmp_path / "n.json").read_text())
    assert row["image"] == "x.png"
    failed(instraug_here("mix", first, *named, "-o", tmp_path / "o.jsonl"), 1, "no column 'file'")


def test_text_rows_and_image_rows_load_in_one_file(tmp_path: Path) -> None:
    """`datasets` reads a mixed set of rows with and without pictures, in each format it knows."""
    datasets = pytest.importorskip("datasets")
    text = write_rows(tmp_path / "t.jsonl", [text_row(n) for n in range(50)])
    picture = [{**text_row(n), "unique_id": f"i{n}", "image_path": f"{n}.jpg"} for n in range(50)]
    image = write_rows(tmp_path / "i.jsonl", picture)
    for form, suffix in (("llava", "json"), ("sharegpt", "json"), ("messages", "jsonl"),
                         ("parquet", "parquet")):  # fmt: skip
        dest = tmp_path / f"{form}.{suffix}"
        half = (f"{text}=50", f"{image}=50", "--total", 60, "--format", form)
        mixed(*half, "-o", dest)
        kind = "parquet" if suffix == "parquet" else "json"
        cache = str(tmp_path / f"cache-{form}")
        found = datasets.load_dataset(kind, data_files=str(dest), cache_dir=cache)["train"]
        column = {"llava": "image", "parquet": "image_path"}.get(form, "images")
        assert sum(bool(value) for value in found[column]) == 30
        assert len(found) == 60


def list_file(path: Path, text: str) -> list[Row]:
    path.write_text(text)
    return [row for _, row in tables.read_rows(path, lambda problem: None)]


def test_a_list_is_read_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the pieces, the rows are those of the whole."""
    content = [{"a": NASTY, "b": [1, {"c": "]"}]}, {}, {"n": 1.5e10, "t": True, "s": '"\\'}]
    text = json.dumps(content, indent=1)
    for size in (1, 2, 7, 1 << 20):
        monkeypatch.setattr(tables, "_CHUNK", size)
        assert list_file(tmp_path / "a.json", text) == content
    assert list_file(tmp_path / "a.json", " [ ] ") == []


@pytest.mark.parametrize(
    "text", ["", "{}", "[1", '[{"a": 1}', '[{"a": 1} {}]', "[{}]x", '[{"a: 1}]']
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Cut short or followed by something else, it is one line."""
    with pytest.raises(InputError, match="list"):
        list_file(tmp_path / "a.json", text)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    """Nothing of a .gz that is cut short is used."""
    data = gzip.compress(b"".join(json.dumps(text_row(n)).encode() + b"\n" for n in range(99)))
    (tmp_path / "a.jsonl.gz").write_bytes(data[:-20])
    done = instraug_here("mix", tmp_path / "a.jsonl.gz", "-o", tmp_path / "m.jsonl")
    failed(done, 1, "cut short")
    (tmp_path / "a.jsonl.gz").write_bytes(data)
    mixed(tmp_path / "a.jsonl.gz", "-o", tmp_path / "m.jsonl")
    assert len(ids(tmp_path / "m.jsonl")) == 99


def test_tokens_of_a_tokenizers_file(tmp_path: Path) -> None:
    """A tokenizer.json counts text; nothing is downloaded."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "Answer": 1, ":": 2}
    model = tokenizers.models.WordLevel(words, unk_token="[UNK]")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    source = write_rows(tmp_path / "a.jsonl", [text_row(1, prompt="Answer: it, now.", target="ok")])
    given = ("--tokenizer", tmp_path / "tokenizer.json", "--json")
    done = mixed(source, *given, "-o", tmp_path / "m.jsonl")
    assert json.loads(done.stdout)["sets"][0]["tokens"]["text"] == 7
    (tmp_path / "bad.json").write_text("{}")
    done = instraug_here("mix", source, "--tokenizer", tmp_path / "bad.json", "-o", tmp_path / "n")
    failed(done, 2, "is no tokenizer.json")
    (tmp_path / "cl100.tiktoken").write_text("")
    done = instraug_here(
        "mix", source, "--tokenizer", tmp_path / "cl100.tiktoken", "-o", tmp_path / "n"
    )
    assert done.returncode in (1, 2)
