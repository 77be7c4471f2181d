"""Templates x meta-prompts x temperatures -> Requests, lazily and in plan order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product, repeat

from instraug.models.chat import AsText, Chat, Message
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.records import Request
from instraug.tasks.placeholders import mask
from instraug.tasks.records import Task, Template

AS_TEXT = AsText("Instruction:", "Reworded:")
"""How these chats are written for a model without a chat template."""


def expand(plan: Plan, task: Task, origin: Template, parent: Template) -> Iterator[Request]:
    """Yield every request that the plan holds for one template, in plan order.

    Each sample visits all pairs of meta-prompt and temperature once and changes both at every step,
    so that even the first few requests are spread over both.

    Args:
        plan: What to ask.
        task: The template's task.
        origin: The hand-written ancestor.
        parent: What the model rewrites; the origin itself in the first step.

    Returns:
        ``plan.samples * len(plan.meta_prompts) * len(plan.temperatures)`` requests; fewer if there
        are fewer grammars.
    """
    masked = hold_back(mask(parent.text, task.constants))
    heat = plan.temperatures
    examples = plan.examples(masked.text)
    chats: dict[str, tuple[Message, ...]] = {}
    every = product(range(plan.samples), range(len(heat)), enumerate(plan.meta_prompts))
    grammars = plan.grammars(masked) if plan.grammars else repeat(None)
    for position, ((sample, shift, (i, meta)), grammar) in enumerate(
        zip(every, grammars, strict=False)
    ):
        if meta.id not in chats:
            chats[meta.id] = messages(meta, examples(meta), masked.text)
        temperature = heat[(i + shift) % len(heat)]
        chat = Chat(
            model=plan.model,
            messages=chats[meta.id],
            temperature=temperature,
            top_p=plan.top_p,
            max_tokens=plan.answer_tokens,
            seed=seed_of(plan.seed, sample),
            sample=sample,
            n=plan.choices,
            grammar=grammar,
        )
        yield Request(origin, parent, masked, meta.id, temperature, position, chat)


def messages(meta: MetaPrompt, examples: Iterable[Example], text: str) -> tuple[Message, ...]:
    """Return a chat's messages: the guideline, worked examples as turns, the masked template."""
    turns = [Message("system", meta.text)]
    for example in examples:
        turns += [Message("user", example.source), Message("assistant", example.rewrite)]
    return (*turns, Message("user", text))


@lru_cache(maxsize=256)
def seed_of(seed: int, sample: int) -> int:
    """Derive a sample's 31-bit seed, the same on every platform."""
    digest = hashlib.sha256(f"{seed}:{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
