"""How options are shown and answers are given: an axis of variety beside the instruction.

A style puts labels before a row's options; an answer is an option's text, its letter or its number.
Both are settings, or drawn for each row from the same hash as its instruction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import lcm
from operator import add
from string import ascii_lowercase, ascii_uppercase
from sys import maxsize
from typing import Literal

from instraug.errors import UsageError
from instraug.tasks.records import Task
from instraug.training_set.answers import named
from instraug.training_set.ordered import names_labels

Kind = Literal["text", "letter", "number"]
"""What an answer is."""

KINDS: tuple[Kind, ...] = ("text", "letter", "number")

LABELLED: tuple[Kind, ...] = ("letter", "number")
"""Those that name an option by its label."""

PROTOCOLS: Mapping[Kind, str] = {"text": "option", "letter": "letter", "number": "number"}
"""Kind of answer -> the protocol that ``instraug score`` reads it with."""

KEPT = "kept_answers"
"""What is noted of a row whose answer stays as it is, whatever was asked for."""


LONGEST = 1 << 12
"""Options that numbers label; a longer list has none."""


@dataclass(frozen=True, slots=True)
class Style:
    """One way to show a list of options."""

    form: str = ""
    """What stands before an option, with ``%`` for its label; "" for no labels."""
    names: Sequence[str] = ()
    """The labels, in order."""
    kind: Kind = "text"
    """What its labels are; text: it has none."""
    lines: bool = True
    """Whether each option has a line of its own; else the task's separator joins them."""
    prefixes: Sequence[str] = field(init=False)
    """What stands before each option; none where there are no labels."""
    most: int = field(init=False)
    """Most options that there are labels for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefixes", [self.form.replace("%", n) for n in self.names])
        object.__setattr__(self, "most", len(self.names) or maxsize)

    def shown(self, options: Sequence[str]) -> list[str]:
        """Return the options with their labels, of which there have to be enough."""
        try:
            return list(map(add, self.prefixes, options)) if self.prefixes else list(options)
        except TypeError:  # not all of them are text
            return self.shown(list(map(str, options)))


_NUMBERS = [str(n) for n in range(1, LONGEST + 1)]

STYLES: Mapping[str, Style] = {
    "released": Style(lines=False),
    "lines": Style(),
    "1.": Style("%. ", _NUMBERS, "number"),
    "(1)": Style("(%) ", _NUMBERS, "number"),
    "(a)": Style("(%) ", ascii_lowercase, "letter"),
    "(A)": Style("(%) ", ascii_uppercase, "letter"),
    "A.": Style("%. ", ascii_uppercase, "letter"),
    "Option 1:": Style("Option %: ", _NUMBERS, "number"),
}
"""Name -> style; ``released`` joins options as the task file says (``a||||b`` in MultiInstruct)."""

_USUAL: Mapping[Kind, str] = {"text": "released", "letter": "A.", "number": "1."}
"""Kind of answer -> the style of its options where none is named."""

BITS = 40
"""Lower bits of a row's number that are left to the order of its options."""

Pair = tuple[str, Kind | None]
"""A style, and what answers are; None: what they are in the rows, by the labels that are shown."""


def pairs(styles: Sequence[str] | None, kinds: Sequence[Kind] | None) -> list[Pair]:
    """Return what is drawn from: each kind of answer as often, and each style that goes with it.

    Letters and numbers need options that show them; text goes with every style.

    Raises:
        UsageError: no style that is asked for goes with a kind of answer that is.
    """
    if not kinds:
        return [(style, None) for style in styles or ()]
    drawn: list[list[Pair]] = []
    for kind in kinds:
        fitting = [name for name in styles or (_USUAL[kind],) if fits(name, kind)]
        if not fitting:
            known = " or ".join(repr(name) for name in STYLES if fits(name, kind))
            raise UsageError(
                f"--answers {kind} needs options that show a {kind}; add --options-style {known}"
            )
        drawn.append([(name, kind) for name in fitting])
    times = lcm(*map(len, drawn))
    return [pair for some in drawn for pair in some * (times // len(some))]


def fits(style: str, kind: Kind) -> bool:
    """Return whether answers of a kind can be given to options of a style."""
    return kind in ("text", STYLES[style].kind)


Presented = tuple[str, Kind, str, str | None]
"""The style's name, what the answer is, the answer, and the protocol that reads it.

None for the protocol: the answer is not of the kind that was asked for; `SEVERAL`: it names more
than one option, which no protocol reads.
"""

SEVERAL = ""


class Presenter:
    """Shows options of a task's rows in a style, and gives their answers as a kind.

    Args:
        task: States what targets in the rows are.
        drawn: What `pairs` returned.
        silent: Options that are known to have no labels and to name none.
    """

    def __init__(self, task: Task, drawn: Sequence[Pair], silent: set[str]) -> None:
        self._task, self._drawn, self._silent = task, drawn, silent

    def present(self, options: Sequence[str], target: str, number: int) -> Presented:
        """Choose how a row's options are shown, and give its answer to fit.

        Args:
            options: In the order that the prompt shows.
            target: The row's, which fits that order.
            number: Of the row, of 64 bits; those above the first 40 draw.
        """
        name, kind = self._drawn[(number >> BITS) % len(self._drawn)]
        style = STYLES[name]
        if style.prefixes and (len(options) > style.most or self._has_labels(options)):
            return "lines", "text", target, None
        if target in options and self._task.answers in (None, "text"):
            if kind is None or kind == "text":
                return name, "text", target, PROTOCOLS["text"]
            return name, kind, style.names[options.index(target)], PROTOCOLS[kind]
        found = named(target, list(map(str, options)), self._task.answers)
        if found is None:
            return name, "text", target, None
        positions, is_text = found
        one = len(positions) == 1
        if kind is None and not is_text and style.kind == "text":  # nothing shows another label
            kind = "number" if self._task.answers in ("index0", "index1") else "letter"
            return name, kind, target, PROTOCOLS[kind] if one else SEVERAL
        kind = kind or ("text" if is_text else style.kind)
        say = (lambda at: str(options[at])) if kind == "text" else style.names.__getitem__
        answer = target if kind == "text" and is_text else ", ".join(map(say, positions))
        return name, kind, answer, PROTOCOLS[kind] if one else SEVERAL

    def _has_labels(self, options: Sequence[str]) -> bool:
        """Return whether options number themselves, or name others by their labels."""
        try:
            return not self._silent.issuperset(options) and names_labels(options)
        except TypeError:  # not all of them are text
            return names_labels(list(map(str, options)))


_slot = re.compile(r"(?<!\{)[ \t]*\{options\}(?!\})[ \t]*")


def with_lines(template: str) -> str:
    """Return a template whose options begin and end a line.

    What stands behind them stays on the last line where it is a mark such as a question mark.
    """

    def on_lines(match: re.Match[str]) -> str:
        before, after = template[: match.start()], template[match.end() :]
        first = "" if not before or before.endswith("\n") else "\n"
        last = "\n" if after and (after[0].isalnum() or after[0] in "([{\"'") else ""
        return f"{first}{{options}}{last}"

    return _slot.sub(on_lines, template)
