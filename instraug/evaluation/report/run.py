"""Figures of one run: growth, lengths, what earns its tokens, what was rejected and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from instraug.evaluation.run_folder import Rejected, RunFolder
from instraug.evaluation.stats.pool import pool_figures
from instraug.models.journal.replay import Replay
from instraug.tasks.pool import InstructionRow

SAMPLES = 5
"""Answers shown of each rule."""

Row = InstructionRow | Rejected


@dataclass(frozen=True)
class Earned:
    """What a meta-prompt, or a temperature, brought."""

    name: str
    value: float | None
    """The temperature; None of a meta-prompt."""
    answers: int
    accepted: int
    tokens: int | None
    """Prompt and completion; None where the journal does not hold the replies."""

    @property
    def share(self) -> float:
        """The yield: accepted answers over answers."""
        return self.accepted / self.answers

    @property
    def per_1000(self) -> float | None:
        """Accepted rewrites for 1,000 tokens."""
        return 1000 * self.accepted / self.tokens if self.tokens else None


@dataclass(frozen=True)
class Broken:
    """A rule with what broke it."""

    rule: str
    answers: int
    samples: tuple[tuple[Rejected, str], ...]
    """Answers, each with what was wrong; of different templates as far as there are any."""


@dataclass
class RunFigures:
    """One run."""

    name: str
    folder: RunFolder
    rows: list[InstructionRow]
    pool: Mapping[str, Any]
    """See `stats.pool.pool_figures`."""
    lengths: tuple[Counter[int], Counter[int]]
    """Words -> hand-written instructions; the same of generated ones."""
    meta_prompts: list[Earned]
    temperatures: list[Earned]
    broken: list[Broken]
    by_task: Mapping[str, tuple[int, int]]
    """Task -> accepted, answers."""
    tokens_known: bool = True
    texts: dict[str, str] = field(default_factory=dict)
    """Instruction id -> text."""

    @property
    def tokens(self) -> int | None:
        """Tokens of every answer that was judged, as the manifest counts them."""
        usage = self.folder.manifest.get("usage")
        if not isinstance(usage, Mapping):
            return None
        return sum(n for n in usage.values() if isinstance(n, int))

    @property
    def answers(self) -> int:
        """Answers that were judged."""
        return sum(answers for _, answers in self.by_task.values())

    @property
    def accepted(self) -> int:
        """Accepted rewrites."""
        return sum(accepted for accepted, _ in self.by_task.values())


def run_figures(run: RunFolder, name: str) -> RunFigures:
    """Read a run and describe it.

    Args:
        run: The folder.
        name: What the page calls it.

    Raises:
        InputError: a row is damaged.
        StorageError: a file cannot be read.
    """
    rows = list(run.instructions())
    tally = _Tally()
    for row in rows:
        if row.generated:
            tally.add(row, accepted=True)
    for answer in run.rejected():
        tally.add(answer, accepted=False)
        tally.reject(answer)
    with Replay.read(run.journal) as journal:
        tokens = _tokens(journal, tally.shared)
    spread = [
        Counter(len(r.instruction.split()) for r in rows if r.generated is generated)
        for generated in (False, True)
    ]
    return RunFigures(
        name=name,
        folder=run,
        rows=rows,
        pool=pool_figures(row.as_json() for row in rows),
        lengths=(spread[0], spread[1]),
        meta_prompts=sorted(tally.earned("meta_prompt", tokens), key=lambda e: -e.share),
        temperatures=list(tally.earned("temperature", tokens)),
        broken=tally.rules(),
        by_task=tally.by_task(rows),
        tokens_known=bool(tokens),
        texts={row.id: row.instruction for row in rows},
    )


class _Tally:
    """Counts answers by where they come from."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, Any], list[tuple[str | None, bool]]] = defaultdict(list)
        self.shared: Counter[str] = Counter()
        """Key of a reply -> answers that it gave."""
        self._tasks: Counter[tuple[str, bool]] = Counter()
        self._rules: Counter[str] = Counter()
        self._samples: dict[str, dict[tuple[str, int], tuple[Rejected, str]]] = defaultdict(dict)

    def add(self, row: Row, *, accepted: bool) -> None:
        """Count an answer."""
        for kind in ("meta_prompt", "temperature"):
            self._answers[kind, getattr(row, kind)].append((row.reply, accepted))
        if row.reply is not None:
            self.shared[row.reply] += 1
        self._tasks[row.task, accepted] += 1

    def reject(self, row: Rejected) -> None:
        """Count each rule that an answer breaks, and keep it as a sample if there is room."""
        for rule, detail in dict(row.reasons).items():
            self._rules[rule] += 1
            samples = self._samples[rule]
            if len(samples) < SAMPLES:
                samples.setdefault((row.task, row.origin), (row, detail))

    def earned(self, kind: str, tokens: Mapping[str, float]) -> Iterator[Earned]:
        """Yield what each meta-prompt, or each temperature, brought; by its name."""
        found = [(k[1], answers) for k, answers in self._answers.items() if k[0] == kind]
        for name, answers in sorted(found, key=lambda f: (f[0] is None, f[0])):
            spent = [tokens.get(reply or "") for reply, _ in answers]
            known = [one for one in spent if one is not None]
            yield Earned(
                name="unknown" if name is None else str(name),
                value=name if isinstance(name, int | float) else None,
                answers=len(answers),
                accepted=sum(accepted for _, accepted in answers),
                tokens=round(sum(known)) if len(known) == len(spent) else None,
            )

    def rules(self) -> list[Broken]:
        """Return the rules that were broken, the most often broken first."""
        return [
            Broken(rule, count, tuple(self._samples[rule].values()))
            for rule, count in self._rules.most_common()
        ]

    def by_task(self, rows: Iterable[InstructionRow]) -> dict[str, tuple[int, int]]:
        """Return task -> accepted and all answers, in the order of the rows."""
        names = dict.fromkeys([*(r.task for r in rows), *(task for task, _ in self._tasks)])
        counts = self._tasks
        return {t: (counts[t, True], counts[t, True] + counts[t, False]) for t in names}


def _tokens(journal: Replay, shared: Mapping[str, int]) -> dict[str, float]:
    """Return the tokens that each answer of a reply cost, by the reply's key."""
    found = dict[str, float]()
    for key, answers in shared.items():
        if reply := journal.get(key):
            usage = reply.usage
            found[key] = (usage.prompt_tokens + usage.completion_tokens) / answers
    return found
