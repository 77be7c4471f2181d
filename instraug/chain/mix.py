"""``mix``: sets + shares -> one set, or a sweep of them, to an exact total."""

from __future__ import annotations

from instraug.training_set.mix import mixing, sets
from instraug.training_set.mix.config import MixJob
from instraug.training_set.mix.scan import scan_all
from instraug.training_set.mix.scanner import Scanner
from instraug.training_set.mix.sets import Mixture
from instraug.training_set.mix.spool import lines_of


def mix(job: MixJob) -> Mixture:
    """Mix sets to an exact total, by rows or by tokens; a sweep of shares makes a set of each.

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: shares, a destination or settings that do not go together.
        InputError: sources that cannot be mixed or are too small; rows that cannot be used, or
            that an evaluation set holds, unless they are to be left out.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    asked = mixing.settle_shares(job)
    sources, guard = mixing.settle_sources(job)
    target = sets.settle_target(job, sources, asked)
    leaking = mixing.leaking_tasks(job, sources, guard)
    with sets.scratch(job) as folder:
        lines = lines_of(sources, folder, leaking)
        scanned = scan_all(Scanner(lines, job.config, guard), lines, job.workers, job.progress)
        leaks = mixing.check_rows(job, sources, scanned)
        pools = mixing.pools_of(job, sources, scanned)
        plans = mixing.make_plans(job, pools, asked)
        mixture = sets.write_sets(job, target, sources, lines, scanned, pools, plans, folder)
    mixture.leaks = leaks
    return mixture
