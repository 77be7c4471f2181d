"""The thin click shell: one file per command group, each imported when its command runs."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper

import click

from instraug import __version__
from instraug.errors import InstraugError, printable

_COMMANDS = {
    "init": ("init", "Write a task folder, a config and a CI workflow to start from."),
    "expand": ("expand", "Grow every template of a task folder through a model."),
    "filter": ("expand", "Judge a finished run again with other rules; makes no call."),
    "build": ("build", "Build a training set (MIns+) from instances and a pool."),
    "join": ("join", "Join what build --shard or filter --shard left into the whole."),
    "formats": ("profiles", "List the formats, and what each profile of --for sets."),
    "mix": ("mix", "Mix sets to an exact total, by rows or tokens; a sweep; a leak guard."),
    "import": ("importing", "Turn other projects' templates into a task folder."),
    "check": ("checking", "Report every problem of a task folder at once."),
    "meta-prompts": ("meta_prompts", "List the meta-prompts, or ask a model for more."),
    "show": ("show", "Show originals beside their rewrites, and rejected answers with why."),
    "stats": ("stats", "Figures of an expand folder or a built set."),
    "predict": ("predict", "Put built rows to a model, and keep its predictions."),
    "score": ("score", "Score predictions; Sensitivity to wording with its noise floor and p."),
    "report": ("report", "Write runs, sets and scores as one HTML page; figures for papers."),
    "verify": ("verify", "Check a run's files and prove every accepted template again."),
    "diff": ("verify", "Compare two runs' instructions, by task."),
}
"""Command -> (module of this package, one-line help); help needs no import of the module."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"instraug.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from instraug.files.decode import suggest

            ctx.fail(f"{error.format_message().rstrip('.')}; {suggest(args[0], _COMMANDS)}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="instraug")
def cli() -> None:
    """Grow instruction templates with a language model, and build training sets from them."""


def main() -> None:
    """Run the command line; every known error is one line on stderr and its own exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what its encoding lacks is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("interrupted; run the same command again", err=True)
        code = 130
    except click.ClickException as error:
        _show(error)
        code = error.exit_code
    except InstraugError as error:
        for line in str(error).split("\n"):
            click.echo(printable(line), err=True)
        code = error.exit_code
    except BrokenPipeError:
        _close_stdout()
        code = 1
    except OSError as error:
        _close_stdout()
        where, what = error.filename or "output", error.strerror or str(error)
        click.echo(printable(f"{where}: {what}; check the path and the disk"), err=True)
        code = 1
    sys.exit(code)


def _show(error: click.ClickException) -> None:
    """Print what is wrong with the options as one line; a group without a command, its help."""
    if not isinstance(error, click.UsageError) or type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    command = error.ctx.command_path if error.ctx else "instraug"
    what = printable(" ".join(error.format_message().split())).rstrip(".")
    click.echo(f"{what}{'' if what.endswith('?') else ';'} see {command} --help", err=True)


def _close_stdout() -> None:
    """Let nothing more be written at interpreter shutdown: the reader, or the disk, is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
