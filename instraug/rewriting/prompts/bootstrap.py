"""Ask a model for guidelines and turn them into meta-prompts, without repeats.

Source:
    INSTRAUG, arXiv:2402.14492: one pass of the framework's self-loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instraug.errors import InputError, NothingAccepted, TooFewGuidelines, UsageError
from instraug.files import strict_yaml
from instraug.files.atomic import atomic_writer
from instraug.files.replacing import check_replaceable
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Message, Reply
from instraug.models.embedded.packaged import is_default
from instraug.models.generation import Generator, HasChat
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import other_endpoints, recording
from instraug.models.journal.replay import check_journal, spare
from instraug.models.opening import Address, opened
from instraug.rewriting.config import Config
from instraug.rewriting.job import address
from instraug.rewriting.judging import marks
from instraug.rewriting.judging.extraction import listed
from instraug.rewriting.judging.rules import REFUSAL, ended
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

_LINES = re.compile(r"\n|(?<=[.!?])\s+(?=\d{1,2}[.)]\s)")
"""Between the items of a list, which some models write on one line."""

_MARK = re.compile(r"^\s*(?:\*\*)?(?:\d{1,2}\s*[.):-]|[-*\u2022](?!\*))\s*")

_CHAT = re.compile(
    r"\b(?:I|I['\u2019]m|I['\u2019]ve|let me know|hope (?:this|these))\b", re.IGNORECASE
)

_CALL = re.compile(
    r"\A(?:(?:[^\W\d_]+['\u2019]?[ ,]+){0,3}[^\W\d_]+!"
    r"|(?:sure|certainly|of course|absolutely|ok(?:ay)?)[,.])\s+(?=\S)",
    re.IGNORECASE,
)
"""A call in front of an item: "Certainly! Use short words."."""

_PLAIN = str.maketrans("", "", "()%&")
"""Removes marks that a plain sentence may hold."""

_TITLED = re.compile(r"^(?:\*\*|__)?([^:*_]{3,40}?)(?:\*\*|__)?:\s*(?:\*\*|__)?\s*(?=\S)")

_CLOSING = "Reword the instruction so, keep its meaning, and keep every token in braces."

SAME = 0.6
"""Two guidelines of this ROUGE-L (0 to 1) or more count as the same."""


def question(model: str, sample: int, *, seed: int) -> Chat:
    """Return a chat that asks for ten guidelines; samples differ in their seeds."""
    return Chat(
        model=model,
        messages=(*_SHOWN, Message("user", _ASK)),
        temperature=0.9,
        top_p=0.95,
        max_tokens=640,
        seed=seed_of(seed, sample),
        sample=sample,
    )


def guidelines(answer: str, finish_reason: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield (title, sentence) of each usable item of an answer, a line or a part of one.

    Thoughts, fences and JSON are removed as from a rewrite, then list marks, emphasis and quotes.
    An item without a title gets its first words as one. Skipped are refusals, talk, questions, a
    last line that was cut, lines outside a list if there is one, items with markup, and those of
    fewer than 4 words or more than 40.

    Args:
        answer: The model's answer.
        finish_reason: The endpoint's finish reason.
    """
    for line in _items(answer, finish_reason):
        text = _CALL.sub("", _MARK.sub("", line).strip().strip('"'))
        title = ""
        if match := _TITLED.match(text):
            title, text = match[1].strip(), text[match.end() :]
        text = re.sub(r"\*\*|__|`", "", text).strip()
        if 4 <= len(text.split()) <= 40 and not _odd(text):
            yield title or " ".join(text.rstrip(".").split()[:5]), text


def _items(answer: str, finish_reason: str | None) -> list[str]:
    """Return the lines of an answer that can be items of its list."""
    lines = [x for x in _LINES.split(listed(answer)) if x.strip()]
    if lines and (not ended(finish_reason) or _is_cut(lines)):
        lines.pop()
    marked = [x for x in lines if _MARK.match(x)]
    return marked or lines


def _is_cut(lines: Sequence[str]) -> bool:
    """Whether the last line has no end and most others have one."""
    ends = [line.rstrip(" *_\"'\u201d").endswith((".", "!", "?", ":")) for line in lines]
    return not ends[-1] and sum(ends) * 2 > len(ends)


def _odd(text: str) -> bool:
    if REFUSAL.search(text) or _CHAT.search(text) or re.search(r"[:?\uff1a\uff1f]\W*$", text):
        return True
    detail = marks.more(text.translate(_PLAIN), "") or marks.runaway(text, "", r"\{[A-Z]+\}")
    return detail is not None


