"""Rows of a mixture that are in an evaluation set, in whatever wording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from instraug.errors import BadRow, InputError, Problem
from instraug.files.manifest import sha256
from instraug.tasks.words import folded
from instraug.training_set.formats.base import Fields
from instraug.training_set.formats.images import find_image
from instraug.training_set.mix.near_text import NearTexts
from instraug.training_set.mix.rows import FIELDS, View, content, reader
from instraug.training_set.mix.sources import Source, plain_name
from instraug.training_set.mix.tables import read_rows

EXACT = "exact row"
WORDING = "another wording of the same question"
TEXT = "same picture, same text"
NEAR = "near text"
DATASET = "same data set"

KINDS = (EXACT, WORDING, TEXT, NEAR, DATASET)

_question = re.compile(r"[^.?!:\n]*\?").findall

_WORDS_OF_A_QUESTION = 4


class Leak(NamedTuple):
    """What a row has in common with an evaluation set."""

    kind: str
    place: str
    """``file:line`` of the evaluation's row."""


class _Row(NamedTuple):
    """What the guard keeps of an evaluation's row."""

    place: int
    pictures: frozenset[int]
    prompt: int
    target: int


class Guard:
    """Knows the rows of evaluation sets, and finds them again.

    Args:
        images: The folder that image paths start at; given, pictures are compared by content too.
    """

    def __init__(self, images: Path | None = None) -> None:
        self._images = images
        self._files: list[Path] = []
        self._rows: list[_Row] = []
        self._places: list[tuple[int, int]] = []
        self._by_text: dict[tuple[int, int], list[int]] = {}
        """(picture, prompt) -> rows."""
        self._by_question: dict[tuple[int, int], list[int]] = {}
        """(picture, what is asked without its wording) -> rows."""
        self._contents, self._prompts, self._bare = NearTexts(), NearTexts(), NearTexts()
        self.datasets: dict[str, str] = {}
        """Name as it is compared -> how an evaluation set spells it."""
        self._pictures = lru_cache(1 << 16)(self._keys_of)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_pictures"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._pictures = lru_cache(1 << 16)(self._keys_of)

    def read(self, source: Source) -> None:
        """Take an evaluation set in.

        Raises:
            InputError: a row that cannot be read.
            StorageError: the file cannot be read.
        """
        at, read = len(self._files), reader(source.format)
        self._files.append(source.file)
        problems: list[Problem] = []
        for line, raw in read_rows(source.file, problems.append, is_ofa=source.is_ofa):
            try:
                row = source.adapted(raw)
                self._add(row, read(row), (at, line), has_fields=source.has_fields)
            except BadRow as bad:
                problems.append(Problem(f"{source.file}:{line}", bad.what, bad.fix))
        if problems:
            raise InputError(problems[:1000])
        stated = [name for names in source.datasets.values() for name in names]
        for name in stated or [Path(source.name).name.split(".")[0]]:
            if plain := plain_name(name):
                self.datasets.setdefault(plain, name)

    def _add(self, row: Fields, view: View, place: tuple[int, int], *, has_fields: bool) -> None:
        number, pictures = len(self._rows), self._pictures(view.images)
        prompt = _hash(folded(view.prompt))
        self._rows.append(_Row(number, pictures, prompt, _hash(folded(view.target))))
        self._places.append(place)
        asked = content(row) if has_fields else ""
        for picture in pictures or (0,):
            if view.prompt:
                self._by_text.setdefault((picture, prompt), []).append(number)
            for question in _asked(row, view, asked, has_fields=has_fields, known=True):
                self._by_question.setdefault((picture, question), []).append(number)
        if asked:
            self._contents.add(asked, number)
            self._prompts.add(view.prompt, number)
        else:
            self._bare.add(view.prompt, number)

    def leak(self, row: Fields, view: View, *, has_fields: bool) -> Leak | None:
        """Return what a row has in common with the evaluation sets, the plainest first.

        Args:
            row: The row.
            view: What it says.
            has_fields: Whether it keeps the fields that its prompt was made of.
        """
        pictures = self._pictures(view.images)
        keys = pictures or (0,)
        prompt, target = _hash(folded(view.prompt)), _hash(folded(view.target))
        same = [n for key in keys for n in self._by_text.get((key, prompt), ())]
        for number in same:
            if self._rows[number].target == target:
                return self._leak(EXACT, number)
        if same:
            return self._leak(TEXT if pictures else NEAR, same[0])
        asked = content(row) if has_fields else ""
        for question in _asked(row, view, asked, has_fields=has_fields, known=False):
            for key in keys:
                if found := self._by_question.get((key, question)):
                    return self._leak(WORDING, found[0])
        candidates = (
            chain(self._contents.near(asked), self._bare.near(view.prompt))
            if asked
            else chain(self._prompts.near(view.prompt), self._bare.near(view.prompt))
        )
        for number in candidates:
            other = self._rows[number].pictures
            if not (pictures or other) or pictures & other:
                return self._leak(NEAR, number)
        return None

    def _leak(self, kind: str, number: int) -> Leak:
        file, line = self._places[number]
        return Leak(kind, f"{self._files[file]}:{line}")

    def _keys_of(self, images: tuple[str, ...]) -> frozenset[int]:
        """Return what stands for a row's pictures: paths, and contents where they can be read."""
        keys = set()
        for path in images:
            if path:
                keys.add(_hash(re.sub(r"^(?:\./|/)+", "", path)))
            if path and self._images is not None:
                try:
                    keys.add(_hash(sha256(find_image(self._images, path))))
                except BadRow:
                    continue  # a picture that is not there has its path alone
        return frozenset(keys)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1  # 0 stands for no picture


