"""Text as words: how an option is looked for in an answer, and what ROUGE-L counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from rapidfuzz.distance import LCSseq

Tokenizer = Callable[[str], Sequence[str]]

_ASCII = re.compile(r"[a-z0-9]+")

_UNSPACED = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Myanmar
    ("\u1780", "\u17ff"),  # Khmer
    ("\u3040", "\u30ff"),  # Hiragana, Katakana
    ("\u3400", "\u9fff"),  # Han
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
"""Scripts that put no space between words: there every letter is a word."""


def folded(text: str) -> str:
    """Return the text without case, accents composed, white space at the ends removed."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.strip().casefold()


def ascii_words(text: str) -> list[str]:
    """Return the runs of a-z and 0-9, case folded; every other character is dropped.

    Source:
        The default tokenizer of the package rouge_score, without its stemmer.
    """
    return _ASCII.findall(text.lower())


@lru_cache(maxsize=4096)
def unicode_words(text: str) -> tuple[str, ...]:
    """Return the words of any script, case folded; accents stay.

    A word is a run of letters, digits and the marks on them; in scripts that put no space between
    words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) every letter is one.
    """
    text = folded(text)
    if text.isascii():
        return tuple(_ASCII.findall(text))
    words, last = list[str](), ""
    for char in text:
        kind = unicodedata.category(char)[0]
        if kind == "M" and last:
            words[-1] += char
            continue
        if kind not in "LN":
            last = ""
        elif last == "L" and not unspaced(char):
            words[-1] += char
        else:
            words.append(char)
            last = "U" if unspaced(char) else "L"
    return tuple(words)


def unspaced(char: str) -> bool:
    """Whether the character belongs to a script that puts no space between words."""
    return char >= "\u0e00" and any(first <= char <= last for first, last in _UNSPACED)


def rouge_l(answer: Sequence[str], target: Sequence[str]) -> float:
    """Return the F1 of the longest common subsequence of two lists of words, 0 to 1.

    Source:
        Lin 2004, ROUGE-L of one sentence; the F of the package rouge_score.
    """
    common = LCSseq.similarity(answer, target)
    # As precision and recall, because that is how rouge_score rounds.
    if not common:
        return 0.0
    precision, recall = common / len(answer), common / len(target)
    return 2 * precision * recall / (precision + recall)


@lru_cache(maxsize=4096)
def finder(options: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that finds any of some folded texts as whole words, longest first."""
    longest_first = sorted(set(filter(None, options)), key=lambda text: (-len(text), text))
    return re.compile("|".join(map(_bounded, longest_first)) or r"(?!)")


def _bounded(text: str) -> str:
    """Let no word go on before or after the text, where its script has spaces between words."""
    before = r"(?<!\w)" if text[0].isalnum() and not unspaced(text[0]) else ""
    after = r"(?!\w)" if text[-1].isalnum() and not unspaced(text[-1]) else ""
    return before + re.escape(text) + after
