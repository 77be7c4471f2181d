"""Which parameters an endpoint takes: configured, and learned from a 400 that names one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace

from instraug.models.config import Endpoint

_DROPPABLE = ("seed", "n", "top_p", "temperature")
"""In the order in which one is given up where a message names several."""

_TOKENS = ("max_tokens", "max_completion_tokens")

_TOO_LONG = re.compile(r"context|too large|too long|maximum|at most|exceed|reduce", re.IGNORECASE)


class Quirks:
    """What is sent to one endpoint; it only ever sends less, so learning comes to an end."""

    def __init__(self, endpoint: Endpoint, notice: Callable[[str], object] | None = None) -> None:
        """Args:
        endpoint: The settings to start with.
        notice: Told each thing that is learned, one line.
        """
        self.endpoint = endpoint
        """The settings in effect; what was learned is in them."""
        self.learned: list[str] = []
        """One line for each thing learned, for the user."""
        self._renamed = False
        self._notice = notice

    def sends(self, name: str) -> bool:
        """Whether the optional parameter is sent."""
        return name in self.endpoint.sends

    def learn(self, sent: Collection[str], error: object) -> bool:
        """Take in a 400 or 422.

        Args:
            sent: The names of the parameters of the refused request.
            error: Its answer, parsed where it was JSON.

        Returns:
            True where asking again, without what it names, is worth it.
        """
        message, named = _complaint(error)
        for name in _DROPPABLE:
            if name in sent and (name in named or _quotes(message, name)):
                self._drop(name)
                return True
        return self._rename(sent, message, named)

    def _drop(self, name: str) -> None:
        if self.sends(name):
            kept = tuple(s for s in self.endpoint.sends if s != name)
            self.endpoint = replace(self.endpoint, sends=kept)
            self._tell(f"the endpoint does not take {name!r}; it is no longer sent")

    def _rename(self, sent: Collection[str], message: str, named: Collection[str]) -> bool:
        for old, new in (_TOKENS, _TOKENS[::-1]):
            if old not in sent or not (old in named or _quotes(message, old) or new in message):
                continue
            if self.endpoint.max_tokens_name == new:
                return True  # Another call learned it while this one was under way.
            if self._renamed or (_TOO_LONG.search(message) and "not supported" not in message):
                return False
            self._renamed = True
            self.endpoint = replace(self.endpoint, max_tokens_name=new)  # type: ignore[arg-type]
            self._tell(f"the endpoint takes {new!r} instead of {old!r}")
            return True
        return False

    def _tell(self, line: str) -> None:
        self.learned.append(line)
        if self._notice:
            self._notice(line)


def _complaint(error: object) -> tuple[str, set[str]]:
    """The error's message, and the parameters it names in fields meant for that."""
    if not isinstance(error, dict):
        return (error if isinstance(error, str) else ""), set()
    inner = error.get("error")
    body = inner if isinstance(inner, dict) else error
    named = {_last(body.get("param"))}
    detail = body.get("detail")
    for item in detail if isinstance(detail, list) else ():
        if isinstance(item, dict) and isinstance(loc := item.get("loc"), list) and loc:
            named.add(_last(loc[-1]))
    message = body.get("message", inner if isinstance(inner, str) else detail)
    return (message if isinstance(message, str) else ""), named


def _last(name: object) -> str:
    return name.rsplit(".", 1)[-1] if isinstance(name, str) else ""


def _quotes(message: str, name: str) -> bool:
    """Whether the message holds the parameter's name: in quotes, or bare where it is no word."""
    bare = r"\b" if len(name) > 4 else r"['\"`]"
    return re.search(rf"{bare}{name}{bare}", message) is not None
