"""The second pass: the sets of a mixture and what belongs to them, all written or none."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

import instraug
from instraug.files.manifest import sha256
from instraug.training_set.destination import Destination, check_free, destination
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Format, Options
from instraug.training_set.formats.registry import DataFile
from instraug.training_set.mix.choice import Plan, Pool
from instraug.training_set.mix.config import MixJob
from instraug.training_set.mix.figures import figures_of
from instraug.training_set.mix.scan import Scanned
from instraug.training_set.mix.scanner import Lines
from instraug.training_set.mix.shares import show_share
from instraug.training_set.mix.sources import Source, data_file
from instraug.training_set.mix.writing import Output, encoder, target_format, write_rows

TABLE = "sweep.tsv"

Shares = Mapping[str, Fraction]


@dataclass
class Mixture:
    """What a mixture became."""

    sets: list[dict[str, Any]]
    """The figures of each set, see docs/mixing.md."""
    left_out: dict[str, int]
    """Kind of leak -> rows that were left out for it."""
    leaks: list[str]
    """The first of them, a line each."""
    outputs: dict[str, str]
    """File -> SHA-256."""


@dataclass(frozen=True)
class Target:
    """The destination as files."""

    data: DataFile
    files: tuple[Path, ...]
    """One a set: where ``DEST`` is a file, each of them; else names in the folder ``DEST``."""


def settle_target(
    job: MixJob, sources: Sequence[Source], asked: Sequence[tuple[Fraction | None, Shares]]
) -> Target:
    """Settle the format, and which files there will be.

    Raises:
        InputError: rows of formats that do not mix.
        UsageError: a destination that exists, or does not fit the format.
        StorageError: there is no place for it.
    """
    usual = registry.data_file(job.dest, None)
    form = target_format(sources, job.config.format, usual.format)
    data = registry.data_file(job.dest, form)
    shares = [show_share(share) for share, _ in asked if share is not None]
    ending = f"{data.suffix}{data.packed}"
    if not shares:
        names = [job.dest if data.is_file else job.dest / (data.inside or "")]
    elif data.is_file:
        stem = job.dest.name.removesuffix(ending)
        names = [job.dest.with_name(f"{stem}-{share}{ending}") for share in shares]
    else:
        names = [job.dest / f"{share}{ending}" for share in shares]
    for path in names if data.is_file else [job.dest]:
        check_free(path, is_file=data.is_file, force=job.force)
    return Target(data, tuple(names))


@contextmanager
def scratch(job: MixJob) -> Iterator[Path]:
    """Make a hidden folder beside the destination, for copies of sources."""
    parent = job.dest.absolute().parent
    with TemporaryDirectory(prefix=".instraug-", dir=parent) as folder:
        yield Path(folder)


def write_sets(
    job: MixJob,
    target: Target,
    sources: Sequence[Source],
    lines: Sequence[Lines],
    scanned: Scanned,
    pools: Sequence[Pool],
    plans: Sequence[Plan],
    folder: Path,
) -> Mixture:
    """Write every set, its manifest, and the table of a sweep; all of them, or none.

    A folder takes what waits to be sorted.

    Raises:
        InputError: a row that the format has no room for.
        StorageError: the disk refused.
    """
    data = target.data
    images = Path(job.config.images) if job.config.images else None
    form = registry.load(data.format, Options(data.suffix, images))
    encodes = [encoder(data.format, source.format, form) for source in sources]
    sets = [figures_of(plan, pools, job.config.by) for plan in plans]
    mixture = Mixture(sets, _left_out(scanned), [], {})
    body = _manifest(job, target, sources, lines, scanned) | {"left_out": mixture.left_out}
    with ExitStack() as stack:
        if data.is_file:
            places = [stack.enter_context(destination(path, None)) for path in target.files]
        else:
            first = stack.enter_context(destination(job.dest, target.files[0].name))
            places = [first, *(first.another(path.name) for path in target.files[1:])]
        with ExitStack() as streams:
            outputs = [
                Output(streams.enter_context(place.stream()), path)
                for place, path in zip(places, target.files, strict=True)
            ]
            write_rows(
                outputs,
                form,
                encodes,
                lines,
                sources,
                pools,
                plans,
                shuffled=job.config.order == "shuffled",
                folder=folder,
            )
        if data.is_file:
            for place, figures in zip(places, sets, strict=True):
                mixture.outputs |= place.finish({**body, "sets": [figures]})
        else:
            _write_companions(places, form, mixture, target)
            mixture.outputs = places[0].finish({**body, "sets": sets}, places[1:])
    return mixture


def _write_companions(
    places: Sequence[Destination], form: Format, mixture: Mixture, target: Target
) -> None:
    """Write what a folder holds beside its rows: the loader's own files, a table, a card."""
    merged: dict[str, dict[str, Any]] = {}
    for place in places:
        for name, content in form.companions(place.data.name).items():
            merged.setdefault(name, {}).update(orjson.loads(content))
    for name, entries in merged.items():
        places[0].add(name, orjson.dumps(entries, option=orjson.OPT_INDENT_2) + b"\n")
    if len(places) > 1:
        places[0].add(TABLE, table(mixture.sets).encode())
    names = [path.name for path in target.files]
    places[0].add("README.md", _card(names, target.data.format, mixture.sets).encode())


