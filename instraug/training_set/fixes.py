"""What a user most likely meant, where a row's target or its task is not there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from instraug.files.decode import suggest

_LIKE_TARGET = ("target_txt", "target", "answer", "answers", "label", "output", "response")
"""Names of columns that most likely hold the target, the likeliest first, in any case."""


def target_fix(row: Mapping[str, Any]) -> str:
    """Return the fix for a row without ``target_txt``: the column that looks like it, if any."""
    names = {str(name).casefold(): name for name in reversed(list(row))}
    for like in _LIKE_TARGET:
        if like in names and row[names[like]] is not None:
            name = names[like]
            return f"if it is in the column {name!r}, give --columns target_txt={name}"
    return "add it, or leave the row out"


@lru_cache(1 << 10)
def task_fix(name: str, known: frozenset[str]) -> str:
    """Return the fix for the name of a task that is not there: the nearest one, if any is near."""
    near = suggest(name, known)
    add = "add the task, or skip its rows"
    return f"{near} Else {add}" if near.startswith("did you mean") else add
