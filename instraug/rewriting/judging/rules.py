"""The postprocessing rules that look at one candidate, each a named function.

A rule returns None, or the detail of how it is broken. The rules that look at other rewrites
(duplicate, near_duplicate) and the semantic gate are in `verdicts`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from instraug.rewriting.config import Rules
from instraug.rewriting.grammar.lexicon import FUNCTION, GRAMMATICAL, WORD, alike, bag
from instraug.rewriting.judging import marks
from instraug.rewriting.judging.edges import apart
from instraug.rewriting.judging.sentences import strays
from instraug.rewriting.judging.talk import ASKS, FOREIGN, about, content_of
from instraug.rewriting.records import Candidate
from instraug.tasks.placeholders import parse
from instraug.tasks.records import Task
from instraug.tasks.rendering import prove
from instraug.tasks.words import folded

Rule = Callable[[Candidate, Task, Rules], str | None]

REFUSAL = re.compile(
    r"\A\W*(?:(?:i['\u2019]?m|i am|we are|we['\u2019]re)"
    r" (?:(?:very |really |so )?sorry|afraid|unable|not able)"
    r"|i (?:can ?not|can['\u2019]t|won['\u2019]t|must decline|apologi[sz]e)|sorry\b|my apologies"
    r"|as an? (?:ai|artificial|language model)|(?:unfortunately,? )?i do(?:n['\u2019]t| not) have)",
    re.IGNORECASE,
)

_PREAMBLE = re.compile(
    r"\A\W*(?:sure\b|certainly\b|of course\b|absolutely\b|gladly\b"
    r"|definitely\b|ok(?:ay)?\b|here(?:'s|\u2019s| is| are)\b"
    r"(?![^.?!:\n]*\{)(?! (?:an?|the) (?:image|picture|photo|scene)s?\b)"
    r"|(?:the )?(?:rewritten|rephrased|paraphrased|revised|reworded)\b[^.?!\n]{0,40}:)"
    r"|\n\s*(?:note|explanation|let me know|i hope)\b",
    re.IGNORECASE,
)

_FIELD_OF_ONE_LETTER = (
    r"(?![a-zA-Z]:\s+[\"\u201c]?\{[A-Z]+\d*\}[\"\u201d]?(?:[.?!]|\s+[A-Z{]|\s*$))"
)
"""Stands in front of no "Q: {A}", which is a field and no item of a list."""

_MARKUP = re.compile(
    rf"^\s{{0,3}}#{{1,6}}\s|^\s*{_FIELD_OF_ONE_LETTER}"
    r"(?:[-*\u2022\u2013\u2014+]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)\]:])\s"
    r"|^\s*[-=*_~]{3,}\s*$|\s[-\u2013\u2014]+\s*\Z",
    re.MULTILINE,
)

_CONTRACTION = re.compile(r"\w['\u2019](?:d|ll)\b", re.IGNORECASE)

_GOOD_END = re.compile(
    r"(?=.*(?:stop|eo[st]|end|complete|finish|done|normal|natural|success|none|null))"
    r"(?:stop(?:ped|ping)?|eo[st]|end(?:ed|ing)?|completed?|finish(?:ed)?|done|normal(?:ly)?"
    r"|natural(?:ly)?|success(?:ful(?:ly)?)?|none|null|sequence|token|word|string|found|reached"
    r"|of|text|turn|sentence|message|generation|response|reason|by|at|on|id)+"
)
"""Matches a finish reason, letters only, each word of which names or belongs to a natural end."""

_FILTERS = re.compile(
    r"filter|safety|recitation|block|prohibit|guardrail|toxic|moderat|spii|refus|sensitive|policy"
)

# Words that reveal no answer: a rewrite uses them as words, even if they are labels.
_NO_LEAK = GRAMMATICAL | bag("he she we they i my his her our who there then than so not")


_ENGLISH = bag(
    """inside outside under over near off down out onto upon across along around behind beside
    beyond during until while than such much many more most few less least other another any
    anything something whatever whichever whoever they them their our his her not but because since
    although though however will would shall might throughout despite per instead together"""
)
"""Function words beyond those of `FUNCTION`."""


def empty(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject an answer of which extraction leaves nothing, or without content."""
    if candidate.rewrite.strip():
        return None
    many = candidate.size > 1000
    return f"its {candidate.size:,} characters are not a rewrite" if many else "no rewrite"


