"""Dataset cards: the head that the Hugging Face Hub reads, and text that Markdown leaves alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from instraug.errors import printable
from instraug.files import strict_yaml

README, PICTURE = "README.md", "lengths.svg"
"""Names of a card and of its picture."""

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))

_MARKUP = re.compile(r"[\\`*\[\]<>|&~$#!]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown, HTML or TeX inside it would not show as it is; an underline within a word is."""


def head(rows: int, category: str, configs: Mapping[str, Any]) -> str:
    """Return the YAML between dashes that a card begins with.

    Args:
        rows: How many there are.
        category: The task category, by the Hub's list.
        configs: ``configs``, and ``dataset_info`` where there is one; empty where no loader of the
            Hub reads the files.
    """
    size = next((name for most, name in _SIZES if rows < most), "1M<n<10M")
    body = {
        "license": "unknown",
        "annotations_creators": ["machine-generated"],
        "task_categories": [category],
        "size_categories": [size if rows < 10**7 else "n>10M"],
        "tags": ["instruction-tuning", "synthetic", "instraug"],
        **configs,
    }
    return f"---\n{strict_yaml.dump(body)}---\n"


def cell(text: str) -> str:
    """Spell a text so that a paragraph or a table's cell shows it, whatever it holds."""
    return _MARKUP.sub(r"\\\g<0>", printable(text))


def table(header: list[str], rows: list[list[Any]]) -> list[str]:
    """Return the lines of a table; the first column is text, the others are counts and shares."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    lines += [[cell(str(row[0])), *map(_figure, row[1:])] for row in rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.0%}" if isinstance(value, float) else str(value)
