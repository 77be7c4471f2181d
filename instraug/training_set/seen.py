"""Options that were seen, which are most of a set's, and need no second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instraug.training_set.ordered import are_regions, is_step
from instraug.training_set.scales import has_degree

MEMORY = 1 << 14
"""Short options that are remembered by all tasks of a process."""

LISTS = 1 << 11
"""Lists of options that are."""

SHORT, LONGEST = 24, 80
"""Most characters of an option that is likely to come again, by itself or in its list."""


def blank(option: str) -> bool:
    """Return whether an option is empty, or white space alone."""
    return not option or option.isspace()


@dataclass(frozen=True, slots=True)
class Seen:
    """Options that were seen, and do not refer to other options, places or degrees."""

    silent: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    """Those of them that are not a step of any scale."""
    lists: dict[tuple[str, ...], bool] = field(default_factory=dict)
    """Options, none of them empty -> whether they have to keep their order."""

    def are_free(self, options: Sequence[str]) -> bool:
        """Return whether it is plain that options may stand in any order, and that none is empty.

        That is so where all are `silent` and one is `plain`, where their list is known, and of
        regions. Nearly every row's are such; where one is the target, they need but be shuffled.
        """
        first = options[0] if options else None
        try:
            if type(first) is str and first[:1].isdigit() and are_regions(options):
                return "" not in options and not any(map(str.isspace, options))
            if self.silent.issuperset(options) and not self.plain.isdisjoint(options):
                return True
            return self.lists.get(tuple(options)) is False
        except TypeError:  # not all of them are text
            return False

    def learn_list(self, options: tuple[str, ...], *, kept: bool) -> None:
        """Take in a list that is likely to come again, as one of yes and no does."""
        if len(self.lists) >= LISTS:
            self.lists.clear()
        short = len(options) > 1 and max(map(len, options)) <= LONGEST
        if short and not any(map(blank, options)):
            self.lists[options] = kept

    def learn(self, options: Sequence[str]) -> None:
        """Take in the short ones of options that need not keep their order."""
        if len(self.silent) > MEMORY:
            self.silent.clear()
            self.plain.clear()
        for option in options:
            if len(option) > SHORT or option in self.silent or has_degree(option):
                continue
            if blank(option):  # a fault where prompts show it
                continue
            self.silent.add(option)
            if not is_step(option):
                self.plain.add(option)
