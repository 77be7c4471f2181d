"""Formats of JSON, each read back by `json` and `datasets` and held to its trainer's own checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from instraug.errors import InputError, UsageError
from tests.sets import CHOICE, NASTY, Row, built, caption_row, choice_row, nasty_row

TEXT_ONLY = {"image_path": ""}
ROWS = [nasty_row(), choice_row(1), choice_row(2, **TEXT_ONLY), caption_row(3)]


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def folder_of(tmp_path: Path, form: str, rows: list[Row] | None = None, **given: Any) -> Path:
    built(tmp_path, rows or ROWS, "set", format=form, force=True, **given)
    return tmp_path / "set"


def loaded(folder: Path) -> list[Row]:
    """The rows as `datasets` finds and reads them, by the folder's card."""
    cache = folder.parent / "cache"
    found = datasets.load_dataset(str(folder), cache_dir=str(cache))["train"]
    assert isinstance(found, datasets.Dataset)
    return [dict(row) for row in found]


def data(folder: Path) -> list[Row]:
    """The rows as plain `json` reads them."""
    (file,) = folder.glob("data.*")
    text = file.read_text(encoding="utf-8")
    rows = json.loads(text) if file.suffix == ".json" else map(json.loads, text.split("\n")[:-1])
    return list(rows)


def prompts(tmp_path: Path) -> list[str]:
    """The prompts of the same set in MultiInstruct's own format."""
    return [row["prompt"] for row in data(folder_of(tmp_path, "multiinstruct"))]


# ── LLaVA ────────────────────────────────────────────────────────────────────────────────────


def llava_takes(row: Row) -> None:
    """What LLaVA's LazySupervisedDataset relies on."""
    assert isinstance(row["id"], str)
    human, gpt = row["conversations"]
    assert (human["from"], gpt["from"]) == ("human", "gpt")
    images = 1 if "image" in row else 0
    assert sum(turn["value"].count("<image>") for turn in (human, gpt)) == images
    if images:
        assert isinstance(row["image"], str)
        assert human["value"].startswith("<image>\n")


def test_llava(tmp_path: Path) -> None:
    """One JSON list; a row of text alone has no image, the others one token each."""
    wanted = prompts(tmp_path)
    rows = data(folder_of(tmp_path, "llava"))
    for row in rows:
        llava_takes(row)
    assert [r["conversations"][0]["value"].removeprefix("<image>\n") for r in rows] == wanted
    assert ["image" in row for row in rows] == [True, True, False, True]
    assert rows[0]["conversations"][1]["value"] == NASTY
    assert rows[0]["image"] == f"images/{NASTY}.jpg"


def test_a_text_that_holds_the_image_token_is_no_llava_row(tmp_path: Path) -> None:
    """It would count as one more image, and the trainer would fail on it."""
    with pytest.raises(InputError, match="<image>, which stands for a picture"):
        folder_of(tmp_path, "llava", [choice_row(1, question="What is <image>?")])
    with pytest.raises(InputError, match="<image>"):
        folder_of(tmp_path, "sharegpt", [caption_row(1, target_txt="<image>", **TEXT_ONLY)])


# ── LLaMA-Factory ────────────────────────────────────────────────────────────────────────────


def sharegpt_takes(row: Row, entry: Row) -> None:
    """What LLaMA-Factory's SharegptDatasetConverter and its mm_plugin check."""
    columns, tags = entry["columns"], entry["tags"]
    messages, images = row[columns["messages"]], row[columns["images"]]
    expected = [tags["user_tag"], tags["assistant_tag"]]
    assert [m[tags["role_tag"]] for m in messages] == expected
    assert len(messages) % 2 == 0
    assert isinstance(images, list)
    assert all(isinstance(image, str) for image in images)
    assert sum(m[tags["content_tag"]].count("<image>") for m in messages) == len(images)


def test_sharegpt(tmp_path: Path) -> None:
    """Rows and the dataset_info.json entry fit together, images are a list always."""
    wanted = prompts(tmp_path)
    folder = folder_of(tmp_path, "sharegpt")
    info = json.loads((folder / "dataset_info.json").read_bytes())
    (entry,) = info.values()
    assert (folder / entry["file_name"]).is_file()
    assert entry["formatting"] == "sharegpt"
    rows = data(folder)
    for row in rows:
        sharegpt_takes(row, entry)
    assert [r["conversations"][0]["value"].removeprefix("<image>\n") for r in rows] == wanted
    assert [len(row["images"]) for row in rows] == [1, 1, 0, 1]


