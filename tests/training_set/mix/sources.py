"""Small sources of a mixture, and the command run on them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from instraug.files.jsonl import read_jsonl
from tests.commandline import instraug_here
from tests.sets import write_rows

Row = dict[str, Any]


def text_row(number: int, **fields: Any) -> Row:
    """A built row without a picture."""
    return {
        "unique_id": f"t{number}",
        "task_name": "text",
        "question": f"What comes after {number} in the long row of numbers?",
        "prompt": f"Answer: What comes after {number} in the long row of numbers?",
        "target": f"{number + 1}",
        "target_txt": f"{number + 1}",
        "instruction_id": "aaaaaaaaaaaa",
        **fields,
    }


def image_row(number: int, **fields: Any) -> Row:
    """A built row with a picture."""
    row = text_row(number, task_name="image", image_path=f"images/{number}.jpg", **fields)
    return {**row, "unique_id": f"i{number}"}


def write(folder: Path, texts: int = 40, images: int = 40) -> tuple[Path, Path]:
    """Write a source of each kind."""
    text = write_rows(
        folder / "text.jsonl", [text_row(n, pad="x " * (n % 7)) for n in range(texts)]
    )
    return text, write_rows(folder / "image.jsonl", [image_row(n) for n in range(images)])


def mixed(*args: object) -> subprocess.CompletedProcess[str]:
    """Run ``instraug mix`` and see that it ends well."""
    done = instraug_here("mix", *args)
    assert done.returncode == 0, done.stderr
    return done


def rows(path: Path) -> list[Row]:
    """Return the rows of a file of lines."""
    return [row for _, row in read_jsonl(path)]


def ids(path: Path) -> list[str]:
    """Return the ids of the rows of a file."""
    return [row["unique_id"] for row in rows(path)]


def manifest(path: Path) -> Row:
    """Return the manifest of a file or folder."""
    file = path / "manifest.json" if path.is_dir() else path.with_name(f"{path.name}.manifest.json")
    body: Row = json.loads(file.read_text())
    return body
