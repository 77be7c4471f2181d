"""``instraug score``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from instraug.cli.junit import check_junit, write_junit
from instraug.cli.options import EXISTING, PATH, ManyValues
from instraug.cli.scoresheet import scoresheet
from instraug.errors import InputError, Problem, ScoreBeyond, UsageError
from instraug.evaluation.scores.naming import one_set
from instraug.evaluation.scores.protocols import PROTOCOLS
from instraug.evaluation.scores.shapes import COLUMNS, SHORT, Source

if TYPE_CHECKING:
    from instraug.evaluation.scores.scoring import Outcome


@click.command(cls=ManyValues)
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="PREDICTIONS [B]")
@click.option(
    "--protocol",
    type=click.Choice(list(PROTOCOLS)),
    help="How every task is scored; default: by its output kind.",
)
@click.option(
    "--rouge-words",
    type=click.Choice(["ascii", "unicode"]),
    default="ascii",
    show_default=True,
    help="What rouge-l counts: words of a-z and 0-9, or of any script.",
)
@click.option(
    "--columns",
    metavar="FIELD=COLUMN,...",
    help=f"Which columns hold {', '.join(COLUMNS)}; a.b leads into an object.",
)
@click.option(
    "--rows", type=EXISTING, multiple=True, help="Test rows with targets that PREDICTIONS lack."
)
@click.option("--filter", metavar="NAME", help="Which answer filter of a harness; default: first.")
@click.option(
    "--cluster-by", metavar="COLUMN", help="What instances share, such as image_path; one unit."
)
@click.option("--trained-on", type=EXISTING, metavar="SET", help="Refuse instructions of this set.")
@click.option("--allow-seen", is_flag=True, help="Score instructions of --trained-on all the same.")
@click.option("--skip-bad", is_flag=True, help="Leave out answers that cannot be used.")
@click.option(
    "--permutations",
    type=click.IntRange(min=19),
    default=1000,
    show_default=True,
    metavar="N",
    help="Draws of each test.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@click.option(
    "--fail-above", type=float, metavar="S", help="End 6 if corrected Sensitivity is above S."
)
@click.option(
    "--fail-below", type=float, metavar="A", help="End 6 if the mean score (0 to 1) is below A."
)
@click.option("--junit", type=PATH, metavar="FILE", help="Also write the checks as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def score(
    paths: tuple[Path, ...],
    junit: Path | None,
    as_json: bool,
    fail_above: float | None,
    fail_below: float | None,
    **given: Any,
) -> None:
    """Score PREDICTIONS: means by instruction, and Sensitivity raw, floor, corrected, with p.

    PREDICTIONS is a file or folder of `predict`, of lm-evaluation-harness or lmms-eval (samples),
    of MLAN (answers), or any JSONL with --columns. With B, the two are compared, paired by
    instance. Three or more files are one set, as are two samples files of different tasks or
    prompts.
    """
    limits = {"--fail-above": fail_above, "--fail-below": fail_below}
    for name, limit in limits.items():
        if limit is not None and not isfinite(limit):
            raise UsageError(f"{name}: {limit} is not a number")
    if junit is not None:
        check_junit(junit, *paths, *given["rows"])
    outcome = _scored(paths, given)
    if as_json:
        click.echo(orjson.dumps(outcome.figures))
    else:
        click.echo("\n".join(scoresheet(outcome.figures)))
    for problem in (*outcome.skipped, *outcome.notices):
        click.echo(str(problem), err=True)
    breaches = _breaches(outcome.figures, fail_above, fail_below)
    if junit is not None:
        _write_junit(junit, outcome, breaches)
    if any(breaches.values()):
        raise ScoreBeyond("\n".join(str(p) for p in breaches.values() if p))


def _scored(paths: Sequence[Path], given: Mapping[str, Any]) -> Outcome:
    from instraug.errors import StorageError

    try:
        from instraug.evaluation.scores.scoring import Scoring
        from instraug.evaluation.scores.scoring import score as run
    except ImportError:
        raise StorageError("score needs numpy; pip install '.[score]'") from None

    two = len(paths) == 2 and not one_set(*paths)
    shape = {
        "columns": _columns(given["columns"]),
        "rows": given["rows"],
        "group": given["cluster_by"],
        "filter": given["filter"],
    }
    groups = [(path,) for path in paths] if two else [tuple(paths)]
    scoring = Scoring(
        protocol=given["protocol"],
        unicode_words=given["rouge_words"] == "unicode",
        permutations=given["permutations"],
        seed=given["seed"],
        trained_on=given["trained_on"],
        allow_seen=given["allow_seen"],
        skip_bad=given["skip_bad"],
    )
    if scoring.protocol and "score" in shape["columns"]:
        raise UsageError("--protocol scores answers; leave it out, or score= of --columns")
    return run([Source(paths=group, **shape) for group in groups], scoring)


def _columns(text: str | None) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        name, equals, column = (part.strip() for part in pair.partition("="))
        name = SHORT.get(name, name)
        if not (equals and column) or name not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise UsageError(f"--columns: {pair.strip()!r} is not FIELD=COLUMN, FIELD of {known}")
        if name in columns:
            raise UsageError(f"--columns: {name} is given twice")
        columns[name] = column
    return columns


def _breaches(
    figures: Mapping[str, Any], above: float | None, below: float | None
) -> dict[str, Problem | None]:
    """Return each limit with how the first set breaks it; None where it does not."""
    mean, sensitivity = figures["mean"], figures["sensitivity"]
    if "difference" in figures:
        mean, sensitivity = mean["a"], sensitivity["a"]
    breaches: dict[str, Problem | None] = {}
    checks = (
        ("corrected Sensitivity", sensitivity["corrected"], above, "above", "--fail-above"),
        ("mean score", mean, below, "below", "--fail-below"),
    )
    for name, value, limit, side, option in checks:
        if limit is None:
            continue
        if value is None:
            raise InputError([Problem(name, "does not exist", f"leave out {option}")])
        over = value > limit if side == "above" else value < limit
        what = f"{value:.4g} is {side} {limit:g}"
        breaches[name] = Problem(name, what, f"{option} allows no more") if over else None
    return breaches


def _write_junit(path: Path, outcome: Outcome, breaches: Mapping[str, Problem | None]) -> None:
    from instraug.evaluation.verify import Check

    checks = [Check("answers", outcome.skipped)]
    checks += [Check(name, (breach,) if breach else ()) for name, breach in breaches.items()]
    write_junit(path, "instraug score", checks)


COMMANDS = {"score": score}
