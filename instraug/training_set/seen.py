"""Short options that were seen, which are most of a set's, and need no second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instraug.training_set.ordered import is_step
from instraug.training_set.scales import has_degree

MEMORY = 1 << 14
"""Short options that are remembered, and lists of options, by all tasks of a process."""

SHORT = 24
"""Most characters of an option that is likely to come again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Options that were seen, and do not refer to other options, places or degrees.

    Where all of a row's are `silent`, one is `plain` and one is the target, all there is to do is
    to shuffle them.
    """

    silent: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    """Those of them that are not a step of any scale."""

    def learn(self, options: Sequence[str]) -> None:
        """Take in the short ones of options that need not keep their order."""
        if len(self.silent) > MEMORY:
            self.silent.clear()
            self.plain.clear()
        for option in options:
            if len(option) > SHORT or option in self.silent or has_degree(option):
                continue
            if not option.strip():  # a fault where prompts show it
                continue
            self.silent.add(option)
            if not is_step(option):
                self.plain.add(option)
