"""Score one set of predictions, or compare two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.evaluation.scores.answers import Answer, Problems
from instraug.evaluation.scores.choosing import Survey
from instraug.evaluation.scores.comparison import corrected_difference, mean_difference
from instraug.evaluation.scores.figures import (
    SCOPE,
    difference_figures,
    mean_score,
    over_tasks,
    remark,
    task_figures,
)
from instraug.evaluation.scores.naming import merged, rows_missing
from instraug.evaluation.scores.protocols import (
    GIVEN,
    LIKELIHOOD,
    PROTOCOLS,
    UNICODE_ROUGE,
    Protocol,
)
from instraug.evaluation.scores.reading import Reader
from instraug.evaluation.scores.seen import used_instructions
from instraug.evaluation.scores.sensitivity import Sample, sample
from instraug.evaluation.scores.shapes import Source
from instraug.evaluation.scores.tables import Collector, Table, shared


@dataclass(frozen=True)
class Scoring:
    """How predictions are scored."""

    protocol: str | None = None
    """For all tasks; None: by each task's output kind."""
    unicode_words: bool = False
    """Whether ROUGE-L counts words of any script."""
    permutations: int = 1000
    seed: int = 0
    trained_on: Path | None = None
    """A built set whose instructions must not be scored."""
    allow_seen: bool = False
    skip_bad: bool = False
    """Whether answers that cannot be used are left out; else they are an error."""


@dataclass
class Outcome:
    """What came out."""

    figures: dict[str, Any]
    """As ``--json`` prints them."""
    skipped: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = field(default=())


def score(sources: Sequence[Source], scoring: Scoring) -> Outcome:
    """Score a set of predictions, or compare the first with the second.

    Args:
        sources: One or two.
        scoring: How.

    Raises:
        InputError: answers that cannot be used (unless they are skipped), one problem a kind;
            instructions that were trained on; two sets with nothing in common.
        StorageError: a file cannot be read.
    """
    bad, notices = Problems(), Problems()
    first = _Set(sources[0], scoring, bad, notices)
    sets = [first]
    sets += [_Set(s, scoring, bad, notices, first.lone_name) for s in sources[1:]]
    if bad.counts and not (scoring.skip_bad and all(one.tables for one in sets)):
        raise InputError(bad.problems())
    for one in sets:
        _refuse_seen(one.tables, scoring, notices)
    tables = [one.tables for one in sets]
    if len(tables) == 2:
        tables = _common(tables[0], tables[1], notices)
    protocols = {name: text for one in sets for name, text in one.extractors.items()}
    figures = {"scope": SCOPE, "protocols": protocols} | _figures(tables, scoring, notices)
    figures["notices"] = [vars_of(p) for p in (*bad.problems(), *notices.problems())]
    return Outcome(figures, tuple(bad.problems()), tuple(notices.problems()))


def vars_of(problem: Problem) -> dict[str, str]:
    """Return a problem as JSON prints it."""
    return {"where": problem.where, "what": problem.what, "fix": problem.fix}


class _Set:
    """One set of predictions, read and scored."""

    def __init__(
        self,
        source: Source,
        scoring: Scoring,
        bad: Problems,
        notices: Problems,
        name: tuple[str, str] | None = None,
    ) -> None:
        reader = Reader(source, name)
        self.lone_name = reader.lone_name()
        chosen = _Chosen(source, scoring)
        unusable, collector = _collected(reader, chosen)
        if chosen.changed:
            # Answers scored before the last change of protocol are scored again.
            chosen.settle()
            unusable, collector = _collected(reader, chosen)
        self.tables = collector.tables()
        bad.take(unusable)
        self.extractors = {t.protocol: chosen.of(t.task).extractor for t in self.tables}
        """Protocols in use, each with what counts as the answer."""
        _remark_reading(reader, collector, notices)


def _collected(reader: Reader, chosen: _Chosen) -> tuple[Problems, Collector]:
    kinds = Problems()
    collector = Collector(kinds, reader.place)
    for answer in reader.answers(kinds):
        collector.add(answer, chosen.see(answer))
    return kinds, collector


class _Chosen:
    """Task -> protocol; where none is named, by what all its targets so far have in common."""

    def __init__(self, source: Source, scoring: Scoring) -> None:
        self._known = PROTOCOLS | {LIKELIHOOD.name: LIKELIHOOD}
        if scoring.unicode_words:
            self._known["rouge-l"] = UNICODE_ROUGE
        self._named = self._known[scoring.protocol] if scoring.protocol else None
        if "score" in source.columns:
            self._named = GIVEN
        self._surveys: dict[str, Survey] = {}
        self._of: dict[str, Protocol] = {}
        self._settled = False
        self.changed = False
        """Whether a task's protocol is another one than for its first answers."""

    def see(self, answer: Answer) -> Protocol:
        """Take an answer into account, and return how it is scored."""
        if self._named or self._settled:
            return self.of(answer.task)
        survey = self._surveys.setdefault(answer.task, Survey())
        survey.see(answer.targets, answer.options, answer.output)
        protocol = self._known[survey.protocol()]
        self.changed |= self._of.setdefault(answer.task, protocol) is not protocol
        self._of[answer.task] = protocol
        return protocol

    def settle(self) -> None:
        """Keep each task's protocol as it is."""
        self._settled = True

    def of(self, task: str) -> Protocol:
        """Return how a task is scored."""
        return self._named or self._of[task]


