"""One task, compiled: functions that turn its raw rows into the built rows of a set.

Everything that depends only on the task is settled here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from instraug.errors import BadRow
from instraug.files.decode import shown
from instraug.tasks.pool import Pool
from instraug.tasks.records import Task
from instraug.tasks.rendering import Renderer, compiler
from instraug.training_set.answers import Arranger, Note
from instraug.training_set.config import BuildConfig
from instraug.training_set.fixes import target_fix
from instraug.training_set.formats.base import Fields
from instraug.training_set.formats.readers import DATES, is_date
from instraug.training_set.given_options import checker
from instraug.training_set.instances.base import Adapter
from instraug.training_set.sampling import HIGHEST, Smallest, drawer, shuffled
from instraug.training_set.seen import Seen

if TYPE_CHECKING:
    from instraug.training_set.boxes.regions import Regions


@dataclass(frozen=True, slots=True)
class Out:
    """What taking a row leaves."""

    rows: list[Fields] = field(default_factory=list)
    """Built rows."""
    notes: list[Note] = field(default_factory=list)
    """Notes about their options."""
    held: list[str] = field(default_factory=list)
    """The task of each row that is of the split that is not built."""
    lacking: list[str] = field(default_factory=list)
    """The task of each row whose task has no instruction that may be used."""
    ranks: list[Ranked] = field(default_factory=list)
    """Of rows that may be among the smallest."""
    shown: list[tuple[str, str]] = field(default_factory=list)
    """Of rows whose options are shown in a style: its name, and what the answer is."""
    drawn: list[int] = field(default_factory=list)
    """A number for the id of each row that has one, where it is drawn by its id."""
    seen: Seen = field(default_factory=Seen)

    def clear(self) -> None:
        """Forget all but the options that were seen."""
        self.rows.clear()
        self.notes.clear()
        self.held.clear()
        self.lacking.clear()
        self.ranks.clear()
        self.shown.clear()
        self.drawn.clear()


Ranked = tuple[Smallest, int]
"""The smallest ranks of a row's group, and the row's."""

Take = Callable[[Fields, bytes], None]
"""(raw row, its line) -> nothing; the row is built in place, and appended elsewhere.

Raises BadRow for a row that cannot be built.
"""


def sampler(
    pool: Pool, config: BuildConfig, adapter: Adapter, out: Out, *, dates: bool = False
) -> Take:
    """Return the function that renders a row with one instruction, drawn from the task's pool.

    Args:
        pool: The task and its instructions.
        config: How; its epsilon is the probability of a hand-written instruction.
        adapter: Makes the row ready first.
        out: Takes the built row.
        dates: Note targets that are dates.
    """
    draw, append = _drawer(pool, config), out.rows.append
    prepare, hidden = adapter.preparer(pool.task.name), adapter.hidden(pool.task.name)
    arranger = Arranger(pool.task, shuffle=config.shuffle_options, notes=out.notes, seen=out.seen)
    by_text, are_free = arranger.by_text, out.seen.are_free
    arrange, drawn = arranger.arrange, out.drawn.append
    look = checker(pool.task, out.notes, shuffle=config.shuffle_options)
    by_id = config.draw_by == "id"
    key = keyed(draw, out, by_id=by_id)

    def take(row: Fields, line: bytes) -> None:
        if prepare:
            prepare(row)
        try:
            unique_id, target = row["unique_id"], row["target_txt"]
        except KeyError:
            unique_id = target = None
        if type(unique_id) is str and type(target) is str and unique_id and by_id:
            (render, instruction), order = draw(unique_id)
            drawn(order)
        else:
            (render, instruction), order = draw(key(row, line))
            target = target_of(row)
        if dates and len(target) > 9 and target[4] == "-" and is_date(target):
            out.notes.append((DATES, pool.task.name, line))
        if type(options := row.get("options")) is list:
            if by_text and are_free(options) and target in options and "answer" not in row:
                row["options"] = shuffled(options, order)
            else:
                target = arrange(row, target, order, line)
        else:  # most often there are none
            target = look(options, target, line) if options else target
        row["prompt"] = render(row)
        row["target"] = target
        row["instruction_id"] = instruction
        for name in hidden:
            del row[name]
        append(row)

    return take


def exhauster(
    pool: Pool, config: BuildConfig, adapter: Adapter, out: Out, *, dates: bool = False
) -> Take:
    """Return the function that renders a row with every instruction that may be drawn.

    The arguments are those of `sampler`; options stand in one order in all of a row's prompts.
    """
    choices, draw = drawable(pool, config, _choices(pool)), _drawer(pool, config)
    key = keyed(draw, out, by_id=config.draw_by == "id")
    prepare, hidden = adapter.preparer(pool.task.name), adapter.hidden(pool.task.name)
    arranger = Arranger(pool.task, shuffle=config.shuffle_options, notes=out.notes, seen=out.seen)
    arrange, look = arranger.arrange, checker(pool.task, out.notes, shuffle=config.shuffle_options)

    def take(row: Fields, line: bytes) -> None:
        if prepare:
            prepare(row)
        drawn_by, target = key(row, line), target_of(row)
        if dates and is_date(target):
            out.notes.append((DATES, pool.task.name, line))
        if type(options := row.get("options")) is list:
            target = arrange(row, target, draw(drawn_by)[1], line)
        elif options:
            look(options, target, line)
        built = [
            {"prompt": render(row), "target": target, "instruction_id": instruction}
            for render, instruction in choices
        ]
        for name in hidden:
            del row[name]
        out.rows.extend([row | more for more in built])

    return take


def spelling(take: Take, task: Task, regions: Regions, out: Out) -> Take:
    """Return the function that spells a row's regions before it is taken.

    Args:
        take: What builds the task's rows.
        task: The task.
        regions: Spells them.
        out: Takes what there is to note.
    """
    spell = regions.speller(answers=task.output == "region", kind=task.answers)
    note, name = out.notes.append, task.name

    def spell_and_take(row: Fields, line: bytes) -> None:
        for what in spell(row):
            note((what, name, line))
        take(row, line)

    return spell_and_take


def answering(take: Take, rows: list[Fields]) -> Take:
    """Return the function that makes a rendered template the target, and the question the prompt.

    That is what a task with the answer form rationale wants: its templates hold what is answered.
    """

    def take_rationale(row: Fields, line: bytes) -> None:
        question = row.get("question")
        if type(question) is not str:
            raise BadRow("missing field", "the row lacks question", "add it, or leave it out")
        if not row.get("rationale"):
            raise BadRow("no rationale", "the row has no rationale", "another answer form takes it")
        first = len(rows)
        take(row, line)
        for built in rows[first:]:
            built["prompt"], built["target"] = question, built["prompt"]

    return take_rationale


def passer(task: str, passed: list[str]) -> Take:
    """Return the function that builds nothing of a task's rows, and notes the task for each."""

    def take(_row: Fields, _: bytes) -> None:
        passed.append(task)

    return take


