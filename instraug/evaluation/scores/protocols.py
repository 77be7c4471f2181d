"""Named protocols: what counts as the answer, and what it scores against a target.

A protocol is a plain function of an answer, a target and the options. It never guesses: an answer
that it cannot read scores 0 and is counted as unparsed, a target that it cannot read is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import lru_cache

from instraug.evaluation.scores import boxes, labels, words
from instraug.evaluation.scores.answers import Answer, Options
from instraug.evaluation.scores.words import folded

HIT = 0.5
"""IoU from which a box counts as the target, where there are no options."""


class UnusableTarget(ValueError):
    """A target that the protocol cannot score any answer against."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one answer."""

    score: float
    """0 to 1."""
    answer: Hashable = None
    """What was taken from the text; equal answers are equal here. None: it could not be read."""


UNPARSED = Judged(0.0)

Score = Callable[[str, str, Options | None], Judged]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to score."""

    name: str
    extractor: str
    """What counts as the answer, in words."""
    score: Score
    lossy: Callable[[str], bool] = lambda _target: False
    """Whether the protocol drops letters of a target, which then scores too low."""

    def judge(self, answer: Answer) -> Judged:
        """Score an answer against the target that it fits best.

        Raises:
            UnusableTarget: a target is nothing that this protocol can score.
        """
        scored = [self.score(answer.text, target, answer.options) for target in answer.targets]
        return max(scored, key=lambda judged: judged.score)


@dataclass(frozen=True, slots=True)
class Given(Protocol):
    """Takes the score that the file has."""

    def judge(self, answer: Answer) -> Judged:
        """Return the file's score; the text is the answer, or else the score itself.

        Raises:
            UnusableTarget: there is no score.
        """
        if answer.score is None:
            raise UnusableTarget("has no score")
        return Judged(answer.score, answer.text.strip() or answer.score)


@lru_cache(maxsize=4096)
def all_folded(options: Options) -> Options:
    """Return every option as `folded` text."""
    return tuple(map(folded, options))


def _among(target: str, options: Options | None) -> tuple[str, Options]:
    if not options:
        raise UnusableTarget("has no options")
    right, known = folded(target), all_folded(options)
    if right not in known:
        raise UnusableTarget("is none of its options")
    return right, known


def _exact(answer: str, target: str, options: Options | None) -> Judged:
    del options
    answer = answer.strip()
    return Judged(float(answer == target.strip()), answer) if answer else UNPARSED


def _prefix(answer: str, target: str, options: Options | None) -> Judged:
    answer = folded(answer).lstrip("\"'“‘*([`")
    if options:
        right, known = _among(target, options)
        start = words.finder(known).match(answer)
        return Judged(float(start[0] == right), start[0]) if start else UNPARSED
    right = folded(target)
    if not right:
        raise UnusableTarget("is empty")
    if words.finder((right,)).match(answer):
        return Judged(1.0, right)
    return Judged(0.0, answer) if answer else UNPARSED


def _option(answer: str, target: str, options: Options | None) -> Judged:
    right, known = _among(target, options)
    named = set(words.finder(known).findall(folded(answer)))
    if len(named) != 1:
        return UNPARSED
    (chosen,) = named
    return Judged(float(chosen == right), chosen)


def _letter(answer: str, target: str, options: Options | None) -> Judged:
    right = label_of(target, options)
    if right is None:
        raise UnusableTarget("is neither a letter nor one of its options")
    chosen = labels.label(answer)
    if options and (chosen is None or ord(chosen) - ord("A") >= len(options)):
        named = set(words.finder(all_folded(options)).findall(folded(answer)))
        chosen = label_of(named.pop(), options) if len(named) == 1 else None
    if chosen is None:
        return UNPARSED
    # Options may stand in another order under another instruction: so compare their texts.
    answered = folded(options[ord(chosen) - ord("A")]) if options else chosen
    return Judged(float(chosen == right), answered)


def label_of(target: str, options: Options | None) -> str | None:
    """Return the letter that a target is, or the letter of the option that it is."""
    target = folded(target)
    if options and target in all_folded(options):
        at = all_folded(options).index(target)
        return chr(ord("A") + at) if at < 26 else None
    bare = target.strip("().: ")
    if len(bare) == 1 and bare.isascii() and bare.isalnum() and bare != "0":
        return labels.letter(bare)
    return None


def _yes_no(answer: str, target: str, options: Options | None) -> Judged:
    del options
    right = labels.yes_no(target)
    if right is None:
        raise UnusableTarget("is neither yes nor no")
    chosen = labels.yes_no(answer)
    return UNPARSED if chosen is None else Judged(float(chosen == right), chosen)


def _number(answer: str, target: str, options: Options | None) -> Judged:
    del options
    right = labels.number(target)
    if right is None:
        raise UnusableTarget("holds no number")
    chosen = labels.number(answer)
    return UNPARSED if chosen is None else Judged(float(chosen == right), chosen)


def _rouge(tokenizer: words.Tokenizer) -> Score:
    def score(answer: str, target: str, options: Options | None) -> Judged:
        del options
        if not target.strip():
            raise UnusableTarget("is empty")
        if not answer.strip():
            return UNPARSED
        tokens = tokenizer(answer)
        return Judged(words.rouge_l(tokens, tokenizer(target)), " ".join(tokens))

    return score


def _iou(answer: str, target: str, options: Options | None) -> Judged:
    right, box = boxes.parse(target), boxes.parse(answer)
    if right is None:
        raise UnusableTarget("is not a box of four numbers")
    if options is None:
        return UNPARSED if box is None else Judged(float(boxes.iou(box, right) >= HIT), box)
    known = [boxes.parse(option) for option in options]
    if right not in known:
        raise UnusableTarget("is none of its options")
    if box is None:
        return UNPARSED
    overlaps = [boxes.iou(box, option) if option else 0.0 for option in known]
    most = max(overlaps)
    chosen = known[overlaps.index(most)] if most else "no option"
    return Judged(float(chosen == right), chosen)


def _drops_letters(target: str) -> bool:
    return not target.isascii() and any(c.isalnum() and not c.isascii() for c in target)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("exact", "the whole answer, without white space at its ends", _exact),
        Protocol(
            "prefix",
            "the option that the answer begins with, or whether it begins with the target; whole "
            "words, case folded",
            _prefix,
        ),
        Protocol(
            "option",
            "the one option that the answer contains; whole words, case folded, the longest where "
            "one is part of another",
            _option,
        ),
        Protocol(
            "letter",
            "the label by itself, at the start with a mark after it, after 'answer', or the only "
            "one marked as such; else the one option that the answer contains",
            _letter,
        ),
        Protocol("yes-no", "the first word, else the only yes or no; true is yes", _yes_no),
        Protocol("number", "the number after #### or 'answer', else the last one", _number),
        Protocol(
            "rouge-l",
            "the words of a-z and 0-9 (F of rouge_score, without stemmer)",
            _rouge(words.ascii_words),
            _drops_letters,
        ),
        Protocol(
            "iou",
            "the one box of four numbers; the option of the highest IoU with it, none where "
            f"nothing overlaps; without options, whether its IoU with the target is {HIT} or more",
            _iou,
        ),
    )
}
"""The protocols by name, as ``--protocol`` takes them."""

UNICODE_ROUGE = replace(
    PROTOCOLS["rouge-l"],
    extractor="the words of any script, accents kept (F of ROUGE-L)",
    score=_rouge(words.unicode_words),
    lossy=lambda _target: False,
)
"""ROUGE-L over words of any script."""

LIKELIHOOD = Given(
    "likelihood", "the option that the harness found the likeliest", PROTOCOLS["exact"].score
)
"""Options ranked by their log-likelihood."""


@dataclass(frozen=True, slots=True)
class Stated(Protocol):
    """Scores each answer by the protocol that its row states."""

    known: tuple[str, ...] = ()
    """Those that a row may state; the first one is for rows that state none."""

    def judge(self, answer: Answer) -> Judged:
        """Score an answer against the target that it fits best.

        Raises:
            UnusableTarget: a target is nothing that the row's protocol can score.
        """
        name = answer.protocol if answer.protocol in self.known else self.known[0]
        return PROTOCOLS[name].judge(answer)


STATED = Stated(
    "stated",
    "what the row's own protocol says: the option, the letter or the number",
    PROTOCOLS["letter"].score,
    known=("letter", "option", "number"),
)
"""Rows of one task whose answers are of several kinds."""

GIVEN = Given("given", "the score that the file holds", PROTOCOLS["exact"].score)
"""A score from elsewhere."""
