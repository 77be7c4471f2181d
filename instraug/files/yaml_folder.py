"""A folder of YAML files: which they are, and nothing outside it is looked at."""

from __future__ import annotations

import os
from pathlib import Path

from instraug.errors import Problem

SUFFIXES = (".yaml", ".yml")


def files(folder: Path) -> tuple[list[Path], list[Problem]]:
    """Find the ``*.yaml`` and ``*.yml`` files of a folder and its subfolders, sorted by path.

    Nothing outside the folder is looked at: a link to a folder or to a YAML file is a problem,
    and so is anything of that name that is not a regular file. Names that start with a dot are
    skipped.
    """
    paths: list[Path] = []
    problems: list[Problem] = []
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            entries = [e for e in os.scandir(current) if not e.name.startswith(".")]
        except OSError as error:
            fix = "give a folder that can be read"
            problems.append(Problem(str(current), f"cannot be read: {error.strerror}", fix))
            continue
        for entry in entries:
            path = Path(entry.path)
            is_yaml = path.suffix.lower() in SUFFIXES
            if entry.is_symlink():
                if is_yaml or entry.is_dir():
                    fix = "put the file or folder itself here; links are not followed"
                    problems.append(Problem(str(path), "is a symbolic link", fix))
            elif entry.is_dir() and is_yaml:
                fix = f"take {path.suffix} off its name, or put the file itself here"
                problems.append(Problem(str(path), "is a folder", fix))
            elif entry.is_dir():
                pending.append(path)
            elif is_yaml and entry.is_file():
                paths.append(path)
            elif is_yaml:
                problems.append(Problem(str(path), "is not a regular file", "remove it"))
    return sorted(paths), sorted(problems, key=lambda p: p.where)
