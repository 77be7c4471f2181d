"""A command's settings: a frozen dataclass, read from a YAML file and from options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from instraug.errors import InputError, UsageError
from instraug.files import strict_yaml
from instraug.files.decode import decode

T = TypeVar("T")


def read_settings(path: Path, kind: type[T]) -> T:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    document = strict_yaml.read(path)
    config, problems = decode(document.data, kind, document.place)
    problems = sorted([*document.problems, *problems], key=strict_yaml.position)
    if problems or config is None:
        raise InputError(problems)
    return config


def settings_of(plain: Mapping[str, Any], kind: type[T]) -> T:
    """Return the settings that the command line gives as plain data.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    config, problems = decode(plain, kind, lambda _: "command line")
    if problems or config is None:
        raise UsageError("\n".join(map(str, problems)))
    return config
