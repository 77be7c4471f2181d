"""Which protocol a task is scored by, where none is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from instraug.evaluation.scores.answers import Options
from instraug.evaluation.scores.protocols import STATED, all_folded, label_of
from instraug.evaluation.scores.words import folded

_DECIDED = {"text": "rouge-l", "region": "iou", "likelihood": "likelihood"}

_YES_NO = frozenset({"yes", "no", "true", "false"})

_NUMBER = re.compile(r"[-+]?\$?(?:\d[\d,]*)?\.?\d+%?")


@dataclass(slots=True)
class Survey:
    """What all targets of a task have in common."""

    stated: set[str] = field(default_factory=set)
    """The protocols that rows of a built set state by themselves."""
    output: str | None = None
    """label, text or region, as the rows state it; None where they do not."""
    options: bool = True
    among_options: bool = True
    letters: bool = True
    yes_no: bool = True
    numbers: bool = True

    def see(
        self,
        targets: Sequence[str],
        options: Options | None,
        output: str | None,
        stated: str | None = None,
    ) -> None:
        """Take one row into account."""
        if stated in STATED.known:
            self.stated.add(stated)
        self.output = self.output or output
        if self.output in _DECIDED:
            return
        known = all_folded(options) if options else ()
        for target in targets:
            text = folded(target)
            self.options &= bool(options)
            self.among_options &= text in known
            self.letters &= label_of(target, None) is not None
            self.yes_no &= text in _YES_NO
            self.numbers &= _NUMBER.fullmatch(text) is not None or "####" in text

    def protocol(self) -> str:
        """Return the name of the protocol.

        By the output kind: text is rouge-l, region is iou, label is option or, without options,
        exact. Rows that state no kind are taken as labels, and without options go by what all
        targets are: yes or no, numbers, letters; else exact. Options whose targets are letters or
        numbers in their stead are scored by these. What the rows state goes before all of that.
        """
        if self.stated:
            return STATED.name if len(self.stated) > 1 else next(iter(self.stated))
        if self.output in _DECIDED:
            return _DECIDED[self.output]
        if self.options and self.among_options:
            return "option"
        if self.output == "label" and not self.options:
            return "exact"
        kinds = {"yes-no": self.yes_no, "number": self.numbers, "letter": self.letters}
        fitting = [name for name, fits in kinds.items() if fits]
        return fitting[0] if fitting else "option" if self.options else "exact"
