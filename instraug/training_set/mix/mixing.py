"""The steps of `chain.mix`, which shows them in a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from instraug.errors import InputError, Problem, UsageError
from instraug.files.manifest import check_spelled
from instraug.training_set.destination import check_apart
from instraug.training_set.mix.choice import Plan, Pool, make_plan
from instraug.training_set.mix.config import MixJob
from instraug.training_set.mix.leaks import Guard, check_tasks, dataset_leaks
from instraug.training_set.mix.scan import Scanned
from instraug.training_set.mix.scanner import LISTED, Scan
from instraug.training_set.mix.shares import check_sum, parse_share, sweep
from instraug.training_set.mix.sources import Source, open_evaluation, open_sources

Shares = Mapping[str, Fraction]


# ── what is asked ────────────────────────────────────────────────────────────────────────────


def settle_shares(job: MixJob) -> list[tuple[Fraction | None, Shares]]:
    """Return the shares of each set that is asked for: source -> percent.

    Returns:
        One pair a set: the first source's share where it is one of a sweep, and all shares; these
        are empty where every row is taken.

    Raises:
        InputError: a source that is named twice.
        UsageError: shares that do not sum to 100, or are missing; no total; a cap of no source.
    """
    config = job.config
    names = [name for name, _ in job.sources]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        fix = "name each source once, with all of its share"
        raise InputError([Problem(name, "is named twice", fix) for name in twice])
    given = {name: share for name, share in job.sources if share is not None}
    if unknown := [name for name in config.caps if name not in names]:
        raise UsageError(f"--cap: {unknown[0]} is none of the sources; name it as it is given")
    if config.shares and not given:
        if len(config.shares) != len(names):
            what = f"the config has {len(config.shares)} shares, for {len(names)} sources"
            raise UsageError(f"{what}; give as many sources, in that order")
        shares = zip(names, config.shares, strict=True)
        given = {name: parse_share(f"{share:f}") or Fraction(0) for name, share in shares}
    if given and len(given) != len(names):
        missing = next(name for name in names if name not in given)
        raise UsageError(f"{missing}: has no share, though others have one; write {missing}=SHARE")
    if given:
        check_sum(given)
    if not job.config.total and (given or config.sweep or config.by == "tokens"):
        raise UsageError("--total is missing: shares are parts of it")
    if not config.sweep:
        return [(None, given)]
    if len(names) < 2:
        raise UsageError("--sweep: needs a second source, which makes up the rest")
    wanted = [parse_share(f"{share:f}") or Fraction(0) for share in config.sweep]
    return [(share, sweep(names, given, share)) for share in dict.fromkeys(wanted)]


def settle_sources(job: MixJob) -> tuple[tuple[Source, ...], Guard | None]:
    """Open the sources, and read the evaluation sets that no row may be in.

    Raises:
        InputError, UsageError, StorageError: see `open_sources`; a row of an evaluation set.
    """
    config = job.config
    sources = open_sources([name for name, _ in job.sources], config.columns)
    check_spelled([job.dest.name, *(s.file for s in sources), *job.evaluation, asdict(config)])
    check_apart(job.dest, [*(source.file for source in sources), *job.evaluation])
    if not job.evaluation:
        return sources, None
    guard = Guard(Path(config.images) if config.images else None)
    for path in job.evaluation:
        guard.read(open_evaluation(path, config.columns))
    return sources, guard


def leaking_tasks(
    job: MixJob, sources: Sequence[Source], guard: Guard | None
) -> dict[str, dict[str, str]]:
    """Return each source's tasks that are made of an evaluation's data set.

    Raises:
        InputError: there are some, and they may not, or cannot, be left out.
    """
    if guard is None:
        return {}
    leaks = dataset_leaks(guard, sources)
    check_tasks(sources, leaks, drop=job.drop_leaks)
    return leaks


# ── what is found ────────────────────────────────────────────────────────────────────────────


def check_rows(job: MixJob, sources: Sequence[Source], scanned: Scanned) -> list[str]:
    """Return the leaks, a line each.

    Raises:
        InputError: rows that cannot be used; leaks, unless they are to be left out.
    """
    problems = [p for s, scan in zip(sources, scanned.scans, strict=True) for p in _bad(s, scan)]
    if problems:
        raise InputError(problems)
    leaks = [p for s, scan in zip(sources, scanned.scans, strict=True) for p in _leaks(s, scan)]
    if leaks and not job.drop_leaks:
        count = sum(scan.leaked.total() for scan in scanned.scans)
        what = f"{count} rows are in the evaluation sets"
        shown = f"{what}, the first {LISTED} of them are above" if count > LISTED else what
        raise InputError([*leaks[:LISTED], Problem("mix", shown, "--drop-leaks leaves them out")])
    return [f"{leak.where}: {leak.what}" for leak in leaks[:LISTED]]


def _bad(source: Source, scan: Scan) -> Iterator[Problem]:
    listed = set()
    for line, bad in scan.problems:
        if bad.what not in listed:
            listed.add(bad.what)
            others = scan.bad[bad.what] - 1
            more = f" (and {others} more rows like it)" if others else ""
            yield Problem(f"{source.file}:{line}", f"{bad.what}{more}", bad.fix)


def _leaks(source: Source, scan: Scan) -> Iterator[Problem]:
    for line, leak in scan.leaks:
        what = f"{leak.kind} ({leak.place})"
        yield Problem(f"{source.file}:{line}", what, "leave it out, or --drop-leaks")


def make_plans(
    job: MixJob, pools: Sequence[Pool], asked: Iterable[tuple[Fraction | None, Shares]]
) -> list[Plan]:
    """Return what each set takes of each source.

    Raises:
        InputError: every source that is too small; a set without any row.
    """
    by_name = {pool.name: pool for pool in pools}
    plans: list[Plan] = []
    problems: dict[Problem, None] = {}
    for share, shares in asked:
        try:
            plans.append(make_plan(by_name, shares, share, job.config))
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if not problems and any(not sum(plan.draws.values()) for plan in plans):
        problems[Problem("mix", "a set would have no row", "give a larger total")] = None
    if problems:
        raise InputError(problems)
    return plans


def pools_of(job: MixJob, sources: Sequence[Source], scanned: Scanned) -> list[Pool]:
    """Return each source's rows in the order of their hashes."""
    caps, replace = job.config.caps, job.config.replace
    return [
        Pool(source.name, scan.rows, caps.get(source.name), replace=replace)
        for source, scan in zip(sources, scanned.scans, strict=True)
    ]
