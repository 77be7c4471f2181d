"""Everything that a report shows: each source read once, and what they say about each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instraug.evaluation.report.built import SetFigures, set_figures
from instraug.evaluation.report.charts import Point
from instraug.evaluation.report.robustness import (
    Robustness,
    by_epsilon,
    by_proportion,
    robustness,
)
from instraug.evaluation.report.run import RunFigures, run_figures
from instraug.evaluation.report.sources import Sources
from instraug.tasks.load import load_tasks
from instraug.tasks.records import Task


@dataclass(frozen=True)
class Contents:
    """What a report is about."""

    runs: Sequence[RunFigures]
    sets: Sequence[SetFigures]
    scores: Sequence[Robustness]

    @property
    def title(self) -> str:
        """The names of what is reported on."""
        names = [*(r.name for r in self.runs), *(s.name for s in self.sets)]
        return ", ".join([*names, *(s.name for s in self.scores)])

    @property
    def proportions(self) -> dict[str, float]:
        """Task -> instance text proportion, by the last set that has it."""
        return {task: share for one in self.sets for task, share in one.proportions.items()}

    @property
    def by_epsilon(self) -> list[Point]:
        """Epsilon and mean score of each file of scores that follows a set."""
        return by_epsilon(self.scores)

    @property
    def by_proportion(self) -> list[Point]:
        """Instance text proportion and gain of A over B, of each task that has both."""
        return by_proportion(self.scores, self.proportions)

    @property
    def by_temperature(self) -> dict[str, list[Point]]:
        """Run -> temperature and yield, of runs that had several temperatures."""
        points = {
            run.name: [
                (e.value, e.share, run.name) for e in run.temperatures if e.value is not None
            ]
            for run in self.runs
        }
        return {name: some for name, some in points.items() if len(some) > 1}


def gather(sources: Sources, tasks: Path | None = None) -> Contents:
    """Read everything.

    Args:
        sources: What `sources.open_sources` returned.
        tasks: A task folder with the constants and texts of tasks that no run holds.

    Raises:
        InputError: a row is damaged, or scores are of other instructions than the runs and sets.
        StorageError: a file cannot be read.
    """
    paths = [*(r.path for r in sources.runs), *(s.path for s in sources.sets)]
    names = iter(_names([*paths, *(s.path for s in sources.scores)]))
    runs = [run_figures(run, next(names)) for run in sources.runs]
    known = {task.name: task for run in sources.runs for task in run.tasks}
    known |= {task.name: task for task in (load_tasks(tasks) if tasks else ())}
    pool = [row.as_json() for run in runs for row in run.rows]
    listed = list(known.values())
    sets = [set_figures(one, next(names), listed, pool) for one in sources.sets]
    texts = _texts(runs, sets, listed)
    scores = [robustness(one, next(names), texts) for one in sources.scores]
    return Contents(runs, sets, scores)


def _texts(
    runs: Sequence[RunFigures], sets: Sequence[SetFigures], tasks: Sequence[Task]
) -> dict[str, str]:
    """Return instruction id -> text; of a set that no run explains, the first prompt with it."""
    texts = {key: prompt for one in sets for key, prompt in one.prompts.items() if key}
    texts |= {template.id: template.text for task in tasks for template in task.templates}
    return texts | {key: text for run in runs for key, text in run.texts.items()}


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a short name of each path: its last part, or as much as tells it from the others."""
    names = [path.resolve().name for path in paths]
    return [
        name if names.count(name) == 1 else str(path)
        for name, path in zip(names, paths, strict=True)
    ]
