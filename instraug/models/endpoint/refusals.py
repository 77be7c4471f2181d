"""Which parameters a refusal blames, and whether it blames the parameter or only its value.

Fields such as ``param`` and ``loc`` name a parameter. In a text, a name counts if it is used as a
name: it looks like one (``top_p``), or it is quoted, in a path, beside ``=``, or in a sentence that
complains about it. What the server repeats of the prompt is removed first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from instraug.models.endpoint.bodies import Remark, codes, remarks, words

_SPELLINGS = {
    "seed": r"(?:random[_ -]?)?seed",
    "n": r"n|candidate_?count|num_?(?:completions|generations|candidates|choices|return_sequences)"
    r"|best_of|(?:multiple|number of) (?:completions|generations|candidates|choices|responses)",
    "top_p": r"top[_ -]?p",
    "temperature": r"temperature",
    "max_tokens": r"max_?(?:new_|output_?)?tokens",
    "max_completion_tokens": r"max_?completion_?tokens",
}
"""Parameter -> how providers and gateways spell it, in any case."""

_NAMES = {
    name: re.compile(rf"(?i)(?<![a-z0-9_])(?:{spelled})(?![a-z0-9_])")
    for name, spelled in _SPELLINGS.items()
}

_PLAIN = re.compile(r"(?i)(?:random )?seed|n|temperature")
"""Names that are also English words, or too short to stand out."""

_QUOTED = re.compile(r"""["'`\u2018\u201c\u00ab\[{(]\s?$""")

_UNQUOTED = re.compile(r"""\s?["'`\u2019\u201d\u00bb\]}),]""")

_IN_PATH = re.compile(r"(?:\w\.|/|->\s?|\$\.)$")

_COMPARED = re.compile(r"\s?(?:=|:(?!\w)|[<>\u2264\u2265])")

_NOUNS = (
    r"(?:param\w*|arguments?|args?|fields?|keys?|propert(?:y|ies)|options?|settings?|keywords?"
    r"|attributes?|names?|inputs?|values?)"
)

_BEFORE = re.compile(
    rf"(?i)(?:{_NOUNS}(?:\(s\))?"
    r"(?: (?:supplied|received|provided|given|found|named|called|is|are))?[\s:]*"
    r"|(?:invalid|illegal|bad|wrong|unsupported|unknown|unexpected|unrecogni[sz]ed|disallowed"
    r"|extra|extraneous|custom|non-default|support|accept|allow|permit|take|recogni[sz]e|remove"
    r"|omit|unset|drop|use|set|setting|specify|specifying|pass|passing|without|sending)(?:s|ed)?"
    r"[\s:]+(?:the |a |any |this )?"
    r"|(?:supported|permitted|allowed|recogni[sz]ed|accepted)[^.;:]{0,40}:\s?)[\"'`]?$"
)

_AFTER = re.compile(
    rf"(?i)[\"'`]?(?: {_NOUNS})?(?: ?: ?\w*)? (?:is|are|was|must|should|may|can|cannot|can't"
    r"|does|doesn't|isn't|not|has to|needs|exceeds?|above|below|over|under|outside|out of"
    r"|between|greater|less|larger|higher|lower|only|required)\b"
)

_WORD = re.compile(
    r"(?i)(?:word|term|phrase|text|token|content|string|prompt|message)s?:? (?:of |like )?\W?$"
)
"""Stands before a word that is quoted as text, not used as a name."""

_LISTED = re.compile(
    r"(?i)(?<!not )(?<!n't )(?<!\w)(?:expected|supported|allowed|valid|permitted|accepted"
    r"|available|known|recogni[sz]ed)\s+(?:one of|(?:request |body )?(?:fields|param\w*s|arguments"
    r"|keys|options|properties|names)(?: are| is| include)?)\b[^.;]*"
)
"""A list of allowed parameters, which blames none of them."""

_CLASH = re.compile(
    r"(?i)\bboth\b|\btogether\b|simultaneous|same time|mutually|only one of"
    r"|combin|not be set when"
)

