"""Every family writes what its own code writes: tables of values, and the code itself where it is.

`tests/data/boxes/own_code.json` holds what the families' own processors and trainers made of 46
boxes, each with its source; the code runs here too where transformers is installed (5.24;
Florence-2 needs torch).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from instraug.training_set.boxes.base import Resizing, Settings
from instraug.training_set.boxes.qwen2_5_vl import resized_before, seen_size
from instraug.training_set.boxes.registry import load
from tests.training_set.boxes.test_families import THOUSAND

TABLE = json.loads((Path(__file__).parents[2] / "data/boxes/own_code.json").read_text())


def numbers(name: str, box: list[float], size: list[float], **given: int) -> list[float]:
    """What our spelling of a box holds."""
    width, height = size
    spelled = load(name, Settings(**given)).spelling((width, height))(*box)  # type: ignore[arg-type]
    return [float(n) for n in re.findall(r"\d+(?:\.\d+)?", spelled.replace("bbox_2d", ""))]


CASES = [
    *[(name, name, {}) for name in ("qwen2-vl", "qwen2.5-vl", "internvl", "llava", "paligemma")],
    *[(name, name, {}) for name in ("florence-2", "kosmos-2", "ofa")],
    ("qwen2-vl", "qwen3-vl", {}),
    ("ofa 384/512", "ofa", {"patch_size": 384}),
]


@pytest.mark.parametrize(("column", "name", "given"), CASES, ids=[f"{c[1]}{c[2]}" for c in CASES])
def test_a_family_writes_what_its_own_code_writes(
    column: str, name: str, given: dict[str, int]
) -> None:
    """Number for number, in the order of the text."""
    for row in TABLE["rows"]:
        assert numbers(name, row["box"], row["size"], **given) == row["values"][column], row


def test_qwens_tool_keeps_the_corner_one_pixel_inside() -> None:
    """The one difference to it; ms-swift has none, and neither have we."""
    for row in TABLE["rows"]:
        width, height = seen_size(tuple(row["size"]), Settings())
        found = numbers("qwen2.5-vl", row["box"], row["size"])
        inside = [min(n, last) for n, last in zip(found, [width - 1, height - 1] * 2, strict=True)]
        assert inside == row["values"]["qwen2.5-vl tool"]


@pytest.mark.parametrize(("size", "resized"), TABLE["llama-factory"]["sizes"])
def test_llama_factorys_own_resizing(size: list[int], resized: list[int]) -> None:
    """The sizes that it hands to the processor."""
    width, height = size
    found = resized_before((width, height), Resizing(32 * 32, 768 * 768))
    assert list(found) == resized


def test_the_table_names_its_sources() -> None:
    """Repository, revision and function of every column."""
    columns = set(TABLE["rows"][0]["values"])
    assert columns == set(TABLE["source"])


def imported(module: str, *needed: str) -> Any:
    """A module of transformers, where it and what it needs are installed."""
    for name in ("transformers", *needed):
        pytest.importorskip(name, reason=f"needs {name}")
    return pytest.importorskip(module, reason="another version of transformers")


@pytest.mark.filterwarnings("ignore")
def test_transformers_own_smart_resize() -> None:
    """The size of a picture as Qwen2.5-VL's processor has it, of 1,000 pictures."""
    own = imported("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    for bounds in ((3136, 12_845_056), (12_544, 451_584)):
        settings = Settings(*bounds)
        for (width, height), _ in THOUSAND:
            seen = own.smart_resize(height, width, 28, *bounds)
            assert seen_size((width, height), settings) == seen[::-1]


@pytest.mark.filterwarnings("ignore")
def test_transformers_own_kosmos_2() -> None:
    """There and back."""
    own = imported("transformers.models.kosmos2.processing_kosmos2")
    family = load("kosmos-2", Settings())
    for (w, h), box in THOUSAND:
        shares = [n / side for n, side in zip(box, (w, h) * 2, strict=True)]
        patches = own.coordinate_to_patch_index(shares, 32)
        assert numbers("kosmos-2", list(box), [w, h]) == list(patches)
        back = own.patch_index_to_coordinate(*patches, 32)
        read = family.read(family.spelling((w, h))(*box), (w, h))
        expected = [n * side for n, side in zip(back, (w, h) * 2, strict=True)]
        assert read == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
def test_transformers_own_florence_2() -> None:
    """There and back; it cuts what it reads to whole pixels."""
    own = imported("transformers.models.florence2.processing_florence2", "torch")
    import torch  # type: ignore[import-not-found, unused-ignore]

    processor = own.Florence2PostProcessor.__new__(own.Florence2PostProcessor)
    processor.quantize_bins = (1000, 1000)
    family = load("florence-2", Settings())
    for size, box in THOUSAND:
        bins = processor.quantize(torch.tensor([box]), size)
        assert numbers("florence-2", list(box), list(size)) == bins[0].tolist()
        back = processor.dequantize(bins, size)[0].tolist()
        read = family.read(family.spelling(size)(*box), size)
        for whole, exact in zip(back, read, strict=True):
            assert -1e-3 <= exact - whole <= 1 + 1e-3
