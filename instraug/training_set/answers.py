"""How a row's target refers to its options, and how it changes when the options move.

A target may be an option's text, or name its place by a letter or a number ("B", "(b)", "Option
B.", "B. dog"). Text stays right in any order; a letter or number has to move with its option.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from instraug.tasks.records import Answers, Task
from instraug.training_set.formats.base import Fields
from instraug.training_set.given_options import check, shown
from instraug.training_set.ordered import are_regions, keeps_order, labels
from instraug.training_set.sampling import shuffled
from instraug.training_set.seen import SHORT, Seen

IN_ORDER, NUMBERED, NO_OPTION = "kept_in_order", "number_targets", "other_targets"
"""What is noted of a row whose options keep their order: the order carries meaning; the answer is a
number, and the task file does not state what it counts; the target is none of the options."""

Note = tuple[str, str, bytes]
"""What is noted, the row's task, and its line."""

_OPEN, _CLOSE = r"[\s(\[{<\"'*（「]*", r"[\s)\]}>\"'*.:,;）」．。：，、]*"

_WORDS = r"(?i:the|correct|right|best|final|answer|option|choice|letter|number|is)\b"

_LABEL = "[A-Za-zＡ-Ｚａ-ｚ]|[0-9]{1,3}|[０-９]{1,3}"

_label = re.compile(rf"(?<!\w)(?:{_LABEL})(?![^\W_])").search
"""Finds something in whatever names a place."""

_place = re.compile(
    rf"{_OPEN}(?:{_WORDS}[\s(\[{{<\"'*:]*)*"
    rf"(?P<label>{_LABEL})(?![^\W_])(?P<end>{_CLOSE}(?:[-–—]\s+)?)(?P<text>.*)",
    re.DOTALL,
).fullmatch

_apart = re.compile(
    r"((?<!\s)\s*(?:[,;]\s*(?:and|or)\b|\|+|[,;&/\n]|\b(?:and|or)\b)\s*)", re.IGNORECASE
).split

_WIDE = {ord("0") + n: ord("０") + n for n in range(10)}

_FIRST = {"index0": 0, "index1": 1}
"""How targets number their options -> the number of the first one."""

NUMBERS: tuple[Answers, ...] = ("index0", "index1")

PLACES: tuple[Answers, ...] = ("letter", *NUMBERS)


@dataclass(frozen=True, slots=True)
class Places:
    """A target that names options by their places."""

    pieces: tuple[str, ...]
    """The target, cut before and after each label; labels stand at odd positions."""
    positions: tuple[int, ...]
    """From 0, of the option that each label names."""

    def moved(self, new: Sequence[int]) -> str | None:
        """Return the target for options of which the one at position p moved to ``new[p]``.

        Labels that stood in the order of the options still do. None where no letter is left.
        """
        new_positions = [new[p] for p in self.positions]
        if list(self.positions) == sorted(self.positions):
            new_positions.sort()
        pieces = list(self.pieces)
        for at, position in enumerate(new_positions):
            old = pieces[2 * at + 1]
            if old.isdigit():
                moved = str(position + int(old) - self.positions[at])
                pieces[2 * at + 1] = moved if old.isascii() else moved.translate(_WIDE)
            elif position < 26:
                pieces[2 * at + 1] = chr(ord(old) + position - self.positions[at])
            else:
                return None
        return "".join(pieces)


def places(target: str, options: Sequence[str], kind: Answers) -> Places | None:
    """Read a target as letters, or as numbers that count from 0 or 1; None where it is not so.

    Text behind a label has to be that of the option.
    """
    if not _label(target):
        return None
    whole = _labels([target], options, kind)
    return whole or _labels(_apart(target), options, kind)