_VALUE = re.compile(
    r"(?i)\b(?:must|should|has to|needs to|have to) (?:be|lie|equal|have)\b"
    r"(?! (?:omitted|absent|null|none|unset|removed|left out|empty))|\brange\b"
    r"|\bbetween\b|\b(?:less|greater|larger|smaller|higher|lower|more) than\b|\bat (?:most|least)\b"
    r"|\b(?:maximum|minimum)\b|exceed|up to|\b(?:above|below)\b|(?<!-)[<>\u2264\u2265]|\bdefault\b"
    r"|out of|too (?:large|small|high|low|big|long|many)|\bone of\b|\bonly .*\d"
)

_PARAMETER = re.compile(
    rf"(?i)un(?:supported|known|expected|recogni[sz]ed|permitted) (?:\w+ )?{_NOUNS}"
    rf"|(?:support|invalid|illegal|disallowed|extra|extraneous|additional) (?:\w+ )?{_NOUNS}"
    r"|not (?:be )?(?:support|permit|allow|accept|recogni[sz]|availab|known|specif|set\b)"
    r"|n't (?:support|accept|recogni[sz]|allow)|extra (?:inputs|fields)|unknown name"
)

_FORBIDDEN = re.compile(
    r"extra|forbidden|unsupported_param|unknown|unexpected|unrecogni|additional"
)

_OUTSIDE = re.compile(
    r"not_[lg][te]|than|literal|enum|range|_type$|_parsing|multiple_of|finite|invalid_type"
)

_PARAM = re.compile(r"(?i)\b(?:param|arg(?:ument)?s?\b|fields?\b|keys?\b|propert|option|keyword)")

_SUPPORTS = re.compile(rf"(?i)support (?:{_NOUNS})|unsupported (?!values?){_NOUNS}")


@dataclass(frozen=True, slots=True)
class Blame:
    """One parameter that a refusal holds to be wrong."""

    name: str
    value_only: bool
    """Whether another value might be accepted."""


