"""The postprocessing rules that look at one candidate alone, each a named function.

A rule returns None, or the detail of how it is broken. Rules that look at the pool (duplicate,
near_duplicate) and the semantic gate stand in `postprocess`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from instraug.rewriting.config import Rules
from instraug.rewriting.records import Candidate
from instraug.tasks.placeholders import parse
from instraug.tasks.records import Task
from instraug.tasks.rendering import prove
from instraug.tasks.words import folded

Rule = Callable[[Candidate, Task, Rules], str | None]

_REFUSAL = re.compile(
    r"\A\W*(?:(?:i['\u2019]?m|i am|we are|we['\u2019]re)"
    r" (?:(?:very |really |so )?sorry|afraid|unable|not able)"
    r"|i (?:can ?not|can['\u2019]t|won['\u2019]t|must decline|apologi[sz]e)|sorry\b|my apologies"
    r"|as an? (?:ai|artificial|language model)|(?:unfortunately,? )?i do(?:n['\u2019]t| not) have)",
    re.IGNORECASE,
)

_PREAMBLE = re.compile(
    r"\A\W*(?:sure\b|certainly\b|of course\b|absolutely\b|okay\b|here(?:'s|\u2019s| is| are)\b"
    r"|(?:the )?(?:rewritten|rephrased|paraphrased|revised|reworded)\b[^.?!\n]{0,40}:)"
    r"|\n\s*(?:note|explanation|let me know|i hope)\b",
    re.IGNORECASE,
)

_MARKUP = re.compile(
    r"```|\*\*|__|^\s{0,3}#{1,6}\s|^\s*(?:[-*\u2022]|\d{1,2}[.)])\s|</?[a-zA-Z][\w-]*\s*/?>|<\||\|>"
    r"|[\x00-\x08\x0b-\x1f\x7f\x9b\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffd]"
    r"|<(?:start|end)_of_turn>|\[/?INST\]",
    re.MULTILINE,
)

_CONTRACTION = re.compile(r"\w['\u2019](?:d|ll)\b", re.IGNORECASE)

# Function words that no English instruction holds; one is chance, two are another language.
_FOREIGN = re.compile(
    r"\b(?:das|der|und|ist|nicht|eine|sie|bild|dem|auf|f\u00fcr|oder|welche"  # German
    r"|le|les|est|une|dans|qui|quel|quelle|avec|cette"  # French
    r"|el|los|las|una|qu\u00e9|cu\u00e1l|para|esta"  # Spanish
    r"|gli|che|di|questa|\u00e8|della|nel"  # Italian
    r"|os|uma|n\u00e3o|em|s\u00e3o|het|een|niet|zijn|deze)\b",  # Portuguese, Dutch
    re.IGNORECASE,
)


def empty(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Nothing is left once wrappings are off, or the endpoint sent no content."""
    return None if candidate.rewrite.strip() else "the answer holds no rewrite"


def truncated(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """The answer stopped at the token limit."""
    return "the token limit cut the answer" if candidate.finish_reason == "length" else None


def filtered(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """The provider's content filter stopped the answer."""
    found = candidate.finish_reason == "content_filter"
    return "the provider's content filter stopped the answer" if found else None


def refusal(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """The model declines instead of rewriting."""
    return _newly(_REFUSAL, candidate)


def preamble(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Talk about the rewrite is still in front of it, or behind it."""
    return _newly(_PREAMBLE, candidate)


def markup(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Markdown, tags, control characters, a list, or more lines than were asked for."""
    if detail := _newly(_MARKUP, candidate):
        return detail
    lines, asked = (_lines(t) for t in (candidate.rewrite, candidate.request.masked.text))
    return f"{lines} lines, the template has {asked}" if lines > asked else None


def length(candidate: Candidate, _task: Task, rules: Rules) -> str | None:
    """Not strictly between ``min_length`` and ``max_length`` times the parent's whitespace words.

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
    """Holds ``'d`` or ``'ll`` (INSTRAUG's sign of chatter)."""
    return _found(_CONTRACTION, candidate.rewrite)


def copy(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """The same as its origin or its parent, after case and space folding."""
    if candidate.instruction is None:
        return None
    told = folded(candidate.instruction)
    request = candidate.request
    same = told in (folded(request.origin.text), folded(request.parent.text))
    return "the same as what it rewrites" if same else None


def language(candidate: Candidate, _task: Task, rules: Rules) -> str | None:
    """Not in the asked language; only English is told from others."""
    if rules.language != "en":
        return None
    text, origin = candidate.rewrite, candidate.request.origin.text
    strange = [c for c in text if c.isalpha() and ord(c) > 0x24F and c not in origin]
    if strange:
        return f"letters of another script: {''.join(strange[:5])}"
    known = _FOREIGN.findall(origin)
    foreign = [w for w in _FOREIGN.findall(text) if w not in known]
    return f"words of another language: {' '.join(foreign[:5])}" if len(foreign) > 1 else None


def leak(candidate: Candidate, task: Task, _rules: Rules) -> str | None:
    """Names one of the task's labels outside a placeholder, which its origin does not."""
    if candidate.instruction is None:
        return None
    told, origin = (_literal(t) for t in (candidate.instruction, candidate.request.origin.text))
    for label in task.labels:
        named = re.compile(rf"(?<!\w){re.escape(label.casefold())}(?!\w)")
        if named.search(told) and not named.search(origin):
            return f"names the label {label!r}"
    return None


def proof(candidate: Candidate, _task: Task, _rules: Rules) -> str | None:
    """Rendered with sample fields, a value appears more or less often than in the origin."""
    if candidate.instruction is None:
        return None
    return prove(candidate.instruction, candidate.request.origin.text)


ALONE: dict[str, Rule] = {
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

NAMES = (*ALONE, "placeholders", "duplicate", "near_duplicate", "semantic")
"""Every rule that a config may turn off, but for ``empty``, ``placeholders`` and ``proof``."""

UNDENIABLE = frozenset({"empty", "placeholders", "proof"})
"""Rules without which an instruction could not be rendered."""


def _newly(pattern: re.Pattern[str], candidate: Candidate) -> str | None:
    """Detail of a match that the masked template does not already hold."""
    asked = {m[0].casefold() for m in pattern.finditer(candidate.request.masked.text)}
    for match in pattern.finditer(candidate.rewrite):
        if match[0].casefold() not in asked:
            return f"holds {match[0].strip()[:40]!r}" if match[0].strip() else "holds a list item"
    return None


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return f"holds {match[0]!r}" if match else None


def _lines(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())


def _literal(template: str) -> str:
    return "\0".join(s for s in parse(template) if isinstance(s, str)).casefold()
