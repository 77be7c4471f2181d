"""Ask a model for meta-prompts of its own: guidelines, cleaned, told apart, ready to be used.

Source:
    INSTRAUG, arXiv:2402.14492: the framework's self-loop, run once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instraug.errors import NothingAccepted, UsageError
from instraug.files import strict_yaml
from instraug.files.atomic import atomic_writer
from instraug.models.budget import Budget
from instraug.models.chat import Chat, Message, Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import recording
from instraug.models.journal.replay import check_journal, content, spare
from instraug.models.opening import opened
from instraug.rewriting.config import Config
from instraug.rewriting.generation import Generator
from instraug.rewriting.job import address
from instraug.rewriting.judging.extraction import extract
from instraug.rewriting.prompts.meta_prompts import MetaPrompt, load_meta_prompts
from instraug.rewriting.prompts.requests import seed_of
from instraug.tasks.words import rouge_l, words

_ASK = "List ten different guidelines for rewording an instruction without changing its meaning."

_SHOWN = (
    Message("system", "Answer with a numbered list, one guideline a line, each one sentence."),
    Message("user", "List ten different guidelines for keeping a kitchen tidy."),
    Message(
        "assistant",
        "1. Wash every pan as soon as the meal is on the table.\n"
        "2. Give each tool a place of its own and return it there.\n"
        "3. Wipe the counters before you leave the room.\n"
        "4. Throw out food that is past its date once a week.\n"
        "5. Store what you use daily within easy reach.\n"
        "6. Empty the bin before it overflows.\n"
        "7. Label jars so that nobody has to open them to see.\n"
        "8. Sweep the floor after you have chopped vegetables.\n"
        "9. Soak burnt pots instead of scrubbing them dry.\n"
        "10. Keep papers and keys out of the cooking area.",
    ),
)

_ITEMS = re.compile(r"\n|(?<=[.!?])\s+(?=\d{1,2}[.)]\s)")
"""Between the items of a list, of which some models make one line."""

_MARK = re.compile(r"^\s*(?:\d{1,2}\s*[.):-]|[-*\u2022])?\s*")

_TITLED = re.compile(r"^(?:\*\*|__)?([^:*_]{3,40}?)(?:\*\*|__)?:\s*(?:\*\*|__)?\s*(?=\S)")

_CLOSING = "Reword the instruction so, keep its meaning, and keep every token in braces."

SAME = 0.6
"""Two guidelines of this ROUGE-L or more say the same."""


def question(model: str, sample: int, *, seed: int) -> Chat:
    """Return the chat that asks for ten guidelines; samples differ in their seeds."""
    return Chat(
        model=model,
        messages=(*_SHOWN, Message("user", _ASK)),
        temperature=0.9,
        top_p=0.95,
        max_tokens=640,
        seed=seed_of(seed, sample),
        sample=sample,
    )


def guidelines(said: str) -> Iterator[tuple[str, str]]:
    """Yield (title, sentence) of each usable item of an answer, a line or a part of one.

    List marks, emphasis and quotes come off. An item without a title of its own is titled by its
    first words. Items with braces, of fewer than 4 words or more than 40 are passed over.
    """
    for line in _ITEMS.split(extract(said, "")):
        text = _MARK.sub("", line).strip().strip('"')
        title = ""
        if match := _TITLED.match(text):
            title, text = match[1].strip(), text[match.end() :]
        text = re.sub(r"\*\*|__|`", "", text).strip()
        if 4 <= len(text.split()) <= 40 and not re.search(r"[{}<>]|\w:$", text):
            yield title or " ".join(text.rstrip(".").split()[:5]), text


async def bootstrap(
    ask: Callable[[Chat], Awaitable[Reply | None]],
    model: str,
    shipped: Sequence[MetaPrompt],
    *,
    wanted: int,
    seed: int,
) -> list[MetaPrompt]:
    """Ask until there are enough guidelines that differ from one another, eight times at most.

    Args:
        ask: Returns the reply to a chat, or None where there is none.
        model: The name that requests carry.
        shipped: Their guidelines are not repeated; the first direct one lends its examples.
        wanted: How many to return at most.
        seed: Seed of sampling.
    """
    examples = next((m.examples for m in shipped if m.kind == "direct"), ())
    taken = [words(m.text) for m in shipped]
    found: list[MetaPrompt] = []
    for sample in range(8):
        reply = await ask(question(model, sample, seed=seed))
        choices = reply.choices if reply else ()
        for title, text in (line for c in choices for line in guidelines(c.text or "")):
            told = words(text)
            if len(found) < wanted and _is_new(told, taken):
                taken.append(told)
                id_ = f"bootstrapped-{len(found) + 1:02}"
                found.append(MetaPrompt(id_, title, "direct", f"{text} {_CLOSING}", examples))
        if len(found) >= wanted:
            break
    return found


def bootstrap_file(
    out: Path, config: Config, name: str, key: str | None, wanted: int
) -> list[MetaPrompt]:
    """Bootstrap meta-prompts and write them as a file that `load_meta_prompts` reads.

    Replies are journaled in ``NAME.replies.jsonl`` beside it, and bought once.

    Args:
        out: The file to write.
        config: Endpoint, budget and seed.
        name: The model, see `model.chosen`.
        key: The API key, if any.
        wanted: How many to ask for.

    Raises:
        UsageError: the model is the embedded one: what it lists is no guidelines; or the file, or
            its journal's path, is that of something else.
        NothingAccepted: not one usable guideline came.
        InstraugError: what stopped the asking.
    """
    if name == "local":
        raise UsageError(
            "the embedded model is too small to write meta-prompts; name another: --model NAME, "
            "or local:PATH for a GGUF file"
        )
    replies = out.with_name(f"{out.name}.replies.jsonl")
    spare(out)
    if (found := content(out)) in ("a folder", "no regular file"):
        raise UsageError(f"{out}: is {found}; choose another path")
    check_journal(replies)
    with Journal.open(replies) as journal:
        made, generator = asyncio.run(_bootstrap(journal, config, name, key, wanted))
    if generator.stopped:
        raise generator.stopped
    if not made:
        why = next(iter(generator.failed.values()), "no line of its answers was a guideline")
        raise NothingAccepted(f"the model gave no usable guideline ({why}); try another model")
    with atomic_writer(out) as file:
        file.write(strict_yaml.dump(as_data(made)).encode())
    return made


async def _bootstrap(
    journal: Journal, config: Config, name: str, key: str | None, wanted: int
) -> tuple[list[MetaPrompt], Generator]:
    budget = Budget(config.budget, config.prices, [name])
    notices: list[str] = []
    async with opened(address(config, name, key), budget, notices.append) as model:
        complete = model.complete and recording(model.complete, journal)
        generator = Generator(complete, journal, model.concurrency)
        shipped = load_meta_prompts()
        found = await bootstrap(
            generator.reply, model.name, shipped, wanted=wanted, seed=config.seed
        )
        return found, generator


def _is_new(told: Sequence[str], taken: Iterable[Sequence[str]]) -> bool:
    return all(rouge_l(told, other, SAME) < SAME for other in taken)


def as_data(meta_prompts: Iterable[MetaPrompt]) -> dict[str, Any]:
    """Return a meta-prompt file's content, as `load_meta_prompts` reads it."""
    rows = []
    for meta in meta_prompts:
        row = asdict(meta)
        row["examples"] = [asdict(e) for e in meta.examples]
        rows.append(row)
    return {"meta_prompts": rows}
