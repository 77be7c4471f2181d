"""What a person should look at before a run, a set or a score is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

from instraug.evaluation.report.built import SetFigures
from instraug.evaluation.report.robustness import Robustness
from instraug.evaluation.report.run import RunFigures
from instraug.evaluation.report.sources import members

_FEW = 0.3
"""A yield below this is worth a look."""

_ANSWERS = 20
"""... once there were so many answers."""

_ERRORS = 4.0
"""Standard errors of a share that chance alone hardly ever exceeds (6 in 100,000)."""

_LISTED = 5

_ODD = ("truncated", "refusal", "filtered")
"""Rules that a model or its settings break, rather than a wording."""


def of_run(run: RunFigures) -> Iterator[str]:
    """Yield a line for each thing about a run."""
    yield from _of_manifest(run.folder.manifest)
    barren = [task for task, (accepted, answers) in run.by_task.items() if answers and not accepted]
    if barren:
        yield f"No rewrite was accepted of {_listed(barren)}."
    poor = [e.name for e in run.meta_prompts if e.answers >= _ANSWERS and e.share < _FEW]
    if poor:
        yield f"Fewer than {_FEW:.0%} of the answers to these meta-prompts pass: {_listed(poor)}."
    for rule in run.broken:
        if rule.rule in _ODD:
            yield f"{rule.answers} answers broke the rule {rule.rule}. Check the model's settings."
    across = run.pool["across_tasks"]
    if across["texts"]:
        yield f"{across['texts']} texts are instructions of several tasks."
    if not run.tokens_known and run.answers:
        yield "The journal is not beside the run, so that tokens are not known by meta-prompt."


def _of_manifest(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("complete") is False:
        stopped = members(body, "run").get("stopped")
        yield f"The run did not reach its end: {stopped or 'requests failed'}. Run it again."
    short = _objects(body, "short_templates")
    if short:
        first = f"{short[0].get('task')} [{short[0].get('origin')}]: {short[0].get('why')}"
        yield f"{len(short)} templates have fewer rewrites than wanted. The first is {first}."
    for change in _objects(body, "sent_otherwise"):
        name, asked, sent = (change.get(key) for key in ("parameter", "asked", "sent"))
        what = f"{change.get('answers')} answers came with another {name} than planned"
        yield f"{what}: {sent or 'none'} for {asked or 'one each'}."
    endpoints = list(members(body, "endpoints"))
    if len(endpoints) > 1:
        yield f"Answers come from several endpoints: {_listed(endpoints)}."


def of_set(one: SetFigures) -> Iterator[str]:
    """Yield a line for each thing about a built set."""
    body = one.source.manifest
    if skipped := members(body, "skipped"):
        listed = ", ".join(f"{kind} {rows}" for kind, rows in skipped.items())
        yield f"Rows were left out: {listed}."
    asked, real = one.source.epsilon, members(body, "epsilon").get("realised_both_pools")
    if asked is not None and isinstance(real, float) and _is_off(asked, real, body):
        yield f"{real:.1%} of the rows have a hand-written instruction; asked for was {asked:.1%}."
    repeated = one.figures["duplicates"]["repeated"] if one.figures else 0
    if repeated:
        yield f"{repeated} rows repeat a picture and prompt of their task."


def _is_off(asked: float, real: float, body: Mapping[str, Any]) -> bool:
    """Whether a share of rows differs from the one asked for by more than chance, and by 1 %."""
    counts = [task for task in members(body, "tasks").values() if isinstance(task, Mapping)]
    rows = sum(_count(task, "rows") for task in counts if _count(task, "generated"))
    rows = rows or sum(_count(task, "rows") for task in counts)
    chance = _ERRORS * sqrt(asked * (1 - asked) / rows) if rows and 0 < asked < 1 else 0.0
    return abs(asked - real) > max(chance, 0.01)


def _count(task: Mapping[str, Any], key: str) -> int:
    value = task.get(key)
    return value if isinstance(value, int) else 0


def of_scores(one: Robustness) -> Iterator[str]:
    """Yield a line for each thing about scores."""
    for name, (side, spreads) in one.sides.items():
        which = f"{name}: " if name else ""
        unread = [
            f"{s.scores.task} ({s.scores.unparsed})"
            for s in spreads
            if s.scores.n and s.scores.unparsed > 0.05 * s.scores.n * len(s.scores.instructions)
        ]
        if unread:
            yield f"{which}More than 5 % of the answers could not be read: {_listed(unread)}."
        incomplete = [s.scores.task for s in spreads if s.scores.incomplete]
        if incomplete:
            yield f"{which}Some instances lack an answer under some wording: {_listed(incomplete)}."
        corrected, p = side.sensitivity.corrected, side.sensitivity.p
        if corrected and p is not None and p <= 0.05:
            yield (
                f"{which}Scores depend on the wording: corrected Sensitivity is {corrected:.1f} "
                f"(p = {p:.3g})."
            )
    if one.texts and one.unknown:
        yield f"{one.unknown} of its instructions are in no run or set beside it."
    for notice in one.scores.notices:
        yield f"{notice}."


def _objects(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return a list of objects of a manifest; an empty one where it is none."""
    value = body.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
