"""Replies -> Candidates -> Verdicts: extraction, restoring, rules, duplicates, semantic gate.

Verdicts are a pure function of the candidates in plan order: the same settings give the same
verdicts, whatever order the replies came in.

    candidates   a reply -> its candidates, judged by the rules that look at one only
    judge        candidates -> verdicts, in parts as answers come in (`verdicts`)
    judge_all    candidates -> verdicts, all at once
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import ceil, isfinite
from sys import intern

from instraug.models.chat import Choice, Reply
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.extraction import extract, too_long
from instraug.rewriting.judging.rules import ALWAYS, SINGLE
from instraug.rewriting.judging.verdicts import Scores, State, judge
from instraug.rewriting.records import Asked, Candidate, Reason, Request, Verdict
from instraug.tasks.placeholders import restore
from instraug.tasks.records import Task

_FAR = 10
"""Times the most words that could pass."""

_WORD = 100
"""Characters; every word of an instruction has fewer."""


def candidates(task: Task, request: Request, reply: Reply, rules: Rules) -> Iterator[Candidate]:
    """Yield one candidate a choice, judged by every rule that needs no other candidate.

    A reply without choices yields one empty candidate. Rules in ``rules.off`` are not applied,
    except those that keep a template renderable (``empty``, ``placeholders``, ``proof``).
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
        broken = []
        if rewrite and restored.difference:
            broken.append(Reason("placeholders", restored.difference))
        reasons = far or (*broken, *_by_single_rules(candidate, task, rules))
        yield replace(candidate, reasons=reasons) if reasons else candidate


def _far_too_long(rewrite: str, asked: Asked, rules: Rules) -> Iterator[Reason]:
    """Yield the only reason of an answer that is too long for any other rule to read.

    It has more than ten times the words that could pass, or as many characters as that many words
    of 100 characters.
    """
    parent = len(asked.parent.text.split())
    most = _FAR * rules.max_length * parent
    if "length" in rules.off or not isfinite(most):
        return
    words = ceil(most)
    if len(rewrite) > words * _WORD or len(rewrite.split(None, words)) > words:
        yield Reason("length", f"more than {words} words, the parent has {parent}")


def _by_single_rules(candidate: Candidate, task: Task, rules: Rules) -> Iterator[Reason]:
    for name, rule in SINGLE.items():
        if name in rules.off and name not in ALWAYS:
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
        scores: Used only with a threshold.

    Returns:
        One verdict a candidate, in plan order.
    """
    state, _ = judge(State(task, rules, threshold), judged, scores)
    return state.verdicts
