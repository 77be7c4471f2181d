"""``build``: instances + a pool -> the rows of a training set (MIns+), in any format."""

from __future__ import annotations

from time import monotonic

from instraug.tasks.load import load_tasks
from instraug.tasks.pool import load_pools
from instraug.training_set.build import (
    BuildJob,
    Inputs,
    Work,
    add_up,
    check_names,
    check_rows,
    find_bounds,
    fitted,
    hashed_whole,
    hashing,
    make_recipe,
    manifest_body,
    settled,
    write_companions,
    writing,
)
from instraug.training_set.destination import check_apart, destination
from instraug.training_set.engines.opening import open_engine
from instraug.training_set.formats import registry
from instraug.training_set.narrowing import narrowed
from instraug.training_set.parts.fingerprints import Look, looks
from instraug.training_set.parts.share import lines_before, share
from instraug.training_set.parts.writing import BLOCKS, PartWriter
from instraug.training_set.summary import Summary


def build(job: BuildJob) -> Summary:
    """Build a training set, or a part of one: instances rendered with sampled instructions (MIns+).

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: the destination exists, or does not fit the format.
        InputError: every row that cannot be built, unless they are to be skipped; a task folder,
            instructions or instance files with problems; no row at all.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    began = monotonic()
    work = plan(job)
    return build_part(work, began) if job.part else build_whole(work, began)


def plan(job: BuildJob) -> Work:
    """Read and check all that a build needs before its first row."""
    job = fitted(job)
    data_file = settled(job)
    pools = narrowed(job.config, load_pools(load_tasks(job.tasks), job.instructions))
    recipe = make_recipe(job.config, data_file, pools)
    files = recipe.instances.files(job.instances)
    shards = recipe.instances.split(files)
    check_apart(job.dest, files)
    check_names(job, pools, files)
    return Work(job, data_file, recipe, files, shards)


def build_whole(work: Work, began: float) -> Summary:
    """Build all rows, and write the set."""
    job, recipe, data_file = work.job, work.recipe, work.data_file
    form = registry.load(recipe.format, recipe.options)
    summary = Summary(recipe.pools, recipe.config.epsilon)
    with destination(job.dest, data_file.inside) as dest:
        # The engine first, for it may fork; then hashing, which goes on beside the building.
        workers = open_engine(job.engine, recipe, job.workers, dest.data.parent)
        with workers as engine, hashing(hashed_whole, work.files) as hashes:
            bounds = find_bounds(engine, work.shards, recipe.caps)
            with writing(dest, form, job.dest) as write:
                reports = engine.build(work.shards, bounds, write)
                each = zip(work.shards, reports, strict=True)
                add_up(summary, len(work.shards), each, job.progress)
                check_rows(summary, skip_bad=recipe.config.skip_bad)
            instances = dict(zip(map(str, work.files), hashes, strict=True))
        if not data_file.is_file:
            write_companions(dest, recipe, form, summary)
        inputs = Inputs.of(job, recipe.pools, instances)
        body = manifest_body(recipe, summary, inputs, work.run(began))
        summary.outputs = dest.finish(body)
    return summary


def build_part(work: Work, began: float) -> Summary:
    """Build a part of the rows, and write what `join` needs of it."""
    job, recipe = work.job, work.recipe
    own = share(work.shards, work.part)
    seen = looks(own, work.shards)
    summary = Summary(recipe.pools, recipe.config.epsilon)
    summary.lines_before = lines_before(recipe.instances, own, work.shards)
    with destination(job.dest, BLOCKS) as dest:
        writer = PartWriter(dest, recipe)
        workers = open_engine(job.engine, recipe, job.workers, dest.data.parent)
        with workers as engine, hashing(Look.fingerprint, seen) as hashes:
            # A cap looks at all rows, whoever builds them.
            bounds = find_bounds(engine, work.shards, recipe.caps)
            with writer.building(engine, own, bounds) as reports:
                add_up(summary, len(own), reports, job.progress)
                check_rows(summary, skip_bad=recipe.config.skip_bad, some=False)
            fingerprints = dict(zip([str(look.path) for look in seen], hashes, strict=True))
        inputs = Inputs.of(job, recipe.pools, work.sizes())
        writer.finish(work, inputs, fingerprints, bounds, summary, began)
    return summary