def _labels(parts: Sequence[str], options: Sequence[str], kind: Answers) -> Places | None:
    pieces, positions = [""], []
    for number, part in enumerate(parts):
        if number % 2:  # what parts them
            pieces[-1] += part
            continue
        match = _place(part)
        if not match or match["label"].isdigit() != (kind in _FIRST):
            return None
        label, text = match["label"], match["text"]
        first = "a" if label.isascii() else "ａ"
        at = int(label) - _FIRST[kind] if kind in _FIRST else ord(label.lower()) - ord(first)
        if not 0 <= at < len(options):
            return None
        if text and not _is_said(text, options[at]):
            return None
        if text[:1].isalnum() and label in "aA" and not match["end"].strip():
            return None  # an article
        start, end = match.span("label")
        pieces[-1] += part[:start]
        pieces += [label, part[end:]]
        positions.append(at)
    return Places(tuple(pieces), tuple(positions))


def _is_said(text: str, option: str) -> bool:
    """Return whether the text behind a label is that of its option, in brackets or not."""
    bare = text.strip(" .")
    inner = bare[1:-1] if bare[:1] + bare[-1:] in ("()", "[]", "（）") else bare
    return _plain(option) in (_plain(text), _plain(inner))


def is_text(target: str, options: Sequence[str]) -> bool:
    """Return whether a target is an option's text, or several of them, but for case and dots."""
    if all(part in options for part in _apart(target)[::2]):
        return True
    known = set(map(_plain, options))
    if labelled := labels(options):
        known.update(_plain(text) for _, text in labelled)
        known.update(label for label, _ in labelled)
        match = _place(target)
        if match and not match["text"] and match["label"].lower() in known:
            return True
    return _plain(target) in known or all(_plain(part) in known for part in _apart(target)[::2])


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .\"'")


