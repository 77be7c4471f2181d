"""Replies -> Candidates -> Verdicts: extraction, restoring, rules, duplicates, semantic gate.

A judgement is a pure function of the candidates in plan order: judged again with the same
settings it gives the same verdicts, whatever order the replies came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import ceil, isfinite
from sys import intern

from instraug.models.chat import Choice, Reply
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.extraction import extract, too_long
from instraug.rewriting.judging.rules import ALONE, UNDENIABLE
from instraug.rewriting.judging.verdicts import Scores, State, judge
from instraug.rewriting.records import Asked, Candidate, Reason, Request, Verdict
from instraug.tasks.placeholders import restore
from instraug.tasks.records import Task

_FAR = 10
"""Times the longest length that could pass."""

_WORD = 100
"""Characters that no word of an instruction reaches."""


def candidates(task: Task, request: Request, reply: Reply, rules: Rules) -> Iterator[Candidate]:
    """Yield one candidate a choice, judged by every rule that needs no other candidate.

    A reply without choices yields one candidate, which is empty. A rule in ``rules.off`` is not
    judged, but for those that keep a template renderable (``empty``, ``placeholders``, ``proof``).
    """
    asked = request.asked
    for index, choice in enumerate(reply.choices or (Choice(None),)):
        rewrite = extract(choice.text or "", asked.masked.text)
        far = tuple(_far_too_long(rewrite, asked, rules))
        if not far and too_long(rewrite, asked.masked.text):
            rewrite = ""
        restored = restore("" if far else rewrite, asked.masked)
        candidate = Candidate(
            request=asked,
            reply=reply.key,
            model=intern(reply.model),
            choice=index,
            size=len(choice.text or ""),
            rewrite=rewrite,
            instruction=restored.instruction if rewrite and not far else None,
            finish_reason=choice.finish_reason,
            logprobs=choice.logprobs,
            sent=reply.sent,
        )
        broken = (
            [Reason("placeholders", restored.difference)] if rewrite and restored.difference else []
        )
        reasons = far or (*broken, *_alone(candidate, task, rules))
        yield replace(candidate, reasons=reasons) if reasons else candidate


def _far_too_long(rewrite: str, asked: Asked, rules: Rules) -> Iterator[Reason]:
    """Yield the one reason of an answer that no other rule has to read, so long is it.

    It has more than ten times the words that could pass, or is as long as so many words of a
    hundred characters.
    """
    parent = len(asked.parent.text.split())
    most = _FAR * rules.max_length * parent
    if "length" in rules.off or not isfinite(most):
        return
    words = ceil(most)
    if len(rewrite) > words * _WORD or len(rewrite.split(None, words)) > words:
        yield Reason("length", f"more than {words} words, the parent has {parent}")


def _alone(candidate: Candidate, task: Task, rules: Rules) -> Iterator[Reason]:
    for name, rule in ALONE.items():
        if name in rules.off and name not in UNDENIABLE:
            continue
        if detail := rule(candidate, task, rules):
            yield Reason(name, detail)


def judge_all(
    task: Task, judged: Iterable[Candidate], rules: Rules, threshold: float | None, scores: Scores
) -> list[Verdict]:
    """Judge all candidates of a task at once, against one another and by their semantic scores.

    Args:
        task: The task they belong to; its originals count as accepted from the start.
        judged: All candidates of the task.
        rules: Settings of the rules.
        threshold: The least semantic score (0 to 1), or None for no gate.
        scores: Looked up only where a threshold is given.

    Returns:
        One verdict a candidate, in plan order.
    """
    state, _ = judge(State(task, rules, threshold), judged, scores)
    return state.verdicts
