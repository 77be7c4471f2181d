"""``join``: the parts that ``--shard I/N`` left -> what one process would have written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from instraug.chain.refilter import begun, room_for
from instraug.errors import UsageError
from instraug.files.part import read_parts
from instraug.files.spool import Spool
from instraug.models.journal.paths import keep_apart
from instraug.models.journal.replay import Replay
from instraug.models.session import reserved
from instraug.rewriting.output import export
from instraug.rewriting.parts import check_all, judged_run, read_part
from instraug.rewriting.rejudging import check_made_from
from instraug.rewriting.run import Run
from instraug.tasks.pool import OUTPUTS
from instraug.training_set.build import (
    add_up,
    check_rows,
    make_recipe,
    manifest_body,
    write_companions,
    writing,
)
from instraug.training_set.config import BuildConfig
from instraug.training_set.destination import check_apart, check_free, destination
from instraug.training_set.formats import registry
from instraug.training_set.parts.reading import Joined, joined
from instraug.training_set.summary import Summary


def join_set(
    paths: Sequence[Path],
    dest: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Summary, BuildConfig]:
    """Join the parts of a built set: the very files, but for the section ``run`` of the manifest.

    Args:
        paths: The folders of all parts, in any order.
        dest: A file or folder to write; of the suffix that the parts were given.
        force: Replace it.
        progress: Called with the shards of rows done, from 0 on, and their total.

    Returns:
        What became of it, the files in place; and the settings of the set.

    Raises:
        InputError: parts are missing, doubled, damaged, or not of one whole; or no row at all.
        UsageError: the destination exists, or does not fit the format.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    began = monotonic()
    whole = joined(read_parts(paths))
    data_file = data_file_of(whole, dest)
    check_free(dest, is_file=data_file.is_file, force=force)
    check_apart(dest, paths)
    recipe = make_recipe(whole.config, data_file, whole.pools)
    form = registry.load(recipe.format, recipe.options)
    summary = Summary(recipe.pools, recipe.config.epsilon)
    with destination(dest, data_file.inside) as files:
        with writing(files, form, dest) as write:
            add_up(summary, whole.shards, whole.replay(write), progress)
            check_rows(summary, skip_bad=recipe.config.skip_bad)
        if not data_file.is_file:
            write_companions(files, recipe, form, summary)
        run = {"seconds": round(monotonic() - began, 3), "shards": len(whole.folders)}
        summary.outputs = files.finish(manifest_body(recipe, summary, whole.inputs, run))
    return summary, recipe.config


def data_file_of(whole: Joined, dest: Path) -> registry.DataFile:
    """Settle which file a destination stands for.

    Raises:
        UsageError: it is not of the suffix that the parts' blocks are for.
    """
    data_file = registry.data_file(dest, whole.format)
    if data_file.suffix != whole.suffix:
        raise UsageError(
            f"{dest}: the shards hold rows of {whole.format} for {whole.suffix}; rename it, or "
            f"build shards named like {Path(dest.name).with_suffix(data_file.suffix)}"
        )
    return data_file


def join_run(paths: Sequence[Path], dest: Path, *, force: bool = False) -> Run:
    """Join the parts of a run that was judged again: the very files that `filter` writes.

    Args:
        paths: The folders of all parts, in any order.
        dest: The folder to write; may be that of the run that was judged.
        force: Replace another run in ``dest``.

    Raises:
        InputError: parts are missing, doubled, damaged, or not of one whole; their run is not
            there any more; or what is in ``dest`` was not made from it.
        UsageError: writing to ``dest`` would replace a journal, or a part.
    """
    folders = read_parts(paths)
    out, kept, config = judged_run(folders)
    check_apart(dest, paths)
    keep_apart(dest, kept.journal, OUTPUTS)
    check_made_from(out, kept, dest, force=force)
    with reserved(dest) as make_dest, Spool(room_for(dest)) as spool:
        run, _ = begun(kept, config, spool, Replay(kept.journal))
        run.scorer = folders[0].same["scorer"]
        tasks = {task.name: task for task in kept.tasks}
        run.outcomes = [o for folder in folders for o in read_part(folder, tasks, run)]
        check_all([o.task for o in run.outcomes], list(tasks), folders[-1])
        make_dest()
        export(dest, run, kept.journal, None if dest.samefile(out) else out)
    return run
