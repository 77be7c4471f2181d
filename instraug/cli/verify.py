"""``instraug verify`` and ``instraug diff``: what CI runs after a regeneration."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from instraug.cli.junit import check_junit, write_junit
from instraug.cli.options import EXISTING, EXISTING_FOLDER, PATH
from instraug.errors import printable
from instraug.evaluation.diff import TaskDiff, diff
from instraug.evaluation.verify import verify


@click.command("verify")
@click.argument("out", type=EXISTING_FOLDER)
@click.option("--journal", type=PATH, help="The journal, where it is not OUT/replies.jsonl.")
@click.option("--junit", type=PATH, help="Also write the result as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def verify_command(
    ctx: click.Context, out: Path, journal: Path | None, junit: Path | None, as_json: bool
) -> None:
    """Check the files of OUT and prove every accepted template again.

    Hashes against the manifest, checksums of the journal, and for each generated instruction its
    id, its placeholders against its original's, its parent and its reply. Ends 0 where all is
    well; otherwise lists everything that is off and ends 1.
    """
    if junit is not None:
        check_junit(junit, out)
    checks = verify(out, journal)
    problems = [p for c in checks for p in c.problems]
    if junit is not None:
        write_junit(junit, "instraug verify", checks)
    if as_json:
        listed = [{"name": c.name, "problems": [asdict(p) for p in c.problems]} for c in checks]
        click.echo(json.dumps({"ok": not problems, "checks": listed}))
    for problem in problems:
        click.echo(str(problem), err=True)
    click.echo(f"{out}: {len(checks)} checks, {len(problems)} problems", err=True)
    ctx.exit(1 if problems else 0)


@click.command("diff")
@click.argument("out", type=EXISTING)
@click.argument("out2", type=EXISTING)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def diff_command(ctx: click.Context, out: Path, out2: Path, as_json: bool) -> None:
    """Compare the instructions of OUT and OUT2 (folders, or instructions files), by task.

    Prints what OUT2 added (+), removed (-) and changed (~). Ends 0 where they are the same, 1
    where they differ.
    """
    diffs = diff(out, out2)
    if as_json:
        tasks = {name: asdict(change) for name, change in diffs.items()}
        click.echo(json.dumps({"same": not diffs, "tasks": tasks}))
    else:
        for name, change in diffs.items():
            _print(name, change)
    ctx.exit(1 if diffs else 0)


def _print(task: str, change: TaskDiff) -> None:
    counts = f"+{len(change.added)} -{len(change.removed)} ~{len(change.changed)}"
    click.echo(f"{printable(task)}: {counts}{' reordered' if change.reordered else ''}")
    for sign, rows in (("-", change.removed), ("+", change.added)):
        for row in rows:
            click.echo(f"  {sign} {row.id} {printable(row.instruction)}")
    for before, after in change.changed:
        old, new = before.as_json(), after.as_json()
        shown = ", ".join(f"{k} {old[k]!r} -> {new[k]!r}" for k in old if old[k] != new[k])
        click.echo(f"  ~ {before.id} {printable(shown)}")


COMMANDS: dict[str, click.Command] = {"verify": verify_command, "diff": diff_command}
