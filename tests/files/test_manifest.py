"""The manifest: readable by anybody, and its loss is a result, not an exception."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from instraug.errors import StorageError
from instraug.files.manifest import read_manifest, sha256, write_manifest


def test_it_is_read_back_and_equal_bodies_make_equal_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "1.json", tmp_path / "2.json"
    write_manifest(one, {"outputs": {"a": "1"}, "config": {"rewrites": 5}})
    write_manifest(two, {"config": {"rewrites": 5}, "outputs": {"a": "1"}})
    assert one.read_bytes() == two.read_bytes()
    manifest = read_manifest(one)
    assert manifest.problem is None
    assert (
        manifest.body
        == json.loads(one.read_text())
        == {
            "config": {"rewrites": 5},
            "outputs": {"a": "1"},
        }
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "there is no manifest"),
        (b"", "the manifest is damaged"),
        (b'{"config": {', "the manifest is damaged"),
        (b'{"a": "\xff"}', "the manifest is damaged"),
        (b"[]", "the manifest is not a JSON object"),
    ],
)
def test_a_missing_or_corrupt_manifest_is_a_problem_with_a_fix(
    tmp_path: Path, content: bytes | None, what: str
) -> None:
    """FAULTS 79: the caller rebuilds it from the journal."""
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_bytes(content)
    manifest = read_manifest(path)
    assert manifest.body == {}
    assert manifest.problem is not None
    assert what in str(manifest.problem)
    assert "again to write it anew" in str(manifest.problem)


def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        read_manifest(tmp_path)


def test_the_hash_is_that_of_the_bytes_however_many(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "f").write_bytes(data)
    assert sha256(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    with pytest.raises(StorageError, match="none: cannot read"):
        sha256(tmp_path / "none")
