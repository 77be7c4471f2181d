"""The plan of a run: everything that shapes its requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from instraug.rewriting.config import MULTI_TEMP, Config
from instraug.rewriting.grammar.masks import free_wordings
from instraug.rewriting.grammar.routes import routes
from instraug.rewriting.prompts.examples import Nearest
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt
from instraug.tasks.placeholders import Masked, own_words
from instraug.tasks.records import Task
from instraug.tasks.words import folded

Grammars = Callable[[Masked], Iterator[str]]
"""A template -> the grammar of each of its requests, which holds all masks."""

WARM = 0.6
"""The temperature of INSTRAUG's single variant (arXiv:2402.14492)."""

COOL = 0.2
"""The temperature under a grammar, which brings the variety itself; it keeps the meaning."""

_SHARED = 4
"""Worked examples of each chat under a grammar."""

ANSWER_TOKENS = 512
"""Tokens an answer may have by default; a rewrite takes a tenth of them."""


@dataclass(frozen=True)
class Plan:
    """Everything that shapes the requests of a run."""

    model: str
    """The name that is sent; for the embedded model it holds the weights' SHA-256."""
    meta_prompts: tuple[MetaPrompt, ...]
    temperatures: tuple[float, ...]
    top_p: float
    samples: int
    """Samples of one meta-prompt at one temperature."""
    choices: int
    answer_tokens: int
    seed: int
    steps: tuple[int, ...]
    """Accepted rewrites wanted of each hand-written template, by iteration."""
    grammars: Grammars | None = None
    patience: int | None = None
    """A template gets at most this many times (accepted + 1) answers; None: its whole plan. Without
    it, most answers would go to the few templates that yield no more rewrites."""

    @cached_property
    def examples(self) -> Callable[[str], Callable[[MetaPrompt], tuple[Example, ...]]]:
        """Chooses the worked examples of each chat, by its text and meta-prompt.

        Where rules write the rewrites, all chats have the same few: they are read once, and not for
        each answer.
        """
        if not self._is_steered:
            return Nearest(self.meta_prompts)
        first = [m.examples[0] for m in self.meta_prompts if m.examples]
        shared = tuple(first[:_SHARED])
        return lambda _: lambda _: shared

    @property
    def _is_steered(self) -> bool:
        return self.grammars is routes

    @property
    def whole(self) -> int:
        """Requests that one parent has in all."""
        return self.samples * len(self.meta_prompts) * len(self.temperatures)

    def more(self, lacking: int, asked: int, gained: int) -> int:
        """Return how many requests to make next for one template.

        A template asks for what it lacks. If few answers were accepted, an endpoint is asked for
        up to twice that: there are fewer rounds, and a few rewrites too many.

        Args:
            lacking: Rewrites still wanted.
            asked: Answers asked for so far.
            gained: Rewrites accepted of those.
        """
        answers = lacking if self._is_steered else int(lacking * min(2, (asked + 1) / (gained + 1)))
        wanted = math.ceil(answers / self.choices)
        if self.patience is None:
            return max(0, wanted)
        left = self.patience * (gained + 1) - asked
        # One request may bring more answers than patience allows; the first is always made.
        return max(0, min(wanted, left // self.choices if asked else max(1, left // self.choices)))


def make_plan(
    config: Config,
    model: str,
    meta_prompts: Sequence[MetaPrompt],
    *,
    constrains: bool = False,
    instructed: bool = False,
) -> Plan:
    """Return the plan of a config; iterative gets half of the rewrites from each of two steps.

    Args:
        config: The run's settings.
        model: The name that requests carry.
        meta_prompts: The guidelines to ask by.
        constrains: Whether requests carry a grammar, which the model forces answers into.
        instructed: Whether that grammar leaves the wording free.

    Source:
        INSTRAUG, arXiv:2402.14492: single (T = 0.6), multi-temperature, iterative.
    """
    steered = constrains and not instructed
    usual = (COOL if steered else WARM,)
    temperatures = config.temperatures or (MULTI_TEMP if config.variant == "multi-temp" else usual)
    first = (config.rewrites + 1) // 2
    iterative = config.variant == "iterative"
    steps = (first, config.rewrites - first) if iterative else (config.rewrites,)
    return Plan(
        model=model,
        meta_prompts=tuple(meta_prompts),
        temperatures=temperatures,
        top_p=config.top_p,
        samples=config.samples,
        choices=config.choices,
        answer_tokens=config.answer_tokens or ANSWER_TOKENS,
        seed=config.seed,
        steps=steps,
        grammars=routes if steered else free_wordings if constrains else None,
        patience=config.patience,
    )


def skipped(task: Task) -> dict[int, str]:
    """Return the positions of the templates that are not sent, each with the reason why."""
    seen: set[str] = set()
    out = {}
    for template in task.templates:
        text = folded(template.text)
        if not own_words(template.text):
            out[template.origin] = "placeholders only, nothing to rewrite"
        elif text in seen:
            out[template.origin] = "repeats an earlier instruction of its task"
        seen.add(text)
    return out
