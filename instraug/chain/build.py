"""``build``: instances + a pool -> the rows of a training set (MIns+), in any format."""

from __future__ import annotations

from time import monotonic

from instraug.tasks.load import load_tasks
from instraug.tasks.pool import load_pools
from instraug.training_set.build import (
    BuildJob,
    add_up,
    check_names,
    find_bounds,
    fitted,
    hashing,
    make_recipe,
    manifest_body,
    settled,
    write_companions,
    writing,
)
from instraug.training_set.destination import check_apart, destination
from instraug.training_set.engines.local import local_engine
from instraug.training_set.formats import registry
from instraug.training_set.narrowing import narrowed
from instraug.training_set.summary import Summary


def build(job: BuildJob) -> Summary:
    """Build a training set: instances rendered with sampled instructions (MIns+).

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: the destination exists, or does not fit the format.
        InputError: every row that cannot be built, unless they are to be skipped; a task folder,
            instructions or instance files with problems; no row at all.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    began = monotonic()
    job = fitted(job)
    data_file = settled(job)
    pools = narrowed(job.config, load_pools(load_tasks(job.tasks), job.instructions))
    recipe = make_recipe(job.config, data_file, pools)
    files = recipe.instances.files(job.instances)
    shards = recipe.instances.split(files)
    check_apart(job.dest, files)
    check_names(job, pools, files)
    form = registry.load(recipe.format, recipe.options)
    with destination(job.dest, data_file.inside) as dest:
        # The engine first, for it may fork; then hashing, which goes on beside the building.
        workers = local_engine(recipe, job.workers, dest.data.parent)
        with workers as engine, hashing(files) as hashes:
            bounds = find_bounds(engine, shards, recipe.caps)
            with writing(dest, form, job.dest) as write:
                summary = add_up(job, recipe, shards, engine.build(shards, bounds, write))
            instances = dict(zip(map(str, files), hashes, strict=True))
        if not data_file.is_file:
            write_companions(dest, recipe, form, summary)
        summary.outputs = dest.finish(manifest_body(job, recipe, summary, instances, began))
    return summary
