"""OFA's files are read back the way OFA's FileDataset and its datasets read them."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instraug.errors import InputError
from tests.sets import (
    CHOICE,
    NASTY,
    Row,
    built,
    caption_row,
    choice_row,
    find_row,
    nasty_row,
    rows_of,
)

COLUMNS = {
    "ofa-caption": (0, 4, 2),
    "ofa-vqa": (0, 5, 2, 3, 4),
    "ofa-refcoco": (0, 4, 2, 3),
    "ofa-snli-ve": (0, 2, 3, 4, 5),
}
"""Format -> the columns that OFA's own scripts select."""


def read(path: Path, form: str) -> list[list[str]]:
    """Read as OFA's FileDataset does: text mode, one line a row, split on tabs."""
    with path.open(encoding="utf-8") as file:
        lines = list(file)
    rows = [line.rstrip("\n").split("\t") for line in lines]
    assert len({len(row) for row in rows}) == 1
    return [[row[i] for i in COLUMNS[form]] for row in rows]


def build(folder: Path, form: str, rows: list[Row], **given: Any) -> list[list[str]]:
    built(folder, rows, "ofa.tsv", format=form, force=True, **given)
    return read(folder / "ofa.tsv", form)


def spaced(text: str) -> str:
    return re.sub("\r\n|[\t\r\n]", " ", text)


def test_vqa(tmp_path: Path) -> None:
    """The prompt is the question; the answer parses into a confidence and the target."""
    rows = [nasty_row(), choice_row(1)]
    wanted = rows_of(tmp_path, rows)
    found = build(tmp_path, "ofa-vqa", rows)
    for (_, image, question, ref, objects), row in zip(found, wanted, strict=True):
        assert (image, objects) == ("", "")
        assert question == spaced(row["prompt"])
        answers = {item.split("|!+")[1]: float(item.split("|!+")[0]) for item in ref.split("&&")}
        assert answers == {spaced(row["target"]): 1.0}
    assert found[0][0] == spaced(f"id {NASTY}")


@pytest.mark.parametrize("target", ["this && that", "a|!+b"])
def test_an_answer_that_ofa_would_split_is_a_fault(tmp_path: Path, target: str) -> None:
    """OFA has no escape for its own separators."""
    with pytest.raises(InputError, match="split OFA's answers"):
        build(tmp_path, "ofa-vqa", [caption_row(1, target_txt=target)])


def test_caption(tmp_path: Path) -> None:
    """The target is the caption."""
    found = build(tmp_path, "ofa-caption", [nasty_row(), caption_row(2)])
    assert [row[2] for row in found] == [spaced(NASTY), "Picture 2."]


def test_refcoco(tmp_path: Path) -> None:
    """The target is the region, four numbers that OFA splits at commas."""
    rows = [find_row(1), find_row(2)]
    wanted = rows_of(tmp_path, rows)
    found = build(tmp_path, "ofa-refcoco", rows)
    for (uniq_id, _, text, region), row in zip(found, wanted, strict=True):
        assert (uniq_id, text) == (row["unique_id"], row["prompt"])
        box = [float(n) for n in region.strip().split(",")]
        assert box == [float(n) for n in row["target"].split()]


def test_a_target_that_is_no_region_is_no_refcoco_row(tmp_path: Path) -> None:
    """OFA would fail on it in the middle of an epoch."""
    with pytest.raises(InputError, match="not a region"):
        build(tmp_path, "ofa-refcoco", [caption_row(1)])


@pytest.mark.parametrize(
    ("target", "label"),
    [("entailment", "entailment"), ("no", "contradiction"), ("not sure", "neutral")],
)
def test_snli_ve(tmp_path: Path, target: str, label: str) -> None:
    """Labels are those that OFA knows, also where a task answers yes, no or not sure."""
    row = choice_row(1, target_txt=target, context=NASTY)
    ((_, image, hypothesis, caption, found),) = build(tmp_path, "ofa-snli-ve", [row])
    assert (image, caption, found) == ("", spaced(NASTY), label)
    assert hypothesis == spaced(rows_of(tmp_path, [row])[0]["prompt"])