def capped(take: Take, rank: Rank, group: Group, bounds: Mapping[str, int]) -> Take:
    """Return the function that takes only rows whose rank is below the bound of their group."""
    if isinstance(group, str):
        only = bounds.get(group)
        return take if only is None else _below(take, rank, lambda _: only)
    return _below(take, rank, lambda row: bounds.get(group(row), HIGHEST))


def _below(take: Take, rank: Rank, bound: Callable[[Fields], int]) -> Take:
    def take_if_below(row: Fields, line: bytes) -> None:
        if rank(identify(row, line), line) < bound(row):
            take(row, line)

    return take_if_below


def ranked(
    take: Take, rank: Rank, group: Group, smallest: Callable[[str], Smallest], ranks: list[Ranked]
) -> Take:
    """Return the function that notes a row's rank where it may be among the smallest.

    Args:
        take: What builds the task's rows; where it fails, no rank is noted.
        rank: The task's `ranker`.
        group: The group of its rows, or the function from a row to it.
        smallest: Group -> its smallest ranks so far.
        ranks: Takes the rank; it is to be added once the row is known to be sound.
    """
    append = ranks.append

    def note(row: Fields, line: bytes) -> None:
        number = rank(identify(row, line), line)
        of_group = smallest(group if isinstance(group, str) else group(row))
        if number < of_group.bound:
            take(row, line)
            append((of_group, number))

    return note


Rank = Callable[[str, bytes], int]
"""What `sampling.ranker` returns."""

Group = str | Callable[[Fields], str]
"""The group of rows that a cap counts a task's rows to, or the function from a row to it."""

_Choice = tuple[Renderer, str]
"""An instruction, compiled, and its id."""

T = TypeVar("T")


def drawable(pool: Pool, config: BuildConfig, choices: Sequence[T]) -> Sequence[T]:
    """Return what may be drawn of a pool's instructions, by the epsilon of a config.

    Args:
        pool: The pool.
        config: Gives epsilon.
        choices: One for each of its instructions, hand-written ones first.
    """
    hand_written = len(pool.originals)
    if config.epsilon == 1 and hand_written:
        return choices[:hand_written]
    if config.epsilon == 0 and pool.generated:
        return choices[hand_written:]
    return choices


def _choices(pool: Pool) -> list[_Choice]:
    compiled = compiler(pool.task)
    return [(compiled(template.text), template.id) for template in pool.instructions]


def _drawer(pool: Pool, config: BuildConfig) -> Callable[[str], tuple[_Choice, int]]:
    choices, own = _choices(pool), len(pool.originals)
    return drawer(config.seed, pool.task.name, choices[:own], choices[own:], config.epsilon)


def keyed(
    draw: Callable[[str], tuple[object, int]], out: Out, *, by_id: bool
) -> Callable[[Fields, bytes], str]:
    """Return the function from a row and its line to what it is drawn by."""

    def key(row: Fields, line: bytes) -> str:
        stated = row.get("unique_id") not in (None, "")
        unique_id = identify(row, line)
        if not by_id:
            return content_id(line)
        if stated:
            out.drawn.append(draw(unique_id)[1])
        return unique_id

    return key


def content_id(line: bytes) -> str:
    """Return the id of a row by its content: the hash of the line that it was read from."""
    return blake2b(line.rstrip(b"\r\n"), digest_size=8, person=b"instraug-content").hexdigest()


def identify(row: Fields, line: bytes) -> str:
    """Return a row's id, which is text in it from now on; by its content where it has none.

    Raises:
        BadRow: it is neither text nor a number.
    """
    unique_id = row.get("unique_id")
    if type(unique_id) is not str or not unique_id:
        missing = unique_id is None or unique_id == ""
        unique_id = content_id(line) if missing else _as_text("unique_id", unique_id)
        row["unique_id"] = unique_id
    return unique_id


def target_of(row: Fields) -> str:
    """Return a row's target, which is text in it from now on.

    Raises:
        BadRow: it is missing, or neither text nor a number.
    """
    target = row.get("target_txt")
    if type(target) is not str:
        if target is None:
            what = "the row lacks target_txt"
            raise BadRow("missing field", what, target_fix(row))
        row["target_txt"] = target = _as_text("target_txt", target)
    return target


def _as_text(name: str, value: object) -> str:
    """Spell a number as text.

    Raises:
        BadRow: it is something else.
    """
    if type(value) in (int, float):
        return str(value)
    what = f"{name} is {shown(value)}"
    raise BadRow("missing field", what, "write it as text in quotes, or leave the row out")
