"""The README.md of a built folder: what it holds, and where a loader finds the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import instraug
from instraug.files.card import PICTURE, head, table

_LICENCES = (
    "The instances, their pictures and the hand-written instructions are under the terms of "
    "whoever made them. Generated instructions came from the model that the pool names; its terms "
    "say what its output may be used for. instraug (Apache-2.0) adds no terms. State the licence "
    "in the head of this file before you publish it."
)


def card(data: str, form: str, figures: Mapping[str, Any], seed: int, digest: str) -> str:
    """Return the card, as Hugging Face `datasets` reads it: its head names the data file.

    The name that it gives the data changes with them, because `datasets` looks its cache up by the
    head. OFA's tables, which have no heading, cannot be read by it, so their head names no file.

    Args:
        data: Name of the data file.
        form: The format's name.
        figures: See `summary.Summary.figures`.
        seed: The build's seed.
        digest: The data file's SHA-256.
    """
    epsilon = figures["epsilon"]
    configs = {"configs": [{"config_name": f"built_{digest[:12]}", "data_files": data}]}
    text = [
        "# Instruction-tuning set",
        "",
        (
            f"{figures['rows']} rows in `{data}` (format {form}), built by instraug "
            f"{instraug.__version__} (MIns+ of INSTRAUG, arXiv:2402.14492): instances of "
            f"{len(figures['tasks'])} tasks, each rendered with an instruction of its task's pool. "
            f"A hand-written instruction was asked for with probability {epsilon['asked']:g} (seed "
            f"{seed}); {epsilon['realised']:.2%} of the rows have one. `manifest.json` holds every "
            "setting, and the hashes of all inputs and outputs."
        ),
        "",
        f"![Lengths of the instructions in words, by rows]({PICTURE})",
        "",
        *table(
            ["task", "rows", "with a hand-written instruction", "instructions used"],
            [
                [task, t["rows"], t["original"], t["instructions"]]
                for task, t in figures["tasks"].items()
            ],
        ),
        "",
        "## Licences",
        "",
        _LICENCES,
        "",
    ]
    category = "text-generation" if form == "alpaca" else "image-text-to-text"
    loadable = {} if form.startswith("ofa-") else configs
    return head(figures["rows"], category, loadable) + "\n".join(text)
