"""Options that several commands share, and how they become a Config."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import reduce
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from instraug.errors import UsageError
from instraug.rewriting.config import Config

if TYPE_CHECKING:
    from instraug.files.part import Part

F = TypeVar("F", bound=Callable[..., Any])


class _Named(click.Path):
    """A path, which the empty text is not: a shell makes that of a variable that is not set."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value) or value == b"":
            self.fail("the path is empty; is a variable of the shell not set?", param, ctx)
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A number in a range, which "nan" and "inf" are not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; see `click.ParamType.convert`."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


FOLDER = _Named(path_type=Path, file_okay=False)

PATH = _Named(path_type=Path)

EXISTING = _Named(path_type=Path, exists=True)

EXISTING_FOLDER = _Named(path_type=Path, exists=True, file_okay=False)

NAME = _Named(path_type=str)
"""A path as text, as a config holds it, or what may be one."""


class ManyValues(click.Command):
    """A command whose repeatable options take several values, such as a shell makes of ``*``.

        instraug build TASKS --instances a.jsonl b.jsonl -o DEST

    Every value up to the next option belongs to it, if the command's argument came first.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the option before each of its values, which is how click takes them."""
        names = {o for p in self.params if getattr(p, "multiple", False) for o in p.opts}
        if args and not args[0].startswith("-"):
            args = list(_each_named(args, names))
        return super().parse_args(ctx, args)


def _each_named(args: Iterable[str], names: Collection[str]) -> Iterator[str]:
    option, values = "", 0
    for arg in args:
        if arg.startswith("-"):
            option, values = arg, 0
        else:
            values += 1
            if option in names and values > 1:
                yield option
        yield arg


def pairs(given: str) -> dict[str, str]:
    """Read ``NAME=VALUE,...``.

    Raises:
        UsageError: a part without ``=``, or a name that is given twice.
    """
    found: dict[str, str] = {}
    for part in given.split(","):
        name, mark, value = (text.strip() for text in part.partition("="))
        if not (name and mark and value):
            raise UsageError(f"{part.strip()!r} is no FIELD=COLUMN; write question=Frage,text=Text")
        if name in found:
            raise UsageError(f"{name} is given twice; give it once")
        found[name] = value
    return found


def config_option(help_: str) -> Callable[[F], F]:
    """Make the option ``-c``, which is refused where it is given twice: nothing merges two."""
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=NAME,
        metavar="FILE",
        multiple=True,
        callback=_one,
        help=help_,
    )


def _one(_ctx: click.Context, _param: click.Parameter, files: tuple[str, ...]) -> str | None:
    if len(files) > 1:
        raise click.UsageError(f"{len(files)} config files are given; give one")
    return files[0] if files else None


def shard_option(command: F) -> F:
    """Add ``--shard I/N``, which gives a `Part`, or None."""
    return click.option(
        "--shard",
        metavar="I/N",
        callback=_part,
        help="Do only share I (from 1) of N of the work, for `instraug join`; see docs/scale.md.",
    )(command)


def _part(_ctx: click.Context, _param: click.Parameter, given: str | None) -> Part | None:
    from instraug.files.part import Part

    return None if given is None else Part.parse(given)


_MODEL = [
    config_option("A config file, or the name of a shipped one."),
    click.option(
        "--model", metavar="NAME", help="A model's name; local, local:NAME or local:PATH."
    ),
    click.option("--base-url", metavar="URL", help="An OpenAI-compatible endpoint."),
    click.option(
        "--api-key-file",
        type=PATH,
        metavar="FILE",
        help="Holds the API key, mode 0600; default: OPENAI_API_KEY.",
    ),
    click.option(
        "--allow-http", is_flag=True, default=None, help="Allow plain HTTP to other hosts."
    ),
    click.option(
        "--use-env-proxy",
        is_flag=True,
        default=None,
        help="Use the proxy of HTTP_PROXY and similar variables.",
    ),
]

_SPEND = [
    click.option("--concurrency", type=int, metavar="N", help="Most requests in flight."),
    click.option("--max-requests", type=int, metavar="N", help="Send at most N requests."),
    click.option(
        "--max-tokens", type=int, metavar="N", help="Stop before more than N tokens could be used."
    ),
    click.option(
        "--max-cost", type=float, metavar="USD", help="Stop before more than this could be spent."
    ),
    click.option("--rpm", type=int, metavar="N", help="Requests a minute."),
    click.option("--tpm", type=int, metavar="N", help="Tokens a minute."),
]

_BATCH = [
    click.option(
        "--batch", is_flag=True, help="Ask by the endpoint's Batch API; see docs/batch.md."
    ),
    click.option("--no-wait", is_flag=True, help="With --batch: end with 75 once all is sent."),
    click.option(
        "--poll",
        type=Number(0, min_open=True),
        metavar="SECONDS",
        help="With --batch: between two looks; 60 unless set.",
    ),
    click.option(
        "--write-requests",
        type=PATH,
        metavar="FILE",
        help="Write what the next round lacks, for an offline engine; send nothing.",
    ),
    click.option(
        "--read-replies",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="Take an offline engine's replies, and judge them; one or more.",
    ),
]

_SECTIONS = {
    "endpoint": ("concurrency", "rpm", "tpm", "allow_http", "use_env_proxy"),
    "budget": ("max_requests", "max_tokens", "max_cost"),
}
"""Section of the config -> options that set something in it."""


def model_options(command: F) -> F:
    """Add the options that choose the model and limit what a run may spend."""
    return reduce(lambda f, option: option(f), reversed(_MODEL + _SPEND), command)


def batch_options(command: F) -> F:
    """Add the options of asking by batch."""
    return reduce(lambda f, option: option(f), reversed(_BATCH), command)


def settings(config_file: str | None, **given: Any) -> Config:
    """Read the config and lay the given options over it; an option not given changes nothing.

    Prices that it leaves out are those of the shipped table.

    Raises:
        InputError: the file is wrong, every problem at once.
        UsageError: an option's value is out of range.
    """
    from instraug.files.presets import find
    from instraug.rewriting.config import load_config, with_known_prices, with_overrides

    config = load_config(find(config_file)) if config_file else Config()
    return with_known_prices(with_overrides(config, **sections(given)))


def other_sections(config_file: str, wanted: str) -> list[str]:
    """Return the settings of a sound config file, but for one section, in the file's order."""
    from instraug.files import strict_yaml
    from instraug.files.presets import find

    data = strict_yaml.read(find(config_file)).data
    return [str(name) for name in data or {} if name != wanted]


def sections(given: dict[str, Any]) -> dict[str, Any]:
    """Return given options as a config has them: those of its sections together."""
    for section, names in _SECTIONS.items():
        given[section] = {name: given.pop(name, None) for name in names}
    return given


def api_key(key_file: Path | None) -> str | None:
    """Return the API key: of the file, else of OPENAI_API_KEY, else None."""
    if key_file is None:
        from instraug.models.opening import environment_key

        return environment_key()
    from instraug.models.endpoint.keys import read_key_file

    return read_key_file(key_file)
