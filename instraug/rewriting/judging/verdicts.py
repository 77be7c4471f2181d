"""The verdicts of one task, kept up to date as answers come in.

    state = State(task, rules, threshold)
    state, verdicts = judge(state, answers, scores)      # whenever answers come in

The verdicts are those of judging all answers so far in plan order, each against the ones accepted
before it, whatever their order and in how many parts they came. So a late answer can replace one
that is behind it in the plan; nothing else is judged again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace

from instraug.rewriting.config import Rules
from instraug.rewriting.records import Candidate, Reason, Verdict
from instraug.tasks.neighbours import Alphabet, Neighbours
from instraug.tasks.records import Task
from instraug.tasks.words import folded, rouge_l

Scores = Mapping[tuple[str, int], float]
"""(reply's key, choice) -> semantic score (0 to 1)."""


class _Answer:
    """A judged candidate."""

    __slots__ = (
        "accepted",
        "because",
        "candidate",
        "folded",
        "gate",
        "leaning",
        "number",
        "spelled",
    )

    def __init__(self, candidate: Candidate, gate: tuple[Reason, ...], number: int) -> None:
        self.candidate, self.gate, self.number = candidate, gate, number
        self.folded = self.spelled = ""
        self.accepted = False
        self.because: _Answer | None = None
        """The accepted answer that its verdict depends on."""
        self.leaning: list[_Answer] = []
        """Answers that were last judged because of this one."""

    @property
    def order(self) -> tuple[tuple[int, int, str, int], int, int]:
        return (self.candidate.request.order, self.candidate.choice, self.number)

    def __lt__(self, other: _Answer) -> bool:
        return self.order < other.order


class State:
    """The verdicts of one task so far; `judge` adds to it.

    Args:
        task: The task; its originals count as accepted from the start.
        rules: Settings of the rules.
        threshold: The least semantic score (0 to 1), or None for no gate.
    """

    def __init__(self, task: Task, rules: Rules, threshold: float | None) -> None:
        self._rules, self._threshold = rules, threshold
        self._originals = {folded(t.text): t.text for t in task.templates}
        self._alphabet = Alphabet()
        self._origins = [self._alphabet.learn(t.text) for t in task.templates]
        self._twins: dict[str, list[_Answer]] = {}
        """Answers that break no rule on their own, by their folded text."""
        self._pool: Neighbours[_Answer] = Neighbours(rules.near_duplicate)
        """The accepted ones."""
        self._answers: list[_Answer] = []
        self._verdicts: list[Verdict] | None = []
        self.accepted: Counter[int] = Counter()
        """Accepted rewrites by position of their hand-written ancestor."""

    def __len__(self) -> int:
        """Count the answers judged."""
        return len(self._answers)

    @property
    def verdicts(self) -> list[Verdict]:
        """One verdict an answer, in plan order, with every rule that it breaks."""
        if self._verdicts is None:
            self._verdicts = [self.verdict(answer) for answer in sorted(self._answers)]
        return self._verdicts

    def verdict(self, answer: _Answer) -> Verdict:
        """Return an answer's verdict by all answers so far."""
        return Verdict(answer.candidate, tuple(self._reasons(answer)))

    # ── one answer ───────────────────────────────────────────────────────────────────────────

    def add(self, candidate: Candidate, scores: Scores) -> _Answer:
        """Judge one more answer, and again those whose verdict depends on it."""
        answer = _Answer(candidate, tuple(self._gate(candidate, scores)), len(self._answers))
        # What only the rules needed is dropped, so that memory holds little but the accepted texts.
        answer.candidate = replace(candidate, rewrite="", finish_reason=None, logprobs=())
        self._answers.append(answer)
        self._verdicts = None
        if candidate.instruction is None or candidate.reasons or answer.gate:
            return answer
        answer.folded = folded(candidate.instruction)
        answer.spelled = self._alphabet.learn(candidate.instruction)
        self._twins.setdefault(answer.folded, []).append(answer)
        due = [answer]
        while due:
            for other in self._judged(heapq.heappop(due)):
                heapq.heappush(due, other)
        return answer

    def _gate(self, candidate: Candidate, scores: Scores) -> Iterator[Reason]:
        least = self._threshold
        if least is None or candidate.reasons or candidate.instruction is None:
            return
        if (score := scores[candidate.reply, candidate.choice]) < least:
            yield Reason("semantic", f"score {score:.3f}, wanted {least:.3f}")

    def _judged(self, answer: _Answer) -> list[_Answer]:
        """Judge an answer against those before it; return those behind it to judge again."""
        near = self._near(answer)
        because, accepted = self._standing(answer, near)
        answer.because = because
        if because:
            because.leaning.append(answer)
        if accepted == answer.accepted:
            return []
        answer.accepted = accepted
        self.accepted[answer.candidate.request.origin.origin] += 1 if accepted else -1
        if not accepted:
            self._pool.remove(answer, answer.spelled)
            leaning, answer.leaning = answer.leaning, []
            return [a for a in leaning if a.because is answer]
        self._pool.add(answer, answer.spelled)
        concerned = {*near, *self._twins[answer.folded]}
        return [a for a in concerned if answer < a]

    def _standing(self, answer: _Answer, near: Iterable[_Answer]) -> tuple[_Answer | None, bool]:
        """Return whether an answer is accepted, and the accepted one this depends on, if any."""
        copies, near_copies = self._judges("duplicate"), self._judges("near_duplicate")
        if answer.folded in self._originals:
            return None, not copies or self._is_origin(answer)
        if twin := self._twin(answer):
            return twin, not copies
        if not near_copies:
            return None, True
        if self._pool.near(answer.spelled, self._origin(answer)):
            return None, False
        blocker = next((a for a in near if a < answer), None)
        return blocker, blocker is None

    def _near(self, answer: _Answer) -> set[_Answer]:
        if not self._judges("near_duplicate"):
            return set()
        return self._pool.search(answer.spelled) - {answer}

    def _twin(self, answer: _Answer) -> _Answer | None:
        """Return the last answer of the same text that was accepted before this one."""
        earlier = [a for a in self._twins.get(answer.folded, ()) if a.accepted and a < answer]
        return max(earlier, default=None)

    def _judges(self, rule: str) -> bool:
        return rule not in self._rules.off

    def _origin(self, answer: _Answer) -> str:
        return self._origins[answer.candidate.request.origin.origin]

    def _is_origin(self, answer: _Answer) -> bool:
        return answer.folded == folded(answer.candidate.request.origin.text)

    # ── all of them ──────────────────────────────────────────────────────────────────────────

    def _reasons(self, answer: _Answer) -> Iterator[Reason]:
        yield from answer.candidate.reasons
        if answer.accepted or answer.candidate.instruction is None:
            return
        reasons = tuple(self._copied(answer, answer.candidate.instruction))
        yield from reasons or answer.gate

    def _copied(self, answer: _Answer, text: str) -> Iterator[Reason]:
        """Yield the duplicate rule that an answer breaks, by the accepted ones before it."""
        if not answer.spelled:
            answer = copy(answer)  # it stays out of the pool, and so do its words
            answer.folded, answer.spelled = folded(text), self._alphabet.spell(text)
        twin = self._twin(answer)
        before = twin.candidate.instruction if twin else self._originals.get(answer.folded)
        if before is not None:
            if self._judges("duplicate") and not self._is_origin(answer):
                yield Reason("duplicate", f"accepted before: {before[:80]}")
        elif self._judges("near_duplicate"):
            origin = self._origin(answer)
            if self._pool.near(answer.spelled, origin):
                yield _near_duplicate(answer.spelled, origin, "its origin")
                return
            earlier = (a for a in self._near(answer) if a < answer)
            if first := min(earlier, default=None):
                yield _near_duplicate(answer.spelled, first.spelled, "an accepted rewrite")


def _near_duplicate(one: str, other: str, which: str) -> Reason:
    return Reason("near_duplicate", f"ROUGE-L {rouge_l(one, other):.3f} with {which}")


def judge(
    state: State, answers: Iterable[Candidate], scores: Scores
) -> tuple[State, list[Verdict]]:
    """Judge more answers of a task.

    Args:
        state: The state so far; it must not be used afterwards.
        answers: In any order.
        scores: Used only with a threshold.

    Returns:
        The new state, and the verdicts of these answers by all answers so far.
    """
    judged = [state.add(candidate, scores) for candidate in answers]
    return state, [state.verdict(answer) for answer in judged]
