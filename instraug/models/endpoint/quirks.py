"""Which parameters an endpoint takes: by its settings, and learned from its refusals.

A lesson is a guess until a call succeeds with it. A guess that does not help is undone, so a
misread refusal changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instraug.models.config import Endpoint
from instraug.models.endpoint.refusals import Blame, Refusal

_TOKENS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Each name of the answer's token limit, and the other."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One change to what is sent."""

    name: str
    """The parameter."""
    value: float | None = None
    """The one value that is not sent; None: the parameter is not sent, or renamed."""

    def __str__(self) -> str:
        if self.name in _TOKENS:
            if self.value is not None:
                return f"the endpoint does not take {self.value:g} for {self.name!r}; less is sent"
            return f"the endpoint takes {_TOKENS[self.name]!r} instead of {self.name!r}"
        if self.value is None:
            return f"the endpoint does not take {self.name!r}; it is no longer sent"
        return f"the endpoint does not take {self.value:g} for {self.name!r}; it is left out there"


class Quirks:
    """Which parameters are sent to one endpoint.

    Args:
        endpoint: The settings to start with.
        notice: Called with one line for each thing that is learned.
        room: Tokens an answer may have where the model thinks first; None: as asked for.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        notice: Callable[[str], object] | None = None,
        room: int | None = None,
    ) -> None:
        self.endpoint = endpoint
        """The settings in effect, without parameters that the endpoint does not take."""
        self.thinks = False
        """Whether an answer showed that the model thinks first."""
        self._room, self._given = room, endpoint.sends
        self._renamed: str = endpoint.max_tokens_name
        self._values: set[Lesson] = set()
        self._certain: set[Lesson] = set()
        self._vain: set[tuple[Lesson, str]] = set()
        self._notice = notice

    def sends(self, name: str, value: float | None = None) -> bool:
        """Whether the optional parameter is sent, with this value."""
        return name in self.endpoint.sends and Lesson(name, value) not in self._values

    def limit(self, max_tokens: int) -> int:
        """Return the tokens that an answer may have, given the limit of its chat."""
        return max(max_tokens, self._room) if self.thinks and self._room else max_tokens

    def saw_thinking(self) -> None:
        """Note that the model thinks first; raise its token limit unless the user set one."""
        if not self.thinks:
            self.thinks = True
            if self._room:
                self.tell(
                    f"the model thinks before it answers: it may use {self._room} tokens from "
                    "now on; set answer_tokens for another limit"
                )

    @property
    def learned(self) -> list[str]:
        """The parameters that are not sent, or renamed, otherwise than the settings say."""
        gone = [name for name in self._given if name not in self.endpoint.sends]
        return gone + [self._renamed] * (self.endpoint.max_tokens_name != self._renamed)

    def names(self, learned: Collection[str]) -> dict[str, None]:
        """Return the parameters that are sent where so much is learned, without values."""
        limit = _TOKENS[self._renamed] if self._renamed in learned else self._renamed
        return dict.fromkeys([*(n for n in self._given if n not in learned), limit])

    def recall(self, names: Iterable[str]) -> None:
        """Follow what an earlier run learned; see `learned`."""
        for name in names:
            if name in self.endpoint.sends or name == self.endpoint.max_tokens_name:
                self._follow(Lesson(name))

    def learn(self, refusal: Refusal, tried: Sequence[Lesson]) -> Lesson | None:
        """Learn from a refusal.

        Args:
            refusal: What was refused, and how.
            tried: What the call learned from its earlier refusals.

        Returns:
            What to change in the next try; None if there is nothing to try.
        """
        for blame in refusal.blamed:
            for lesson in self._lessons(blame, refusal.sent):
                if lesson not in tried and not self.is_vain(lesson, refusal.alike):
                    self._follow(lesson)
                    return lesson
        return None

    def worked_without(self, name: str) -> None:
        """Note that calls without the parameter succeed: its lessons are certain."""
        gone = Lesson(name) if name in self._given and not self.sends(name) else None
        self.worked([x for x in (gone, *self._values) if x and x.name == name])

    def worked(self, lessons: Sequence[Lesson]) -> None:
        """Note that a call with these lessons succeeded: they are certain, and shown once."""
        for lesson in lessons:
            if lesson not in self._certain:
                self._certain.add(lesson)
                self.tell(str(lesson))

    def failed(self, lessons: Sequence[tuple[Lesson, str]], alike: str) -> None:
        """Note an equal refusal before and after these lessons: they were wrong."""
        for lesson, before in lessons:
            if before == alike and lesson not in self._certain:
                self._vain.add((lesson, alike))
                self._forget(lesson)

    def is_guess(self, lessons: Sequence[tuple[Lesson, str]]) -> bool:
        """Whether the last of these is not yet known to help."""
        return bool(lessons) and lessons[-1][0] not in self._certain

    def is_vain(self, lesson: Lesson, alike: str) -> bool:
        """Whether this lesson was tried against an equal refusal and did not help."""
        return (lesson, alike) in self._vain

    def tell(self, line: str) -> None:
        """Pass one line to the user."""
        if self._notice:
            self._notice(line)

    def _lessons(self, blame: Blame, sent: Mapping[str, Any]) -> Iterator[Lesson]:
        name = blame.name
        if name not in _TOKENS:
            if name in sent:
                yield Lesson(name, sent[name] if blame.value_only else None)
            return
        old = next((n for n in _TOKENS if n in sent), None)
        if old is None:
            return
        if not blame.value_only:
            yield Lesson(old)
        elif sent[old] == self._room:
            yield Lesson(old, self._room)

    def _follow(self, lesson: Lesson) -> None:
        name = lesson.name
        if name in _TOKENS:
            if lesson.value is None:
                self._change(max_tokens_name=_TOKENS[name])
            else:
                self._room = None
        elif lesson.value is None:
            self._change(sends=tuple(s for s in self.endpoint.sends if s != name))
        else:
            self._values.add(lesson)

    def _forget(self, lesson: Lesson) -> None:
        name = lesson.name
        if name in _TOKENS:
            if lesson.value is None:
                self._change(max_tokens_name=name)
            else:
                self._room = int(lesson.value)
        elif lesson.value is None:
            kept = {*self.endpoint.sends, name}
            self._change(sends=tuple(s for s in self._given if s in kept))
        else:
            self._values.discard(lesson)

    def _change(self, **settings: Any) -> None:
        self.endpoint = replace(self.endpoint, **settings)