def test_datasets_reads_sharegpt_as_llama_factory_does(tmp_path: Path) -> None:
    """LLaMA-Factory loads the file with `datasets`; all rows come with one schema."""
    folder = folder_of(tmp_path, "sharegpt")
    found = datasets.load_dataset(
        "json", data_files=str(folder / "data.json"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert [dict(row) for row in found] == data(folder)


# ── LAVIS ────────────────────────────────────────────────────────────────────────────────────


def test_lavis_vqa(tmp_path: Path) -> None:
    """Image, question, question_id and a list of answers, as LAVIS's VQA datasets index them."""
    rows = [row for row in ROWS if row["image_path"]]
    wanted = [row["prompt"] for row in data(folder_of(tmp_path, "multiinstruct", rows))]
    found = data(folder_of(tmp_path, "lavis", rows))
    assert [row["question"] for row in found] == wanted
    assert [row["answer"] for row in found] == [[NASTY], ["b"], ["Picture 3."]]
    assert found[0]["question_id"] == f"id {NASTY}"
    assert found[1]["image"] == "images/1.jpg"


@pytest.mark.parametrize("dest", ["my_csv/set", "tsv.json", "a.csv.json"])
def test_lavis_is_not_written_to_a_path_that_it_would_read_as_csv(
    tmp_path: Path, dest: str
) -> None:
    """Its loader takes any path that contains csv or tsv for CSV."""
    with pytest.raises(UsageError, match="csv or tsv"):
        built(tmp_path, ROWS, dest, format="lavis")


# ── messages ─────────────────────────────────────────────────────────────────────────────────


def test_messages(tmp_path: Path) -> None:
    """As many image parts as images, before the text; a row of text alone has neither."""
    wanted = prompts(tmp_path)
    rows = data(folder_of(tmp_path, "messages"))
    for row, prompt in zip(rows, wanted, strict=True):
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        images = [part for part in user["content"] if part["type"] == "image"]
        assert images == [{"type": "image"}] * len(row["images"])
        assert user["content"][-1] == {"type": "text", "text": prompt}
    assert rows[0]["messages"][1]["content"] == [{"type": "text", "text": NASTY}]
    assert [len(row["images"]) for row in rows] == [1, 1, 0, 1]


def test_prompt_and_completion_are_the_two_halves_of_the_messages(tmp_path: Path) -> None:
    """TRL's conversational prompt-completion rows hold the same turns."""
    whole = data(folder_of(tmp_path, "messages"))
    halves = data(folder_of(tmp_path, "prompt-completion"))
    assert [r["prompt"] + r["completion"] for r in halves] == [r["messages"] for r in whole]


def test_alpaca(tmp_path: Path) -> None:
    """Instruction, input and output; nothing of the text is lost."""
    wanted = prompts(tmp_path)
    rows = data(folder_of(tmp_path, "alpaca"))
    assert [(r["instruction"], r["input"]) for r in rows] == [(p, "") for p in wanted]
    assert rows[0]["output"] == NASTY


# ── all of them ──────────────────────────────────────────────────────────────────────────────

FORMS = ("sharegpt", "messages", "prompt-completion", "alpaca")


@pytest.mark.parametrize("form", FORMS)
def test_datasets_loads_the_folder_and_finds_every_row(tmp_path: Path, form: str) -> None:
    """`load_dataset(folder)` gives the rows as written, whatever is in them."""
    folder = folder_of(tmp_path, form)

    def bare(value: Any) -> Any:
        """A part without a key has it as None once there is one schema."""
        if isinstance(value, dict):
            return {k: bare(v) for k, v in value.items() if v is not None}
        return [bare(v) for v in value] if isinstance(value, list) else value

    assert [bare(row) for row in loaded(folder)] == data(folder)


@pytest.mark.parametrize("form", ["multiinstruct", "llava", *FORMS])
def test_rows_are_the_same_as_a_list_and_as_lines(tmp_path: Path, form: str) -> None:
    """The suffix decides between one list and an object a line; each row keeps its instruction."""
    built(tmp_path, ROWS, "a.json", format=form)
    built(tmp_path, ROWS, "a.jsonl", format=form)
    listed = json.loads((tmp_path / "a.json").read_bytes())
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert listed == [json.loads(line) for line in lines]
    plain = [row["instruction_id"] for row in data(folder_of(tmp_path, "multiinstruct"))]
    assert [row["instruction_id"] for row in listed] == plain


def test_an_image_path_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """Every trainer opens it as a path."""
    with pytest.raises(InputError, match="image_path"):
        folder_of(tmp_path, "llava", [choice_row(1, image_path={"a": 1})], tasks=[CHOICE])
