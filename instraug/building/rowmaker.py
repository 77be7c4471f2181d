"""One task, compiled: functions that turn its raw rows into the encoded rows of a set.

Everything that depends on the task alone is settled here, once. What is left for a row is written
out in one function, because each call would cost a tenth of the time of reading the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from instraug.building.pools import Pool
from instraug.building.sampling import Smallest, drawer, ranker, shuffled
from instraug.formats.base import Encode, Fields
from instraug.formats.multiinstruct.instances import BadRow, computed_fields
from instraug.rendering import Compiled


@dataclass(frozen=True)
class Making:
    """How the rows of every task are made."""

    epsilon: float = 0.5
    all_instructions: bool = False
    """Every instruction that may be drawn, instead of one that is."""
    shuffle_options: bool = True
    seed: int = 0


Take = Callable[[Fields, bytes], None]
"""(raw row, its line) -> nothing; what the row gives is appended elsewhere, its fields may change.

Raises BadRow, MissingField or Unfit for a row that cannot be built; nothing is appended then.
"""


def sampler(
    pool: Pool,
    making: Making,
    encode: Encode,
    prepare: Callable[[Fields], Any] | None,
    rows: list[Any],
    used: list[int],
) -> Take:
    """Return the function that renders a row with one instruction, drawn from the task's pool.

    Args:
        pool: The task and its instructions.
        making: How; its epsilon is the probability of a hand-written instruction.
        encode: The format's.
        prepare: Done to a row first, where there is anything to do.
        rows: Takes the encoded row.
        used: Rows by position in ``pool.instructions``; counted up.
    """
    draw, append = _drawer(pool, making), rows.append
    shuffle, hidden = making.shuffle_options, computed_fields(pool.task)

    def take(fields: Fields, _: bytes) -> None:
        if prepare:
            prepare(fields)
        try:
            unique_id, target = fields["unique_id"], fields["target_txt"]
        except KeyError:
            raise _no_text() from None
        if type(unique_id) is not str or type(target) is not str:
            raise _no_text()
        (template, name, place), order = draw(unique_id)
        if shuffle and type(options := fields.get("options")) is list:
            fields["options"] = shuffled(options, order)
        prompt = template.render(fields)
        for field in hidden:
            del fields[field]
        append(encode(fields, prompt, target, name))
        used[place] += 1

    return take


def exhauster(
    pool: Pool,
    making: Making,
    encode: Encode,
    prepare: Callable[[Fields], Any] | None,
    rows: list[Any],
    used: list[int],
) -> Take:
    """Return the function that renders a row with every instruction that may be drawn.

    The arguments are those of `sampler`; options stand in one order in all of a row's prompts.
    """
    choices = _choices(pool)
    hand_written = len(pool.task.templates)
    if making.epsilon == 1:
        choices = choices[:hand_written]
    elif making.epsilon == 0 and pool.generated:
        choices = choices[hand_written:]
    draw, hidden = _drawer(pool, making), computed_fields(pool.task)

    def take(fields: Fields, _: bytes) -> None:
        if prepare:
            prepare(fields)
        unique_id, target = _id(fields), fields.get("target_txt")
        if type(target) is not str:
            raise _no_text()
        if making.shuffle_options and type(options := fields.get("options")) is list:
            fields["options"] = shuffled(options, draw(unique_id)[1])
        prompts = [choice.template.render(fields) for choice in choices]
        for field in hidden:
            del fields[field]
        pairs = zip(prompts, choices, strict=True)
        rows.extend([encode(fields.copy(), prompt, target, c.id) for prompt, c in pairs])
        for choice in choices:
            used[choice.place] += 1

    return take


def capped(take: Take, task: str, seed: int, bound: int) -> Take:
    """Return the function that takes only rows whose rank is below the bound."""
    rank = ranker(seed, task)

    def take_if_below(fields: Fields, line: bytes) -> None:
        if rank(_id(fields), line) < bound:
            take(fields, line)

    return take_if_below


def ranked(take: Take, task: str, seed: int, smallest: Smallest) -> Take:
    """Return the function that notes a row's rank, if the row can be built at all."""
    rank = ranker(seed, task)

    def note(fields: Fields, line: bytes) -> None:
        number = rank(_id(fields), line)
        if number < smallest.bound:
            take(fields, line)
            smallest.add(number)

    return note


class _Choice(NamedTuple):
    """One instruction of a pool, compiled."""

    template: Compiled
    id: str
    place: int


def _choices(pool: Pool) -> list[_Choice]:
    return [
        _Choice(Compiled(template.text, pool.task), template.id, place)
        for place, template in enumerate(pool.instructions)
    ]


def _drawer(pool: Pool, making: Making) -> Callable[[str], tuple[_Choice, int]]:
    choices, own = _choices(pool), len(pool.task.templates)
    return drawer(making.seed, pool.task.name, choices[:own], choices[own:], making.epsilon)


def _id(fields: Fields) -> str:
    """Return a row's id; its target may not be there yet."""
    unique_id = fields.get("unique_id")
    if type(unique_id) is str:
        return unique_id
    raise _no_text()


def _no_text() -> BadRow:
    what = "a row whose unique_id or target_txt is missing, or no text"
    return BadRow("missing field", what, "write them as text, or leave the row out")
