"""The card of an output folder: what loaders and the Hub read, and nobody's own file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import datasets
import pytest
from huggingface_hub import DatasetCard

from tests.commandline import EXAMPLES, instraug_here
from tests.fakeserver import FakeServer, running
from tests.sets import built, caption_row

LICENCES = {"unknown", "other", "apache-2.0", "gemma"}
"""Some of those that the Hub lists."""

CATEGORIES = {"text-generation", "image-text-to-text", "visual-question-answering"}

SIZES = {"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "n>10M"}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as one:
        yield one


def expand(server: FakeServer, out: Path, *more: object) -> str:
    where = ["--base-url", server.url, "--model", "m", "--only", "c*", "--rewrites", 2]
    done = instraug_here("expand", EXAMPLES / "tasks", "-o", out, *where, *more)
    assert done.returncode == 0, done.stderr
    return done.stderr


def valid(card: Path) -> tuple[dict[str, Any], str]:
    """Parse a card by the Hub's own library, and look each closed list up."""
    found: Any = DatasetCard.load(card)
    data = dict(found.data.to_dict())
    assert data["license"] in LICENCES
    assert set(data["task_categories"]) <= CATEGORIES
    assert set(data["size_categories"]) <= SIZES
    assert all(isinstance(tag, str) for tag in data["tags"])
    return data, str(found.text)


def test_datasets_and_the_hub_read_a_run(server: FakeServer, tmp_path: Path) -> None:
    """Every row is there with its columns' types; the head is valid; what made it is said."""
    expand(server, tmp_path / "out")
    rows = (tmp_path / "out" / "instructions.jsonl").read_text().splitlines()
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert found["train"].to_list() == [json.loads(row) for row in rows]
    _, text = valid(tmp_path / "out" / "README.md")
    for what in ("the model m", "Licences", "lengths.svg", "| claim_check | 5 | 10 |"):
        assert what in text
    ElementTree.parse(tmp_path / "out" / "lengths.svg")  # noqa: S314 - our own file


def test_columns_keep_their_types_however_late_they_come(
    server: FakeServer, tmp_path: Path
) -> None:
    """A column that is null throughout, or as far as a loader looks, is no column of nulls."""
    expand(server, tmp_path / "out")
    path = tmp_path / "out" / "instructions.jsonl"
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows if r["source"] == "original"))
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    features = found["train"].features
    assert features["temperature"].dtype == "float64"
    assert features["parent"].dtype == "string"


def test_equal_runs_have_equal_cards(server: FakeServer, tmp_path: Path) -> None:
    """Again from the journal, frozen or not: the same bytes; filter writes its own."""
    out, again = tmp_path / "out", tmp_path / "again"
    expand(server, out)
    expand(server, again, "--journal", out / "replies.jsonl", "--frozen")
    names = ("README.md", "lengths.svg")
    before = [(out / name).read_bytes() for name in names]
    assert [(again / name).read_bytes() for name in names] == before
    expand(server, out)
    assert [(out / name).read_bytes() for name in names] == before
    strict = tmp_path / "strict.yaml"
    strict.write_text("rules: {near_duplicate: 0.6}\n")
    assert instraug_here("filter", out, "-c", strict, "--json").returncode in (0, 3)
    assert (out / "README.md").read_bytes() != before[0]
    assert instraug_here("verify", out).returncode == 0


@pytest.mark.fault(101)
def test_a_card_of_somebody_stays(server: FakeServer, tmp_path: Path) -> None:
    """A README that no run wrote, or that was edited since, is never replaced; a line says so."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("# My project\n")
    said = expand(server, out)
    assert (out / "README.md").read_text() == "# My project\n"
    assert "README.md: is not as a run wrote it" in said
    (out / "README.md").unlink()
    assert "README.md" not in expand(server, out)
    edited = (out / "README.md").read_text().replace("license: unknown", "license: apache-2.0")
    (out / "README.md").write_text(edited)
    assert "README.md: is not as a run wrote it" in expand(server, out)
    assert (out / "README.md").read_text() == edited
    assert instraug_here("verify", out).returncode == 0
    assert instraug_here("filter", out).returncode == 0
    assert (out / "README.md").read_text() == edited


def test_the_hub_reads_the_card_of_a_built_set(tmp_path: Path) -> None:
    """In every format; a set of a format that `datasets` cannot read names no file."""
    for form in ("multiinstruct", "llava", "alpaca", "ofa-caption"):
        built(tmp_path, [caption_row(i) for i in range(3)], form, format=form)
        data, text = valid(tmp_path / form / "README.md")
        assert ("configs" in data) == (not form.startswith("ofa"))
        assert "Licences" in text
        ElementTree.parse(tmp_path / form / "lengths.svg")  # noqa: S314 - our own file