class Arranger:
    """Puts the options of a task's rows in order, and keeps their targets right.

    Args:
        task: States what its targets are, and whether its options keep their order.
        shuffle: Put each row's options in an order of its own.
        notes: Takes what there is to note.
        seen: Options that any task's rows had.
    """

    def __init__(self, task: Task, *, shuffle: bool, notes: list[Note], seen: Seen) -> None:
        self._task, self._notes = task, notes
        self._shuffle = shuffle and not task.fixed_options
        self._shown = shown(task)
        self.by_text = self._shuffle and task.answers in (None, "text")
        """Options are shuffled, and a target that is an option's text is meant as one."""
        self._seen = seen

    def arrange(self, row: Fields, target: str, number: int, line: bytes) -> str:
        """Put a row's options in order.

        An ``answer`` that names the target's option by its place moves with it.

        Args:
            row: The row; its ``target_txt`` stays the same as its target.
            target: Its target.
            number: For `shuffled`.
            line: The row's.

        Returns:
            Its target, once the options are in order.

        Raises:
            BadRow: prompts show the options, and one of them is none.
        """
        options, kind = row["options"], self._task.answers
        if self._shown:
            check(options)
        exact = kind in (None, "text") and target in options
        if not exact and kind in (None, "text") and (bare := target.strip()) in options:
            row["target_txt"], target, exact = bare, bare, True
        if not options:
            return target
        named = None
        if not exact:
            texts = list(map(str, options))
            named, is_read = self._read(target, texts)
            if not is_read:
                return self._unread(target, texts, line)
        if not self._shuffle or self._keeps(options, line):
            return target
        if named or self._may_name(row.get("answer"), options):
            return self._moved(row, target, named, number, line)
        row["options"] = shuffled(options, number)
        return target

    def _read(self, target: str, texts: Sequence[str]) -> tuple[Places | None, bool]:
        """Read a target as places, unless it is an option's text; the task's setting goes first.

        Returns:
            The places, and whether it is these or such a text.
        """
        kind = self._task.answers
        by_text = kind not in PLACES and is_text(target, texts)
        if by_text or kind == "text":
            return None, by_text
        named = places(target, texts, kind or "letter")
        return named, named is not None or (kind in PLACES and is_text(target, texts))

    def _unread(self, target: str, texts: Sequence[str], line: bytes) -> str:
        """Note a target that seems to name none of the options."""
        if not (self._task.answers is None and _is_number(target, texts)):
            self._note(NO_OPTION, line)
        elif self._shuffle:
            self._note(NUMBERED, line)
        return target

    def _keeps(self, options: Sequence[Any], line: bytes) -> bool:
        """Return whether a row's options have to keep their order; note it where they do."""
        try:
            kept = self._seen.lists.get(known := tuple(options))
            if kept is None:
                if are_regions(options):
                    return False
                kept = keeps_order(options)
                self._seen.learn_list(known, kept=kept)
                if not kept and len(options[0]) <= SHORT:
                    self._seen.learn(options)
        except TypeError:  # not all of them are text
            kept = keeps_order(list(map(str, options)))
        if kept:
            self._note(IN_ORDER, line)
        return kept

    def _note(self, what: str, line: bytes) -> None:
        self._notes.append((what, self._task.name, line))

    def _moved(
        self,
        row: Fields,
        target: str,
        named: Places | None,
        number: int,
        line: bytes,
    ) -> str:
        """Shuffle a row's options, move what names their places, and return the new target."""
        options = row["options"]
        texts = list(map(str, options))
        at = shuffled(range(len(options)), number)
        new = sorted(range(len(at)), key=at.__getitem__)
        moved = named.moved(new) if named else target
        if moved is None:  # there is no letter for so many options
            self._note(IN_ORDER, line)
            return target
        if row.get("answer") is not None:
            own = named.positions if named else _positions(target, texts)
            try:
                row["answer"] = self._answer(row["answer"], own, texts, new)
            except ValueError:
                self._note(NUMBERED, line)
                return target
        row["options"] = [options[position] for position in at]
        row["target_txt"] = moved
        return moved

    def _may_name(self, answer: Any, options: Sequence[Any]) -> bool:
        """Return whether a row's answer could name options by their places."""
        if type(answer) is list:
            return any(self._may_name(item, options) for item in answer)
        if type(answer) is not str:
            return type(answer) is int
        if answer in options and self._task.answers not in PLACES:
            return False
        return _label(answer) is not None

    def _answer(
        self, answer: Any, own: Sequence[int], texts: Sequence[str], new: Sequence[int]
    ) -> Any:
        """Return a row's answer as it is once the options are moved.

        Args:
            answer: As it is before; of a list, each item is read by itself. What the task says of
                targets goes first, then text, then letters.
            own: The positions of the options that the target names.
            texts: The options.
            new: See `Places.moved`.

        Raises:
            ValueError: it is a number, and the task does not state what it counts; or there are
                more options than letters.
        """
        if type(answer) is list:
            return [self._answer(item, own, texts, new) for item in answer]
        if type(answer) not in (str, int):
            return answer
        text, kind = str(answer), self._task.answers
        named = places(text, texts, kind) if kind in PLACES else None
        if named is None:
            if is_text(text, texts):
                return answer
            if kind not in _FIRST and _is_number(text, texts):
                raise ValueError(text)
            named = places(text, texts, "letter")
        if named is None or not set(named.positions) <= set(own):
            return answer
        if (moved := named.moved(new)) is None:
            raise ValueError(text)
        return int(moved) if type(answer) is int else moved


def named(
    target: str, texts: Sequence[str], kind: Answers | None
) -> tuple[Sequence[int], bool] | None:
    """Return the positions of the options that a target names, and whether it does so by text.

    Args:
        target: Of the row.
        texts: Its options, in the order that the target fits.
        kind: What the task says that targets are.

    Returns:
        None where it names none of them.
    """
    is_a_text = is_text(target, texts)
    a_place = kind != "text" and not (kind is None and is_a_text)
    if a_place and (found := places(target, texts, kind or "letter")):
        return found.positions, False
    positions = _positions(target, texts) if is_a_text else []
    return (positions, True) if positions else None


def _positions(target: str, texts: Sequence[str]) -> list[int]:
    named = {_plain(target), *map(_plain, _apart(target)[::2])}
    return [position for position, text in enumerate(texts) if _plain(text) in named]


def _is_number(target: str, texts: Sequence[str]) -> bool:
    """Return whether a target could be an option's number, from 0 or from 1 on."""
    return any(places(target, texts, kind) for kind in NUMBERS)