async def bootstrap(
    ask: Callable[[Chat], Awaitable[Reply | None]],
    model: str,
    shipped: Sequence[MetaPrompt],
    *,
    wanted: int,
    seed: int,
) -> list[MetaPrompt]:
    """Ask at most eight times, until there are enough guidelines that differ from one another.

    Args:
        ask: Returns the reply to a chat, or None if there is none.
        model: The name that requests carry.
        shipped: Meta-prompts whose guidelines are not repeated; the first direct one gives the
            examples.
        wanted: How many to return at most.
        seed: Seed of sampling.

    Returns:
        At most ``wanted`` meta-prompts of kind ``direct``.
    """
    examples = next((m.examples for m in shipped if m.kind == "direct"), ())
    taken = [words(m.text) for m in shipped] + [words(x) for x in _echoes()]
    made: list[MetaPrompt] = []
    for sample in range(8):
        reply = await ask(question(model, sample, seed=seed))
        choices = reply.choices if reply else ()
        lines = (line for c in choices for line in guidelines(c.text or "", c.finish_reason))
        for title, text in lines:
            guideline = words(text)
            if len(made) < wanted and _is_new(guideline, taken):
                taken.append(guideline)
                id_ = f"bootstrapped-{len(made) + 1:02}"
                made.append(MetaPrompt(id_, title, "direct", f"{text} {_CLOSING}", examples))
        if len(made) >= wanted:
            break
    return made


def bootstrap_file(
    out: Path,
    config: Config,
    name: str,
    key: str | None,
    wanted: int,
    notice: Callable[[str], object] = lambda _text: None,
) -> list[MetaPrompt]:
    """Bootstrap meta-prompts and write them as a file that `load_meta_prompts` reads.

    Replies are journaled in ``NAME.replies.jsonl`` beside it, and bought once.

    Args:
        out: The file to write.
        config: Endpoint, budget and seed.
        name: The model; see `models.opening.chosen`.
        key: The API key, if any.
        wanted: How many to ask for.
        notice: Called with each line that the user should read.

    Raises:
        UsageError: the model is the embedded one, which is too small; or the path of the file, or
            of its journal, holds something else.
        NothingAccepted: the model gave no usable guideline.
        TooFewGuidelines: there are fewer than asked for; nothing is written, the replies are kept.
        InstraugError: what ended the run.
    """
    if is_default(name):
        raise UsageError(
            "the embedded model is too small to write meta-prompts; name another: --model NAME, "
            "local:NAME or local:PATH"
        )
    replies = out.with_name(f"{out.name}.replies.jsonl")
    spare(out)
    check_replaceable(out, "file of meta-prompts", _is_own)
    check_journal(replies)
    with Journal.open(replies) as journal:
        for line in journal.notices:
            notice(line)
        where = address(config, name, key)
        made, generator = asyncio.run(_bootstrap(journal, config, where, wanted, notice))
    if generator.stopped:
        raise generator.stopped
    if not made:
        why = next(iter(generator.failed.values()), "no line of its answers was a guideline")
        raise NothingAccepted(f"the model gave no usable guideline ({why}); try another model")
    if len(made) < wanted:
        raise TooFewGuidelines(
            f"the model gave {len(made)} usable guidelines of {wanted} asked for; "
            f"take them with --count {len(made)}, which buys nothing more, or try another model"
        )
    with atomic_writer(out) as file:
        file.write(strict_yaml.dump(as_data(made)).encode())
    return made


def _is_own(path: Path) -> bool:
    """Whether a file holds meta-prompts, as `bootstrap_file` and users write them."""
    try:
        return bool(load_meta_prompts(path))
    except InputError:
        return False


async def _bootstrap(
    journal: Journal,
    config: Config,
    where: Address,
    wanted: int,
    notice: Callable[[str], object],
) -> tuple[list[MetaPrompt], Generator[HasChat]]:
    budget = BudgetTracker(config.budget, config.prices, [where.model])
    look = other_endpoints(where.asked, notice)
    async with opened(where, budget, notice) as model:
        complete = model.complete and recording(model.complete, journal, where.asked)
        generator: Generator[HasChat] = Generator(
            complete, journal, model.concurrency, lambda reply, _: look(reply)
        )
        shipped = load_meta_prompts()
        made = await bootstrap(
            generator.reply, model.name, shipped, wanted=wanted, seed=config.seed
        )
        return made, generator


def _echoes() -> Iterator[str]:
    """Yield the lines of the request itself: repeated, they are not guidelines."""
    yield _ASK
    for message in _SHOWN:
        yield from (_MARK.sub("", line) for line in message.content.split("\n"))


def _is_new(guideline: Sequence[str], taken: Iterable[Sequence[str]]) -> bool:
    return all(rouge_l(guideline, other, SAME) < SAME for other in taken)


def as_data(meta_prompts: Iterable[MetaPrompt]) -> dict[str, Any]:
    """Return a meta-prompt file's content, as `load_meta_prompts` reads it."""
    rows = []
    for meta in meta_prompts:
        row = asdict(meta)
        row["examples"] = [asdict(e) for e in meta.examples]
        rows.append(row)
    return {"meta_prompts": rows}
