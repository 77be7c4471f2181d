"""The README.md of a built folder: what it holds, and where a loader finds the rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from instraug.errors import printable


def card(data: str, form: str, figures: Mapping[str, Any], seed: int, digest: str) -> str:
    """Return the card, as Hugging Face `datasets` reads it: its head names the data file.

    The name that it gives the data changes with them, because `datasets` looks its cache up by the
    head. OFA's tables, which have no heading, cannot be read by it, so they get no head.

    Args:
        data: Name of the data file.
        form: The format's name.
        figures: See `summary.Summary.figures`.
        seed: The build's seed.
        digest: The data file's SHA-256.
    """
    epsilon = figures["epsilon"]
    name = f"built_{digest[:12]}"
    head = ["---", "configs:", f"- config_name: {name}", f"  data_files: {data}", "---"]
    text = [
        "# Instruction-tuning set",
        "",
        (
            f"{figures['rows']} rows in `{data}` (format {form}), built by instraug: instances of "
            f"{len(figures['tasks'])} tasks, each rendered with an instruction of its task's pool. "
            f"A hand-written instruction was asked for with probability {epsilon['asked']:g} (seed "
            f"{seed}); {epsilon['realised']:.2%} of the rows have one. `manifest.json` holds every "
            "setting, and the hashes of all inputs and outputs."
        ),
        "",
        "| task | rows | with a hand-written instruction | instructions used |",
        "|---|---|---|---|",
    ]
    table = [
        f"| {_cell(name)} | {t['rows']} | {t['original']} | {t['instructions']} |"
        for name, t in figures["tasks"].items()
    ]
    shown = [] if form.startswith("ofa-") else head
    return "\n".join([*shown, *text, *table]) + "\n"


_MARKUP = re.compile(r"[\\`*\[\]<>|&~$#!]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown, HTML or TeX inside it would not show as it is; an underline within a word is."""


def _cell(text: str) -> str:
    """Spell a text so that a table's cell shows it, whatever it holds."""
    return _MARKUP.sub(r"\\\g<0>", printable(text))
