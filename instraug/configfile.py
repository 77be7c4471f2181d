"""Config files and command-line overrides -> one Config, held to what `config` says of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instraug import shipped, strictyaml
from instraug.config import Config
from instraug.errors import InputError, Problem, UsageError, printable
from instraug.schema import Place, decode, suggest


def find(name: str) -> Path:
    """Return the file that ``-c NAME`` means: a shipped preset, by its bare name, or a path.

    Raises:
        InputError: a bare name that no preset has.
    """
    if Path(name).suffix or "/" in name:
        return Path(name)
    presets = {path.stem: path for path in shipped.folder("configs").glob("*.yaml")}
    if name not in presets:
        mend = f"a file of your own needs its suffix; else {suggest(name, presets)}"
        raise InputError([Problem(name, "is no shipped config", mend)])
    return presets[name]


def load_config(path: Path) -> Config:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    document = strictyaml.read(path)
    config, problems = _decoded(document.data, document.place)
    problems = sorted([*document.problems, *problems], key=strictyaml.position)
    if problems or config is None:
        raise InputError(problems)
    return config


def with_overrides(config: Config, **values: Any) -> Config:
    """Return the config with some settings replaced, as the command line asks.

    Args:
        config: What the values go over.
        values: By setting; those of a section as a mapping (``budget={"max_cost": 5.0}``). None
            and an empty tuple, click's words for an option not given, leave a setting as it is.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    merged = _merged(as_plain(config), values)
    changed, problems = _decoded(merged, lambda _: "command line")
    if problems or changed is None:
        raise UsageError("\n".join(map(str, problems)))
    return changed


def as_plain(config: Config) -> dict[str, Any]:
    """Return the config as JSON has it, for a manifest; `from_plain` takes it back."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain


def from_plain(plain: Mapping[str, Any], where: str) -> Config:
    """Take back what `as_plain` gave.

    Args:
        plain: As a manifest keeps it.
        where: The manifest, for messages.

    Raises:
        InputError: it is no config, or one of another version.
    """
    config, problems = _decoded(plain, lambda _: where)
    if problems or config is None:
        raise InputError(problems)
    return config


def changes(before: Mapping[str, Any], config: Config) -> list[str]:
    """Name each setting that differs from an earlier run's, as ``section.name OLD -> NEW``.

    Args:
        before: An earlier config as `as_plain` spelled it, whatever became of it since.
        config: Today's.
    """
    old, new = _flat(before), _flat(as_plain(config))
    names = dict.fromkeys([*new, *old])
    return [
        f"{printable(name)} {_shown(old, name)} -> {_shown(new, name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name])[:60] if name in settings else "unset"


def _flat(plain: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[above + key] = value
    return flat


def _decoded(data: Any, place: Place) -> tuple[Config | None, list[Problem]]:
    config, problems = decode(data, Config, place)
    rules = config and config.rules
    lengths = [getattr(rules, name, None) for name in ("min_length", "max_length")]
    low, high = (n if isinstance(n, float) else None for n in lengths)  # or it was refused
    if low is not None and high is not None and low >= high:
        what = f"rules.min_length is not below rules.max_length ({high:g})"
        where = ("rules", "min_length")
        problems.append(Problem(place(where), what, "lower the one or raise the other"))
    return config, problems


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping):
            merged[key] = _merged(base.get(key) or {}, value)
        elif value is not None and value != ():
            merged[key] = value
    return merged
