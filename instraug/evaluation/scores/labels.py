"""What an answer means, where it is a letter of a list, yes or no, or a number."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from instraug.evaluation.scores.words import folded

_OPEN = r"(?:\\boxed|[\s\"'“”‘’*_`$({\[<])*"

_CLOSE = r"[)}\]>\"'”’*_`$]*"

_LABEL = r"(?P<label>[A-Za-z]|[1-9])"

_ALONE = re.compile(rf"{_OPEN}{_LABEL}{_CLOSE}[.:,;!]?\s*\Z")

_LEADING = re.compile(
    rf"{_OPEN}{_LABEL}(?:{_CLOSE}[.:,;)](?!\S?\d|\s*[A-Z]\b)|{_CLOSE}\s*\n|[)}}\]>\"”*])"
)

_WITH_REASON = re.compile(rf"{_OPEN}(?P<label>[B-HJ-Z]) [a-z]")

_CUE = (
    r"(?:answer|option|choice|letter|choose|pick|select)(?:\s+(?:is|would be|should be))?"
    r"(?:\s+(?:answer|option|choice|letter))?\s*[:=]?"
)

# "A dog" is not a label, "A because" is one.
_ENDS = r"(?!\w|['’]\w|(?<=(?-i:[AI])) (?!because|since|as|and|for|is)[a-z])"

_CUED = tuple(
    re.compile(rf"{first}{_CUE}{_OPEN}(?P<label>(?-i:[A-Z])|[1-9]){_ENDS}", re.IGNORECASE)
    for first in (r"\b(?:final|correct|best)\s+", r"\b")
)

_MARKED = re.compile(r"(?:\((?P<a>[A-Z])\)|(?<![\w.])(?P<b>[A-Z])[.)](?=\s|\Z))")

_LIST = re.compile(r"\W*(?:A[.):].*\bB[.):]|1[.):].*\b2[.):])")


def label(answer: str) -> str | None:
    """Return the label of a list's item that an answer names: A to Z; 1 to 9 count as A to I.

    In this order: the whole answer; what the answer begins with, where a mark or a line's end
    follows and the line is not a list of labels; the first label after "final answer", then after
    "answer", "option", "choice", "letter", "choose", "pick" or "select"; the only label that is
    marked as one anywhere, such as (B) or B.
    """
    for pattern in (_ALONE, _LEADING, _WITH_REASON):
        if (match := pattern.match(answer)) and not _LIST.match(answer):
            return letter(match["label"])
    for pattern in _CUED:
        if match := pattern.search(answer):
            return letter(match["label"])
    marked = {m["a"] or m["b"] for m in _MARKED.finditer(answer)}
    return marked.pop() if len(marked) == 1 else None


def letter(text: str) -> str:
    """Return A to Z for a letter in any case, A to I for the digits 1 to 9."""
    return chr(ord("A") + int(text) - 1) if text.isdecimal() else text.upper()


_YES_NO = {"yes": "yes", "no": "no", "true": "yes", "false": "no"}

_WORD = re.compile(r"\w+")


def yes_no(answer: str) -> str | None:
    """Return yes or no: the first word, else the only one of them in the answer.

    True counts as yes and false as no, case folded.
    """
    words = _WORD.findall(folded(answer))
    if words and words[0] in _YES_NO:
        return _YES_NO[words[0]]
    answers = {_YES_NO[word] for word in words if word in _YES_NO}
    return answers.pop() if len(answers) == 1 else None


_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)\.\d+|(?<!\d)\.\d+)?"

_NUMBERS = re.compile(rf"(?<![\w.])(?=[-+]?\.?\d){_NUMBER}(?:[eE][-+]?\d{{1,2}}(?!\w))?")

_BEFORE = re.compile(
    r"####|\\boxed|\banswer(?:\s+is)?\s*[:=]?(?=[\s$*({\[]*[-+]?\.?\d)", re.IGNORECASE
)


def number(answer: str) -> str | None:
    """Return the number that an answer names, without trailing zeros.

    The first one after ``####`` or "answer is", else the last one. A comma between groups of three
    digits is dropped; a minus counts.
    """
    cue = _BEFORE.search(answer)
    numbers = _NUMBERS.findall(answer, cue.end()) if cue else []
    chosen = numbers[0] if numbers else (_NUMBERS.findall(answer) or [None])[-1]
    if chosen is None:
        return None
    try:
        value = Decimal(chosen.replace(",", ""))
    except InvalidOperation:
        return None
    return format(value.normalize(), "f") if value else "0"