def _remark_reading(reader: Reader, collector: Collector, notices: Problems) -> None:
    for task, instructions in merged(reader.names.values()).items():
        what = "files whose names differ in a last number are one task, the number its instruction"
        notices.add(f"{task} ({', '.join(instructions)})", what, "rename them if they are not")
    for left, read in reader.other_filters.items():
        what = f"answers of other filters than {read} are left out"
        notices.add(left, what, "choose with --filter NAME")
    for file in reader.files:
        if missing := rows_missing(file):
            what = f"{missing[0]} of {missing[1]} rows have no prediction"
            notices.add(str(file), what, "run `instraug predict` again to go on")
    if unused := reader.unused():
        notices.add(f"{unused} rows", "rows of --rows without a prediction", "predict them too")
    for task, count in collector.lossy.items():
        if count:
            what = "targets with letters that rouge-l drops, which score too low or 0"
            notices.add(f"{task} ({count} targets)", what, "add --rouge-words unicode")


def _refuse_seen(tables: Sequence[Table], scoring: Scoring, notices: Problems) -> None:
    if scoring.trained_on is None:
        return
    scored = {name for table in tables for name in table.instructions}
    seen = sorted(scored & used_instructions(scoring.trained_on))
    if seen:
        what = f"{len(seen)} of the instructions were trained on: {', '.join(seen)}"
        fix = "score rows of other instructions"
        if not scoring.allow_seen:
            problem = Problem(str(scoring.trained_on), what, f"{fix}, or add --allow-seen")
            raise InputError([problem])
        notices.add(str(scoring.trained_on), what, fix)


def _common(a: list[Table], b: list[Table], notices: Problems) -> list[list[Table]]:
    """Return the parts of both sets that are in both, and note what is not."""
    pairs = list(shared(a, b))
    for name, tables, kept in (("A", a, [p[0] for p in pairs]), ("B", b, [p[1] for p in pairs])):
        cells = {t.task: t.scores.size for t in kept}
        for table in tables:
            lost = table.scores.size - cells.get(table.task, 0)
            if lost:
                what = "answers that the other set lacks are left out"
                fix = "compare answers to the same test rows"
                notices.add(f"{name}: {table.task} ({lost} answers)", what, fix)
    return [[p[0] for p in pairs], [p[1] for p in pairs]]


def _figures(
    tables: Sequence[Sequence[Table]], scoring: Scoring, notices: Problems
) -> dict[str, Any]:
    draws, seed = scoring.permutations, scoring.seed
    # Of two sets the instances stand in groups as they do in the first.
    groups = [table.groups for table in tables[0]]
    samples = [
        [sample(table.scores, g) for table, g in zip(some, groups, strict=True)] for some in tables
    ]
    for some, of in zip(tables, samples, strict=True):
        remark(some, of, notices)
    usable = [all(s.usable for s in of) for of in zip(*samples, strict=True)]
    figures = [
        {
            "mean": mean_score(some),
            "sensitivity": over_tasks(_over(some, of, usable), draws, seed),
            "tasks": [task_figures(table) for table in some],
        }
        for some, of in zip(tables, samples, strict=True)
    ]
    drawn = {"permutations": draws, "seed": seed}
    if len(figures) == 1:
        return figures[0] | drawn
    a, b = figures
    both: dict[str, Any] = {key: {"a": a[key], "b": b[key]} for key in a}
    return both | {"difference": _difference(samples, scoring)} | drawn


def _over(
    tables: Sequence[Table], samples: Sequence[Sample], usable: Sequence[bool]
) -> dict[str, Sample]:
    rows = zip(tables, samples, usable, strict=True)
    return {table.task: sample for table, sample, there in rows if there}


def _difference(samples: Sequence[Sequence[Sample]], scoring: Scoring) -> dict[str, Any]:
    pairs = list(zip(*samples, strict=True))
    draws, seed = scoring.permutations, scoring.seed
    usable = [pair for pair in pairs if pair[0].usable and pair[1].usable]
    corrected = corrected_difference(usable, draws, seed) if usable else None
    return {
        "mean": difference_figures(mean_difference(pairs, draws, seed), 1),
        "corrected": difference_figures(corrected, 100),
    }