def table(sets: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of several sets as tab-separated lines with a heading."""
    out = io.StringIO()
    rows = [row_of(figures) for figures in sets]
    writer = csv.DictWriter(out, list(rows[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def row_of(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return one set's line of the table."""
    tokens = figures["tokens"]
    return {
        "share": figures["share"],
        "rows": figures["rows"],
        "tokens": tokens["total"],
        "image_tokens": tokens["image"],
        "text_only_rows": figures["text_only"]["rows"],
        "text_only_tokens": figures["text_only"]["tokens"],
        **{f"rows_of {name}": of["rows"] for name, of in figures["sources"].items()},
    }


def _card(names: Sequence[str], form: str, sets: Sequence[Mapping[str, Any]]) -> str:
    head = ["---", "configs:"]
    for name in names:
        config = "mixed" if len(names) == 1 else f"share_{name.split('.json')[0].split('.tsv')[0]}"
        head += [f"- config_name: {config}", f"  data_files: {name}"]
    rows = ", ".join(
        f"{figures['rows']} rows in `{name}`" for name, figures in zip(names, sets, strict=True)
    )
    text = f"Mixed by instraug (format {form}): {rows}. `manifest.json` holds every setting."
    return "\n".join([*head, "---", "# Mixed set", "", text]) + "\n"


def _left_out(scanned: Scanned) -> dict[str, int]:
    found: dict[str, int] = {}
    for scan in scanned.scans:
        for kind, rows in scan.leaked.items():
            found[kind] = found.get(kind, 0) + rows
    return dict(sorted(found.items()))


def _manifest(
    job: MixJob,
    target: Target,
    sources: Sequence[Source],
    lines: Sequence[Lines],
    scanned: Scanned,
) -> dict[str, Any]:
    hashes = [
        digest if source.is_plain else sha256(source.file)
        for source, digest in zip(sources, scanned.hashes, strict=True)
    ]
    datasets: dict[str, list[str]] = {}
    for source, of_source in zip(sources, lines, strict=True):
        for task, names in source.datasets.items():
            if task not in of_source.leaking_tasks:
                datasets[task] = sorted({*datasets.get(task, []), *names})
    return {
        "kind": "mix",
        "instraug": instraug.__version__,
        "python": platform.python_version(),
        "config": asdict(job.config) | {"format": target.data.format},
        "inputs": {
            "sources": {s.name: digest for s, digest in zip(sources, hashes, strict=True)},
            "evaluation": {str(path): sha256(data_file(path)) for path in job.evaluation},
        },
        "sources": datasets,
        "run": {"workers": job.workers},
    }