@dataclass(frozen=True)
class Refusal:
    """An error body, read against what was sent."""

    text: str
    sent: Mapping[str, Any]
    """The request's body."""

    @cached_property
    def remarks(self) -> list[Remark]:
        """The messages of the body."""
        return remarks(self.text)

    @cached_property
    def words(self) -> str:
        """Its messages for people as one text, not redacted."""
        return words(self.remarks)

    @cached_property
    def codes(self) -> frozenset[str]:
        """Its error codes, in lower case."""
        return codes(self.remarks)

    @cached_property
    def alike(self) -> str:
        """Equal for refusals that differ only in numbers, ids and parts of the prompt."""
        text = self._unquoted(self.words or self.text)
        return " ".join(w for w in text.lower().split() if not re.search(r"\d|[0-9a-f-]{16,}", w))

    @cached_property
    def blamed(self) -> tuple[Blame, ...]:
        """The parameters it blames, the likeliest first, each once."""
        named: list[Blame] = []
        read: list[Blame] = []
        for remark in self.remarks:
            about = [_known(path) for path in remark.names]
            named += [Blame(n, _is_value(n, remark, self.sent)) for n in about if n]
            if not any(_is_prompt(path) for path in remark.names):
                read += self._in_text(remark)
        first: dict[str, Blame] = {}
        for blame in named + read:
            first.setdefault(blame.name, blame)
        return tuple(first.values())

    def _in_text(self, remark: Remark) -> Iterable[Blame]:
        text = _LISTED.sub(" ", self._unquoted(remark.text))
        places = {}
        for name, spelled in _NAMES.items():
            seen = [m.start() for m in spelled.finditer(text) if self._is_meant(m, text)]
            if seen:
                places[name] = seen[0]
        ranked = sorted(places, key=places.__getitem__)
        if _CLASH.search(text):
            order = list(_SPELLINGS)
            ranked = sorted(places, key=order.index)[:1]
        return [Blame(n, _is_value(n, Remark(text, (), remark.codes), self.sent)) for n in ranked]

    def _is_meant(self, match: re.Match[str], text: str) -> bool:
        """Whether the match is used as the name of a parameter."""
        left, right = text[max(0, match.start() - 60) : match.start()], text[match.end() :][:60]
        word = match[0].lower()
        if not _PLAIN.fullmatch(word):
            return True
        if _WORD.search(left):
            return False
        if _BEFORE.search(left) or _AFTER.match(right):
            return True
        if _IN_PATH.search(left) or _COMPARED.match(right):
            return True
        if not text.isascii() and re.search(r"[^\W\d_a-zA-Z]", left[-3:] + right[:3]):
            return True  # A name of ASCII letters amid another script.
        quoted = _QUOTED.search(left) and _UNQUOTED.match(right)
        new = word not in self._prompt_words
        return bool(quoted and (new or _PARAM.search(text) or _VALUE.search(text)))

    @cached_property
    def _prompt_words(self) -> frozenset[str]:
        return frozenset(w for words in self._prompts for w in words)

    @cached_property
    def _prompts(self) -> list[list[str]]:
        messages = self.sent.get("messages") or ()
        return [[w[0] for w in _words(_text(m.get("content", "")))] for m in messages]

    @cached_property
    def _runs(self) -> frozenset[tuple[str, ...]]:
        """Every three words in a row of the prompt, or all of a shorter one."""
        return frozenset(
            tuple(p[i : i + 3]) for p in self._prompts for i in range(max(1, len(p) - 2)) if p
        )

    def _unquoted(self, text: str) -> str:
        """Replace what the text repeats of the prompt by an ellipsis."""
        words, left = _words(text), list(text)
        for i in range(len(words)):
            for size in (1, 2, 3):
                run = words[i : i + size]
                if len(run) == size and tuple(w for w, _, _ in run) in self._runs:
                    start, end = run[0][1], run[-1][2]
                    left[start:end] = "\u2026" * (end - start)
        return re.sub("\u2026+", "\u2026", "".join(left))


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(m[0].lower(), m.start(), m.end()) for m in re.finditer(r"\w+", text)]


def _known(path: str) -> str | None:
    """Return the parameter that a path ends in; None if it ends in another name."""
    if _is_prompt(path):
        return None
    last = path.rsplit(".", 1)[-1]
    return next((n for n, spelled in _NAMES.items() if spelled.fullmatch(last)), None)


def _text(content: Any) -> str:
    """Return the text of a message's content; pictures are none."""
    if isinstance(content, list):
        return " ".join([str(part["text"]) for part in content if "text" in part])
    return str(content)


def _is_prompt(path: str) -> bool:
    steps = path.lower().split(".")
    return any(step in ("messages", "prompt", "content", "model") for step in steps[:2])


def _is_value(name: str, remark: Remark, sent: Mapping[str, Any]) -> bool:
    """Whether a remark blames only the value that was sent."""
    text, error_codes = _around(name, remark.text), " ".join(remark.codes)
    if _CLASH.search(text):
        return False
    if _FORBIDDEN.search(error_codes):
        return False
    if _OUTSIDE.search(error_codes):
        return True
    value = sent.get(name)
    spelled = value is not None and re.search(rf"(?<![\d.]){re.escape(f'{value:g}')}(?![\d])", text)
    parameter, outside = _PARAMETER.search(text), _VALUE.search(text)
    if _SUPPORTS.search(text):
        return False
    if outside or (spelled and name != "seed"):
        return True
    return not parameter and name == "temperature"


def _around(name: str, text: str) -> str:
    """Return the sentences that name the parameter; a single one with the next; else all."""
    parts = re.split(r"(?<=[.;!?])\s+|\n+", text)
    naming = [i for i, part in enumerate(parts) if _NAMES[name].search(part)]
    if len(naming) == 1:
        return " ".join(parts[naming[0] : naming[0] + 2])
    return " ".join(parts[i] for i in naming) or text
