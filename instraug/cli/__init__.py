"""The thin click shell: one file per command group, each imported when its command runs."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from instraug import __version__
from instraug.errors import InstraugError

_COMMANDS = {
    "expand": ("expand", "Grow every template of a task folder through a model."),
    "filter": ("expand", "Judge a finished run again with other rules; makes no call."),
    "build": ("build", "Build a training set (MIns+) from instances and a pool."),
    "import": ("importing", "Turn other projects' templates into a task folder."),
    "check": ("checking", "Report every problem of a task folder at once."),
    "meta-prompts": ("meta_prompts", "List the meta-prompts, or ask a model for more."),
    "stats": ("stats", "Figures of an expand folder or a built set."),
    "score": ("score", "Score predictions; Sensitivity to wording with its noise floor and p."),
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="instraug")
def cli() -> None:
    """Grow instruction templates with a language model, and build training sets from them."""


def main() -> None:
    """Run the command line; every known error is one line on stderr and its own exit code."""
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except InstraugError as error:
        click.echo(str(error), err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader went away: quiet, and nothing more may be written at interpreter shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    sys.exit(code)