def _asked(row: Fields, view: View, asked: str, *, has_fields: bool, known: bool) -> Iterator[int]:
    """Yield what stands for a row's question whatever its wording.

    That is its own fields, where it keeps them; a row that has none, such as a caption, has no
    question but its task. Else it is its id with a picture, and each sentence that is a question,
    with the answer; two rows that both have fields are not compared so.

    Args:
        row: The row.
        view: What it says.
        asked: What its fields ask; "" for none.
        has_fields: Whether it keeps its fields.
        known: Whether it is an evaluation's, and not one that is looked for.
    """
    if asked:
        yield _hash(f"fields {asked}")
    elif view.images and has_fields:
        yield _hash(f"task {row.get('task_name')}")
    if not view.images:
        return
    kinds = [has_fields] if known else [False] if has_fields else [False, True]
    said = view.prompt or str(row.get("question") or "")
    sentences = [text for text in _question(said) if len(text.split()) >= _WORDS_OF_A_QUESTION]
    for kind in kinds:
        if view.id:
            yield _hash(f"id {kind} {view.id}")
        for text in sentences:
            yield _hash(f"question {kind} {folded(text)} {folded(view.target)}")


def dataset_leaks(guard: Guard, sources: Iterable[Source]) -> dict[str, dict[str, str]]:
    """Return for each source the tasks made of a data set that an evaluation set is made of.

    Returns:
        Source -> task -> both spellings of the data set's name.
    """
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        for task, names in source.datasets.items():
            for name in names:
                if other := guard.datasets.get(plain_name(name)):
                    found.setdefault(source.name, {})[task] = f"{name}, {other}"
    return found


def check_tasks(sources: Sequence[Source], leaks: dict[str, dict[str, str]], *, drop: bool) -> None:
    """End the run where tasks are made of an evaluation's data set, and may not be left out.

    Raises:
        InputError: such a task; or its rows cannot be measured from those of the other tasks.
    """
    problems = []
    for source in sources:
        tasks = leaks.get(source.name, {})
        hidden = source.format not in FIELDS and tasks.keys() != source.datasets.keys()
        for task, names in tasks.items():
            if not drop or hidden:
                what = f"the task {task} is made of a data set of the evaluation ({names})"
                fix = "build the set without that task" if hidden else "--drop-leaks leaves it out"
                problems.append(Problem(source.name, what, fix))
    if problems:
        raise InputError(problems)
