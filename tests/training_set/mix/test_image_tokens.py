"""Image tokens are those that each family's own processor counts.

The values were taken from the processors of transformers 5.24 (their PIL variants, no weights);
where transformers is installed, they are taken again.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType, SimpleNamespace
from typing import Any

import pytest

from instraug.errors import BadRow, UsageError
from instraug.training_set.mix.image_tokens import FAMILIES, Pixels, image_tokens

SIZES = [
    *[(640, 480), (1000, 300), (480, 640), (300, 1000), (224, 224), (336, 336), (448, 448)],
    *[(1024, 768), (768, 1024), (1920, 1080), (1080, 1920), (4000, 3000), (3000, 4000)],
    *[(100, 100), (32, 64), (500, 375), (375, 500), (1280, 720), (2048, 512), (13, 57)],
    *[(1333, 800), (900, 899), (672, 671)],
]

MODEL = Pixels(3136, 12845056)
"""The limits in the config of Qwen2.5-VL's checkpoints; the processor's own are lower."""

# fmt: off
VALUES: dict[tuple[str, Pixels], list[int]] = {
    ("qwen2.5-vl", Pixels()): [
        391, 396, 391, 396, 64, 144, 256, 999, 999, 1222, 1222, 1230, 1230, 16, 6, 234, 234, 1196,
        1207, 5, 1242, 1024, 576],
    ("qwen2.5-vl", MODEL): [
        391, 396, 391, 396, 64, 144, 256, 999, 999, 2691, 2691, 15301, 15301, 16, 6, 234, 234, 1196,
        1314, 5, 1392, 1024, 576],
    ("qwen3-vl", Pixels()): [
        300, 279, 300, 279, 64, 100, 196, 768, 768, 2040, 2040, 11750, 11750, 64, 72, 192, 192, 880,
        1024, 68, 1050, 784, 441],
    ("llava-next", Pixels()): [
        2340, 2182, 2352, 2232, 1176, 1176, 2928, 2340, 2352, 1948, 1968, 2340, 2352, 1176, 888,
        2340, 2352, 1948, 1890, 744, 1948, 2928, 2928],
    ("internvl", Pixels()): [
        3330, 1026, 3330, 1026, 258, 258, 258, 3330, 3330, 2306, 2306, 3330, 3330, 258, 770, 3330,
        3330, 2306, 1282, 1282, 1794, 1282, 1282],
}
# fmt: on


@pytest.mark.parametrize(("case", "values"), VALUES.items(), ids=str)
def test_a_family_counts_what_its_processor_counts(
    case: tuple[str, Pixels], values: list[int]
) -> None:
    """Each of 23 sizes takes as many tokens as the table says."""
    family, limits = case
    assert list(map(image_tokens(family, limits).of_size, SIZES)) == values


def test_the_limits_decide_about_a_large_picture() -> None:
    """4000x3000 is 1,230 tokens by one pair of limits and 15,301 by another."""
    large = (4000, 3000)
    assert image_tokens("qwen2.5-vl").of_size(large) == 1230
    assert image_tokens("qwen2.5-vl", Pixels(max_pixels=12845056)).of_size(large) == 15301
    assert image_tokens("internvl", Pixels(max_tiles=1)).of_size(large) == 258


def test_some_families_have_one_number_for_every_picture() -> None:
    """LLaVA-1.5 takes 576, MLAN's length grouping 128, Gemma 3 256, a number itself."""
    wanted = {"llava-1.5": 576, "mlan": 576, "mlan-length": 128, "gemma3": 256, "729": 729}
    assert {f: image_tokens(f).constant for f in wanted} == wanted


@pytest.mark.parametrize(
    ("family", "limits", "what"),
    [
        ("qwen", Pixels(), "did you mean 'qwen"),
        ("llava-1.5", Pixels(max_pixels=5), "--max-pixels means nothing to llava-1.5"),
        ("qwen3-vl", Pixels(max_tiles=5), "--max-tiles means nothing"),
        ("qwen3-vl", Pixels(min_pixels=10, max_pixels=5), "min-pixels 10 is above max-pixels 5"),
    ],
)
def test_settings_that_mean_nothing_are_refused(family: str, limits: Pixels, what: str) -> None:
    """One line names the setting, or the nearest family."""
    with pytest.raises(UsageError, match=what):
        image_tokens(family, limits)


def test_a_picture_that_the_model_refuses_is_a_bad_row() -> None:
    """Qwen takes no picture of which one side is over 200 times the other."""
    with pytest.raises(BadRow, match="narrower than the model takes"):
        image_tokens("qwen3-vl").of_size((4020, 20))


@pytest.mark.slow
@pytest.mark.parametrize(("case", "values"), VALUES.items(), ids=str)
def test_the_processors_themselves_count_so(case: tuple[str, Pixels], values: list[int]) -> None:
    """The table is what transformers gives today."""
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    count = processor(*case)
    assert [count(width, height) for width, height in SIZES] == values


def processor(family: str, limits: Pixels) -> Callable[[int, int], int]:
    """Return what counts a picture's tokens as the family's processor does."""
    from importlib import import_module

    def part(module: str, name: str) -> Any:
        return getattr(import_module(f"transformers.models.{module}"), name)

    if family.startswith("qwen"):
        make = part("qwen2_vl.image_processing_pil_qwen2_vl", "Qwen2VLImageProcessorPil")
        given: dict[str, Any] = {}
        if family == "qwen3-vl":
            edges = {"shortest_edge": 1 << 16, "longest_edge": 1 << 24}
            given = {"patch_size": 16, "size": edges}
        elif limits.max_pixels:
            given = {"min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels}
        qwen = make(**given)
        return lambda w, h: qwen.get_number_of_image_patches(h, w, {}) // qwen.merge_size**2
    if family == "llava-next":
        kind = part("llava_next.processing_llava_next", "LlavaNextProcessor")
        pil = part("llava_next.image_processing_pil_llava_next", "LlavaNextImageProcessorPil")
        own = SimpleNamespace(image_processor=pil(), patch_size=14, num_additional_image_tokens=0)
        own._get_unpadded_features = MethodType(kind._get_unpadded_features, own)
        return lambda w, h: kind._get_number_of_features(own, h, w, 336, 336)
    pil = part("got_ocr2.image_processing_pil_got_ocr2", "GotOcr2ImageProcessorPil")
    size = {"height": 448, "width": 448}
    tiles = pil(size=size, crop_to_patches=True, min_patches=1, max_patches=12)
    return lambda w, h: 2 + 256 * tiles.get_number_of_image_patches(h, w, {})


def test_every_family_is_tested_here() -> None:
    """No family goes without a value."""
    tested = {family for family, _ in VALUES} | {"llava-1.5", "mlan", "mlan-length", "gemma3"}
    assert set(FAMILIES) == tested | {"qwen2-vl"}
    assert image_tokens("qwen2-vl").of_size((640, 480)) == 391
