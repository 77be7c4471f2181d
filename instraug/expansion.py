"""Templates x meta-prompts x temperatures -> Requests, lazily and in plan order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from instraug.config import MULTI_TEMP, Config
from instraug.placeholders import mask, own_words
from instraug.records import Chat, Example, Masked, Message, MetaPrompt, Request, Task, Template
from instraug.similarity import folded
from instraug.steering.holding import hold_back
from instraug.steering.nearest import Nearest

Grammar = Callable[[Masked, int], str]
"""Builds the grammar of a template's asking (0, 1, ...); it forces the masks into the answer."""


WARM = 0.6
"""The temperature of INSTRAUG's single variant (arXiv:2402.14492)."""
COOL = 0.2
"""Under a grammar, whose openings and swaps bring the variety, a lower one keeps the meaning."""
_PATIENCE = 7
"""See `Plan.patience`; half the answers were spent on the last few templates with none."""


@dataclass(frozen=True)
class Plan:
    """Everything that shapes the requests of a run."""

    model: str
    """The name that is sent; for the embedded model it holds the weights' SHA-256."""
    meta_prompts: tuple[MetaPrompt, ...]
    temperatures: tuple[float, ...]
    top_p: float
    samples: int
    """Askings of one meta-prompt at one temperature."""
    choices: int
    answer_tokens: int
    seed: int
    steps: tuple[int, ...]
    """Accepted rewrites wanted of each hand-written template, by iteration."""
    grammar: Grammar | None = None
    patience: int | None = None
    """Answers a template may take for each accepted one, and as many again, before it is left;
    None: its whole plan."""

    @cached_property
    def nearest(self) -> Nearest:
        """Chooses the worked examples of each chat."""
        return Nearest(self.meta_prompts)


def make_plan(
    config: Config, model: str, meta_prompts: Sequence[MetaPrompt], grammar: Grammar | None = None
) -> Plan:
    """Return the plan of a config; iterative wants half of the rewrites from each of two steps.

    Source:
        INSTRAUG, arXiv:2402.14492: single (T = 0.6), multi-temperature, iterative.
    """
    usual = (COOL if grammar else WARM,)
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
        answer_tokens=config.answer_tokens,
        seed=config.seed,
        steps=steps,
        grammar=grammar,
        # Under a grammar every asking is a route of its own: what none of them fits is not for it.
        patience=_PATIENCE if grammar else None,
    )


def skipped(task: Task) -> dict[int, str]:
    """Return the positions of the templates that are not sent, each with the reason why."""
    seen: set[str] = set()
    out = {}
    for template in task.templates:
        told = folded(template.text)
        if not own_words(template.text):
            out[template.origin] = "placeholders only, nothing to rewrite"
        elif told in seen:
            out[template.origin] = "repeats an earlier instruction of its task"
        seen.add(told)
    return out


def requests(plan: Plan, task: Task, origin: Template, parent: Template) -> Iterator[Request]:
    """Yield every request that the plan holds for one template, in plan order.

    Each sample goes once over all pairs of meta-prompt and temperature, changing both at every
    step, so that even the first few requests are spread over both.

    Args:
        plan: What to ask.
        task: The template's task.
        origin: The hand-written ancestor.
        parent: What the model rewrites; the origin itself in the first step.

    Returns:
        ``plan.samples * len(plan.meta_prompts) * len(plan.temperatures)`` requests.
    """
    masked = hold_back(mask(parent.text, task.constants))
    heat = plan.temperatures
    told: dict[str, tuple[Message, ...]] = {}
    every = product(range(plan.samples), range(len(heat)), enumerate(plan.meta_prompts))
    for position, (sample, shift, (i, meta)) in enumerate(every):
        if meta.id not in told:
            told[meta.id] = messages(meta, plan.nearest(meta, masked.text), masked.text)
        chat = Chat(
            model=plan.model,
            messages=told[meta.id],
            temperature=heat[(i + shift) % len(heat)],
            top_p=plan.top_p,
            max_tokens=plan.answer_tokens,
            seed=seed_of(plan.seed, sample),
            sample=sample,
            n=plan.choices,
            grammar=plan.grammar(masked, position) if plan.grammar else None,
        )
        yield Request(chat, origin, parent, masked, meta.id, position)


def messages(meta: MetaPrompt, examples: Iterable[Example], text: str) -> tuple[Message, ...]:
    """Return the chat: the guideline, worked examples as turns, the masked template alone."""
    turns = [Message("system", meta.text)]
    for example in examples:
        turns += [Message("user", example.source), Message("assistant", example.rewrite)]
    return (*turns, Message("user", text))


def seed_of(seed: int, sample: int) -> int:
    """Derive a sample's 31-bit seed, the same on every platform."""
    digest = hashlib.sha256(f"{seed}:{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
