"""Every error that can reach a user, each one line and each with an exit code.

    InstraugError                 1
    ├── InputError                1   a file the user gave is wrong (carries every Problem)
    │   └── PlaceholderError      1   a template holds a malformed placeholder
    ├── UsageError                2   options that do not fit together
    ├── NothingAccepted           3   the run ended without one accepted rewrite
    ├── TooFewGuidelines          1   a model gave fewer meta-prompts than asked for
    ├── BudgetReached             4   --max-requests, --max-tokens or --max-cost; resumable
    ├── FrozenMiss                5   --frozen or filter, and the journal lacks a reply
    │   └── ScoreMiss             5   ... or a semantic score
    ├── ScoreBeyond               6   a score is worse than --fail-above or --fail-below
    ├── Interrupted         130/143   SIGINT or SIGTERM; resumable
    ├── LockedError               1   another process holds the output folder
    ├── StorageError              1   the disk refused a write; nothing half-written is left
    └── EndpointError             1   the model's side
        ├── FatalEndpointError    1   no retry can help: wrong key, unknown model, bad TLS, no quota
        ├── RejectedRequest       1   this one request can never succeed (a 400); the run goes on
        ├── RequestFailed         1   this one request's retries are exhausted; the run goes on
        ├── GivenUp               1   the endpoint gives nothing of use any more; the run ends
        └── EndpointUnavailable  75   retries are exhausted; resumable

Nothing here knows of click: the cli prints ``str(error)`` and exits with ``error.exit_code``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


def printable(text: str) -> str:
    r"""Return the text as one line that any terminal shows: what is not printable is escaped.

    Line breaks, terminal escapes and lone surrogates (of a file name, say) come out as ``\n``,
    ``\x1b``, ``\udc80``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in an input: where it is, what it is, and how to fix it."""

    where: str
    """``file:line``, or only the file where a line means nothing."""
    what: str
    fix: str
    times: int = 1
    """How often it was seen."""
    also: tuple[str, ...] = ()
    """A few more places where it was seen."""

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}; {self.fix}"
        if self.times > 1:
            more = ", ..." if self.times > 1 + len(self.also) else ""
            line += f" ({self.times} times, also at {', '.join(self.also)}{more})"
        return printable(line)


ALSO = 3
"""Most further places that a line names."""


def grouped(problems: Iterable[Problem]) -> list[Problem]:
    """Join equal problems, in the order of the first of each: its place, a count, a few others."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.what, problem.fix), []).append(problem)
    return [
        replace(
            equal[0],
            times=sum(p.times for p in equal),
            also=tuple(where for p in equal for where in (p.where, *p.also))[1 : 1 + ALSO],
        )
        for equal in groups.values()
    ]


class BadRow(Exception):
    """A row cannot be built. What reads the rows adds file and line, and reports it as a Problem.

    Args:
        kind: What such rows are counted under.
        sort: What is wrong with it, in words that hold for all such rows.
        fix: As of a `Problem`.
        name: What it is wrong with, such as the picture that is missing; "": nothing more to say.
    """

    def __init__(self, kind: str, sort: str, fix: str, name: str = "") -> None:
        super().__init__(kind, sort, fix, name)
        self.kind, self.sort, self.fix, self.name = kind, sort, fix, name
        self.what = f"{sort}: {name}" if name else sort

    def __str__(self) -> str:
        return self.what


class InstraugError(Exception):
    """The root: one line for the user, and the exit code of the process."""

    exit_code: int = 1
    outcome_known: bool = True
    """False where what was sent may have been answered, and billed, although no reply came."""


class InputError(InstraugError):
    """One or more problems in what the user gave, all reported at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, grouped(self.problems))))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        """Pass between processes as what it was made of."""
        return type(self), (self.problems,)


class PlaceholderError(InputError):
    """A template holds a brace that is neither a placeholder nor a doubled literal."""


class UsageError(InstraugError):
    """Options that contradict each other, or that a command cannot do without."""

    exit_code = 2


class NothingAccepted(InstraugError):
    """Every rewrite was rejected."""

    exit_code = 3


class TooFewGuidelines(InstraugError):
    """A model gave fewer usable guidelines than asked for."""


class BudgetReached(InstraugError):
    """The next request could exceed the budget; run again with a larger one to resume."""

    exit_code = 4


class FrozenMiss(InstraugError):
    """``--frozen`` or ``filter`` needs a reply that the journal does not hold."""

    exit_code = 5


class ScoreMiss(FrozenMiss):
    """The journal lacks semantic scores, and nothing may be asked."""

    def __init__(self, scorer: str, texts: Sequence[str]) -> None:
        self.scorer, self.count = scorer, len(texts)
        super().__init__(
            f"the journal lacks {len(texts)} {scorer} scores (the first: {texts[0]!r:.60}); "
            "run expand without --frozen, or turn the rule semantic off"
        )


class ScoreBeyond(InstraugError):
    """A score is worse than the caller allows."""

    exit_code = 6


class Interrupted(InstraugError):
    """A signal asked the run to stop; every reply that came is written down."""

    def __init__(self, signum: int, state: str = "run again to resume") -> None:
        super().__init__(f"interrupted; {state}")
        self.signum, self.exit_code = signum, 128 + signum


class LockedError(InstraugError):
    """Another process writes to the same folder."""


class StorageError(InstraugError):
    """A file could not be read or written in full."""


class EndpointError(InstraugError):
    """The endpoint, or the embedded model, did not give a reply."""


class FatalEndpointError(EndpointError):
    """No retry can help; the run ends before it spends more."""


class RejectedRequest(EndpointError):
    """This request can never succeed, others may; it is listed as failed."""


class RequestFailed(EndpointError):
    """This request's retries are exhausted; it is listed as failed and asked again next time."""


class GivenUp(EndpointError):
    """Nothing of use comes any more; what came is judged and written, and no more is asked."""


class EndpointUnavailable(EndpointError):
    """Retries are exhausted or the endpoint asks for a long pause; run again to resume."""

    exit_code = 75
