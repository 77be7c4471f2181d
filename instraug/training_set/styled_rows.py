"""One task, compiled, where options are shown in a style and answers are of a kind.

What `row_maker` does for rows as released; apart from it, which stays as fast as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from instraug.tasks.pool import Pool
from instraug.tasks.rendering import Renderer, compiler
from instraug.training_set.answers import Arranger
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats.base import Fields
from instraug.training_set.formats.readers import DATES, is_date
from instraug.training_set.given_options import checker
from instraug.training_set.instances.base import Adapter
from instraug.training_set.option_styles import (
    BITS,
    KEPT,
    LABELLED,
    PROTOCOLS,
    STYLES,
    Pair,
    Presenter,
    Style,
    pairs,
    with_lines,
)
from instraug.training_set.row_maker import Out, Take, drawable, keyed, target_of
from instraug.training_set.sampling import drawer, shuffled

_Choice = tuple[Renderer, Renderer, str]
"""An instruction, compiled with options joined by the task's separator and with a line for each;
and its id."""


def styled(
    pool: Pool, config: BuildConfig, adapter: Adapter, out: Out, *, dates: bool = False
) -> Take:
    """Return the function that renders a row with options in a style.

    Args:
        pool: The task and its instructions.
        config: How; a row's options stand in one style in all of its prompts.
        adapter: Makes the row ready first.
        out: Takes the built rows.
        dates: Note targets that are dates.
    """
    task, drawn = pool.task, pairs(config.options_style, config.answers)
    choices, own = _choices(pool, drawn), len(pool.originals)
    every = drawable(pool, config, choices) if config.per_instance == "all" else None
    draw = drawer(config.seed, task.name, choices[:own], choices[own:], config.epsilon)
    key = keyed(draw, out, by_id=config.draw_by == "id")
    prepare, hidden = adapter.preparer(task.name), adapter.hidden(task.name)
    look = checker(
        task,
        out.notes,
        shuffle=config.shuffle_options,
        labelled=any(kind in LABELLED for _, kind in drawn),
    )
    show, append = _shower(pool, config, drawn, out), out.rows.append

    def take(row: Fields, line: bytes) -> None:
        if prepare:
            prepare(row)
        (joined, lined, name), order = draw(key(row, line))
        target = target_of(row)
        if dates and is_date(target):
            out.notes.append((DATES, task.name, line))
        options, lines = row.get("options"), False
        if type(options) is list and options:
            row["target"], style = show(row, target, order, line)
            options, lines = row["options"], style.lines
            row["options"] = style.shown(options)
        else:
            if options is not None:
                look(options, target, line)
            row["target"] = target
        if every:
            prompts = [((e[1] if lines else e[0])(row), e[2]) for e in every]
        else:
            row["prompt"] = (lined if lines else joined)(row)
            row["instruction_id"] = name
        if options:
            row["options"] = options
        for added in hidden:
            del row[added]
        if every:
            out.rows.extend([row | {"prompt": p, "instruction_id": at} for p, at in prompts])
        else:
            append(row)

    return take


def _choices(pool: Pool, drawn: Sequence[Pair]) -> list[_Choice]:
    separators = {**pool.task.separators, "options": "\n"}
    on_lines = compiler(replace(pool.task, separators=separators))
    joined = compiler(pool.task) if any(not STYLES[name].lines for name, _ in drawn) else None
    choices = []
    for template in pool.instructions:
        lined = on_lines(with_lines(template.text))
        choices.append((joined(template.text) if joined else lined, lined, template.id))
    return choices


_Show = Callable[[Fields, str, int, bytes], tuple[str, Style]]


def _shower(pool: Pool, config: BuildConfig, drawn: Sequence[Pair], out: Out) -> _Show:
    """Return the function that puts a row's options in order.

    It returns the answer, and the style to show them in.
    """
    task, is_region = pool.task, pool.task.output == "region"
    arranger = Arranger(task, shuffle=config.shuffle_options, notes=out.notes, seen=out.seen)
    arrange, by_text, are_free = arranger.arrange, arranger.by_text, out.seen.are_free
    present = Presenter(task, drawn, out.seen.silent).present
    noted, count = out.shown.append, len(drawn)
    text = PROTOCOLS["text"]
    usually = [
        (STYLES[name], (name, kind or "text"), PROTOCOLS[kind] if kind in LABELLED else "")
        for name, kind in drawn
    ]

    def show(row: Fields, target: str, order: int, line: bytes) -> tuple[str, Style]:
        options = row["options"]
        if by_text and are_free(options) and target in options and "answer" not in row:
            row["options"] = options = shuffled(options, order)
            style, pair, labelled = usually[(order >> BITS) % count]
            if len(options) <= style.most:
                noted(pair)
                if labelled:
                    row["protocol"] = labelled
                    return style.names[options.index(target)], style
                if not is_region:
                    row["protocol"] = text
                return target, style
        else:
            target = arrange(row, target, order, line)
        name, shown, answer, protocol = present(row["options"], target, order)
        noted((name, shown))
        if protocol is None:
            out.notes.append((KEPT, task.name, line))
        elif protocol and (shown != "text" or not is_region):
            row["protocol"] = protocol
        return answer, STYLES[name]

    return show