def test_another_label_is_no_snli_ve_row(tmp_path: Path) -> None:
    """OFA raises NotImplementedError on it."""
    with pytest.raises(InputError, match="is none of entailment"):
        build(tmp_path, "ofa-snli-ve", [choice_row(1, target_txt="b")])


@pytest.mark.parametrize("form", ["ofa-caption", "ofa-vqa", "ofa-refcoco", "ofa-snli-ve"])
def test_images_are_embedded_as_ofa_decodes_them(tmp_path: Path, form: str) -> None:
    """With images, base64 that urlsafe_b64decode and Pillow open; without, an empty column."""
    (tmp_path / "photos" / "images").mkdir(parents=True)
    Image.new("RGB", (7, 5), "red").save(tmp_path / "photos" / "images" / "1.png")
    row = find_row(1, image_path="./images/1.png")
    if form == "ofa-snli-ve":
        row = choice_row(1, image_path="./images/1.png", target_txt="yes")
    (found,) = build(tmp_path, form, [row], images=str(tmp_path / "photos"))
    encoded = found[1]
    with Image.open(BytesIO(base64.urlsafe_b64decode(encoded))) as image:
        assert image.size == (7, 5)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing.png", "there is no image"),
        ("../secret", "lies outside"),
        ("a/../../secret", "lies outside"),
        ("/../secret", "lies outside"),
        ("a\0b", "NUL"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_an_image_that_cannot_be_embedded_is_a_fault(tmp_path: Path, path: str, said: str) -> None:
    """A missing image is named, and nothing outside the folder is ever read."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(InputError, match=said):
        build(
            tmp_path,
            "ofa-vqa",
            [choice_row(1, image_path=path)],
            images=str(tmp_path / "photos"),
            tasks=[CHOICE],
        )


@pytest.mark.parametrize("link", ["file", "folder", "chain"])
def test_a_link_that_leads_out_of_the_folder_is_a_fault(tmp_path: Path, link: str) -> None:
    """A link to a file, to a folder, or by way of one inside; one that stays inside is followed."""
    photos, secret = tmp_path / "photos", tmp_path / "elsewhere" / "1.png"
    (photos / "real").mkdir(parents=True)
    secret.parent.mkdir()
    for path in (secret, photos / "real" / "1.png"):
        Image.new("RGB", (7, 5), "red").save(path)
    if link == "file":
        (photos / "1.png").symlink_to(secret)
    elif link == "folder":
        (photos / "a").symlink_to(secret.parent)
    else:
        (photos / "b").symlink_to("../elsewhere")
        (photos / "1.png").symlink_to("b/1.png")
    (photos / "inside").symlink_to("real")
    (tmp_path / "linked").symlink_to(photos)
    given = {"images": str(tmp_path / "linked"), "tasks": [CHOICE]}
    row = choice_row(1, image_path="a/1.png" if link == "folder" else "1.png")
    with pytest.raises(InputError, match="lies outside"):
        build(tmp_path, "ofa-vqa", [row], **given)
    (found,) = build(tmp_path, "ofa-vqa", [choice_row(1, image_path="inside/1.png")], **given)
    assert found[1]


def test_each_line_ends_in_the_id_of_its_instruction(tmp_path: Path) -> None:
    """Behind the columns that OFA selects, where nothing of OFA's looks."""
    rows = [choice_row(i) for i in range(5)]
    wanted = [row["instruction_id"] for row in rows_of(tmp_path, rows)]
    build(tmp_path, "ofa-vqa", rows)
    lines = (tmp_path / "ofa.tsv").read_text().splitlines()
    assert [line.split("\t")[-1] for line in lines] == wanted
