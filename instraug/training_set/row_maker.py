"""One task, compiled: functions that turn its raw rows into the built rows of a set.

Everything that depends on the task alone is settled here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from instraug.tasks.pool import Pool
from instraug.tasks.rendering import Renderer, compiler
from instraug.training_set.formats.base import Fields
from instraug.training_set.instances.multiinstruct import BadRow, computed_fields
from instraug.training_set.sampling import Smallest, drawer, ranker, shuffled


@dataclass(frozen=True)
class Making:
    """How the rows of every task are made."""

    epsilon: float = 0.5
    all_instructions: bool = False
    """Every instruction that may be drawn, instead of one that is."""
    shuffle_options: bool = True
    seed: int = 0


Take = Callable[[Fields, bytes], None]
"""(raw row, its line) -> nothing; the row is built in place, and appended elsewhere.

Raises BadRow or MissingField for a row that cannot be built.
"""

Prepare = Callable[[Fields], object] | None
"""Done to a raw row first, where there is anything to do."""


def sampler(pool: Pool, making: Making, prepare: Prepare, rows: list[Fields]) -> Take:
    """Return the function that renders a row with one instruction, drawn from the task's pool.

    Args:
        pool: The task and its instructions.
        making: How; its epsilon is the probability of a hand-written instruction.
        prepare: See `Prepare`.
        rows: Takes the built row.
    """
    draw, append = _drawer(pool, making), rows.append
    shuffle, hidden = making.shuffle_options, computed_fields(pool.task)

    def take(row: Fields, _: bytes) -> None:
        if prepare:
            prepare(row)
        try:
            unique_id, target = row["unique_id"], row["target_txt"]
        except KeyError:
            raise _no_text() from None
        if type(unique_id) is not str or type(target) is not str:
            raise _no_text()
        (render, instruction), order = draw(unique_id)
        if shuffle and type(options := row.get("options")) is list:
            row["options"] = shuffled(options, order)
        row["prompt"] = render(row)
        row["target"] = target
        row["instruction_id"] = instruction
        for field in hidden:
            del row[field]
        append(row)

    return take


def exhauster(pool: Pool, making: Making, prepare: Prepare, rows: list[Fields]) -> Take:
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

    def take(row: Fields, _: bytes) -> None:
        if prepare:
            prepare(row)
        unique_id, target = _id(row), row.get("target_txt")
        if type(target) is not str:
            raise _no_text()
        if making.shuffle_options and type(options := row.get("options")) is list:
            row["options"] = shuffled(options, draw(unique_id)[1])
        built = [
            {"prompt": render(row), "target": target, "instruction_id": instruction}
            for render, instruction in choices
        ]
        for field in hidden:
            del row[field]
        rows.extend([row | more for more in built])

    return take


def capped(take: Take, task: str, seed: int, bound: int) -> Take:
    """Return the function that takes only rows whose rank is below the bound."""
    rank = ranker(seed, task)

    def take_if_below(row: Fields, line: bytes) -> None:
        if rank(_id(row), line) < bound:
            take(row, line)

    return take_if_below


def ranked(take: Take, task: str, seed: int, smallest: Smallest, ranks: list[Ranked]) -> Take:
    """Return the function that notes a row's rank where it may be among the smallest.

    Args:
        take: What builds the task's rows; where it fails, no rank is noted.
        task: The task's name.
        seed: The build's.
        smallest: The task's smallest ranks so far.
        ranks: Takes the rank; it is to be added once the row is known to be sound.
    """
    rank, append = ranker(seed, task), ranks.append

    def note(row: Fields, line: bytes) -> None:
        number = rank(_id(row), line)
        if number < smallest.bound:
            take(row, line)
            append((smallest, number))

    return note


Ranked = tuple[Smallest, int]
"""The smallest ranks of a row's task, and the row's."""

_Choice = tuple[Renderer, str]
"""An instruction, compiled, and its id."""


def _choices(pool: Pool) -> list[_Choice]:
    compiled = compiler(pool.task)
    return [(compiled(template.text), template.id) for template in pool.instructions]


def _drawer(pool: Pool, making: Making) -> Callable[[str], tuple[_Choice, int]]:
    choices, own = _choices(pool), len(pool.task.templates)
    return drawer(making.seed, pool.task.name, choices[:own], choices[own:], making.epsilon)


def _id(row: Fields) -> str:
    """Return a row's id; its target may not be there yet."""
    unique_id = row.get("unique_id")
    if type(unique_id) is str:
        return unique_id
    raise _no_text()


def _no_text() -> BadRow:
    what = "a row whose unique_id or target_txt is missing, or no text"
    return BadRow("missing field", what, "write them as text, or leave the row out")