def truncated(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject an answer that was cut by a limit, aborted, or ended by an error."""
    reason = candidate.finish_reason
    if ended(reason) or _FILTERS.search(_letters(reason)):
        return None
    return f"the answer was cut: finish reason {reason!r:.60}"


def filtered(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject an answer that the provider's content filter stopped."""
    reason = candidate.finish_reason
    if ended(reason) or not _FILTERS.search(_letters(reason)):
        return None
    return f"the provider's content filter stopped the answer: finish reason {reason!r:.60}"


def _letters(reason: str | None) -> str:
    """Write a finish reason without case, prefix and separators: providers agree on the rest."""
    return re.sub(r"[\W\d_]", "", (reason or "").casefold()).removeprefix("finishreason")


def ended(reason: str | None) -> bool:
    """Whether an answer was not cut: its finish reason names a natural end, or there is none."""
    return not reason or _GOOD_END.fullmatch(_letters(reason)[:80]) is not None


def refusal(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject an answer in which the model declines."""
    return _newly(REFUSAL, candidate)


def preamble(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject talk about the rewrite that is still before or after it."""
    if detail := _newly(_PREAMBLE, candidate):
        return detail
    rewrite, origin = candidate.rewrite, candidate.request.masked.text
    if words := about(rewrite, origin):
        return f"speaks about rewriting: {words!r}"
    mask = re.compile(candidate.request.masked.pattern)
    if piece := next(apart(rewrite, origin, mask), None):
        return f"{piece[:60]!r} stands beside the rewrite"
    stray = next(strays(rewrite, origin, mask), None)
    return f"a sentence apart from the rewrite: {stray[:60]!r}" if stray else None


def markup(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject markup that the template lacks, a list, a runaway, or too many lines."""
    rewrite, masked = candidate.rewrite, candidate.request.masked
    plain, asked = (re.sub(masked.pattern, "x", text) for text in (rewrite, masked.text))
    if detail := (
        _newly(_MARKUP, candidate)
        or marks.more(plain, asked)
        or marks.edges(rewrite, masked.text)
        or marks.beside(rewrite, masked.text, masked.pattern)
        or marks.runaway(rewrite, masked.text, masked.pattern)
    ):
        return detail
    lines, had = _lines(rewrite), _lines(masked.text)
    return f"{lines} lines, the template has {had}" if lines > had else None


def length(candidate: Candidate, _task: Task, rules: Rules) -> str | None:
    """Reject what is not strictly between the bounds on the parent's whitespace words.

    The bounds are ``min_length`` and ``max_length`` times those words.

    Source:
        INSTRAUG, arXiv:2402.14492, rule-based filtering.
    """
    if candidate.instruction is None:
        return None
    n, parent = len(candidate.instruction.split()), len(candidate.request.parent.text.split())
    if rules.min_length < n / parent < rules.max_length:
        return None
    return f"{n} words, the parent has {parent}"


def contraction(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject ``'d`` and ``'ll`` (INSTRAUG's sign of chatter)."""
    return _holds(_CONTRACTION, candidate.rewrite)


def copy(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject the text of its origin or its parent, compared without case and extra spaces."""
    if candidate.instruction is None:
        return None
    text = folded(candidate.instruction)
    request = candidate.request
    same = text in (folded(request.origin.text), folded(request.parent.text))
    return "the same as what it rewrites" if same else None


def language(candidate: Candidate, _task: Task, rules: Rules) -> str | None:
    """Reject what is not in ``rules.language``; only English is recognised."""
    if rules.language != "en":
        return None
    text, origin = candidate.rewrite, candidate.request.origin.text
    strange = [c for c in text if c > "\u024f" and _writes(c) and c not in origin]
    if strange:
        return f"letters of another script: {''.join(strange[:5])}"
    words = _words(re.sub(candidate.request.masked.pattern, " ", text))
    odd = [w for w in words if w in FOREIGN or not w.isascii()]
    known = _words(origin) if odd else []
    foreign = [w for w in odd if w not in known]
    # One may be a loan word ("caf\u00e9"); beyond Latin-1 there is none.
    if len(foreign) > 1 or any(c > "\xff" for w in foreign for c in w):
        return f"words of another language: {' '.join(foreign[:5])}"
    if _unknown(words, origin) and not _unknown(_words(origin), ""):
        return f"hardly an English word: {' '.join(words[:5])}"
    return None


def _unknown(words: list[str], origin: str) -> bool:
    """Whether fewer than a fifth of four words or more are of English grammar or of an origin."""
    known = sum(w in FUNCTION or w in ASKS or w in _ENGLISH for w in words)
    if len(words) < 4 or 5 * known >= len(words):
        return False
    own = content_of(origin)
    return 5 * (known + sum(any(alike(w, o) for o in own) for w in words)) < len(words)


def _writes(char: str) -> bool:
    kind = unicodedata.category(char)[0]
    return kind in "LM" or (kind == "P" and char > "\u2e7f")


def _words(text: str) -> list[str]:
    return [w for w in WORD.findall(text.lower()) if w.isalpha()]


def leak(candidate: Candidate, task: Task, _rules: Rules) -> str | None:
    """Reject a label of the task outside a placeholder that the origin does not name.

    A label that is a function word, or a letter used as one ("a", "I"), counts as a word.
    """
    if candidate.instruction is None or not task.labels:
        return None
    rewrite, origin = (_literal(t) for t in (candidate.instruction, candidate.request.origin.text))
    for label in task.labels:
        named = _naming(label)
        if named and named.search(rewrite) and not named.search(origin):
            return f"names the label {label!r}"
    return None


@lru_cache(maxsize=8192)
def _naming(label: str) -> re.Pattern[str] | None:
    """Return a pattern that matches a label where it is named; None if it is always a word."""
    plain = label.strip()
    if plain in ("A", "I"):  # an article or a pronoun is followed by its word
        start = r"(?:\A|[.?!:\n\0][\"'\u201c]?\s*)" if plain == "A" else r"(?<!\w)"
        used = rf"(?!(?<={plain})(?:['\u2019]|\s+[a-z\0\"\u201c]))"
        named = rf"(?<!\w){plain}(?!\w){used}"
        named = named if plain == "I" else rf"(?<=\w )A(?!\w)|{start}A(?!\w){used}"
        return re.compile(f"{named}|{_quoted(plain)}")
    if plain in ("a", "i"):
        return re.compile(rf"(?<!\w){plain}(?!\w)(?!\s+[\w\0\"\u201c])|{_quoted(plain)}")
    if plain.casefold() in _NO_LEAK:
        return None
    return re.compile(rf"(?<!\w){re.escape(plain)}(?!\w)", re.IGNORECASE)


def _quoted(label: str) -> str:
    return rf"(?<!\w)[\"'\u201c\u2018]{label}[\"'\u201d\u2019](?!\w)"


def proof(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Reject what, rendered with sample fields, holds a value not as often as its origin."""
    if candidate.instruction is None:
        return None
    return prove(candidate.instruction, candidate.request.origin.text)


SINGLE: dict[str, Rule] = {
    "empty": empty,
    "truncated": truncated,
    "filtered": filtered,
    "refusal": refusal,
    "preamble": preamble,
    "markup": markup,
    "length": length,
    "contraction": contraction,
    "copy": copy,
    "language": language,
    "leak": leak,
    "proof": proof,
}
"""Rule name -> rule, in the order in which reasons are listed."""

ALWAYS = frozenset({"empty", "placeholders", "proof"})
"""Rules that cannot be turned off: without them an instruction could not be rendered."""


def _newly(pattern: re.Pattern[str], candidate: Candidate) -> str | None:
    """Return the detail of a match that the masked template does not hold, or None."""
    asked = _held(pattern, candidate.request.masked.text)
    for match in pattern.finditer(candidate.rewrite):
        if match[0].casefold() not in asked:
            return f"holds {match[0].strip()[:40]!r}" if match[0].strip() else "holds a list item"
    return None


@lru_cache(maxsize=8192)
def _held(pattern: re.Pattern[str], text: str) -> frozenset[str]:
    return frozenset(m[0].casefold() for m in pattern.finditer(text))


def _holds(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return f"holds {match[0]!r}" if match else None


def _lines(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())


def _literal(template: str) -> str:
    return "".join(s if isinstance(s, str) else "\0" for s in parse(template))
