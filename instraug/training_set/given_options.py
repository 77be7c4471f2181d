"""Options as rows give them: what is no list of options is a fault, or counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from instraug.errors import BadRow
from instraug.tasks.records import Task

UNLISTED = "text_options"
"""What is noted of a row whose options are one text where a list would be shuffled, or answered."""

KIND = "broken options"

_OUT = "or leave the row out"

_cut_list = re.compile(r"\s*\[(?:\s*[\"'\[].*|.*\]\s*)", re.DOTALL).fullmatch
"""Text that begins like a list; ``[A] cat or dog`` does not."""


def shown(task: Task) -> bool:
    """Return whether a task's prompts show the options of its rows."""
    return any("{options" in text for text in task.instructions)


def check(options: Sequence[Any]) -> None:
    """Refuse a list that holds something else than options, or none.

    Raises:
        BadRow: it is empty, or one of them is.
    """
    try:
        if options and "" not in options and not any(map(str.isspace, options)):
            return
    except TypeError:  # not all of them are text
        pass
    if not options:
        raise BadRow(KIND, "options are an empty list", f"give some, {_OUT}")
    for option in options:
        if type(option) is str and not option.strip():
            raise BadRow(KIND, "an option is empty", f"take it out of the list, {_OUT}")
        if option is None or isinstance(option, list | tuple | dict):
            what = "an option is null, a list or a mapping"
            raise BadRow(KIND, what, f"give a list of texts, {_OUT}")


def checker(
    task: Task, notes: list[tuple[str, str, bytes]], *, shuffle: bool, labelled: bool = False
) -> Callable[[Any, str, bytes], str]:
    """Return the function that looks at options that are no list, or an empty one.

    It takes them, the row's target and its line, returns the target, and raises BadRow for a list
    that is broken.

    Args:
        task: The rows'.
        notes: Takes what there is to note.
        shuffle: Whether options are put in another order.
        labelled: Whether answers are to be letters or numbers of options.
    """
    are_shown = shown(task)
    noted = bool((shuffle and not task.fixed_options) or task.labels or labelled)

    def check_text(options: Any, target: str, line: bytes) -> str:
        if not are_shown:
            return target
        if type(options) is list:
            check(options)
        elif type(options) is str and _cut_list(options):
            what = "options are text that begins like a list, and is none"
            raise BadRow(KIND, what, f'write ["a", "b"], {_OUT}')
        elif noted:
            notes.append((UNLISTED, task.name, line))
        return target

    return check_text
