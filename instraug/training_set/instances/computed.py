"""Fields that the release computes from a row instead of storing them, one function each.

A function takes a raw row and returns the field's value: text, or a list of texts that the task's
separator joins. It raises LookupError, TypeError or AttributeError where the row lacks what it
reads.

Source:
    MultiInstruct's public code; which of its locals is which field is in `catalog`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from instraug.training_set.instances.base import Row


def region_text(region: Any) -> str:
    """Spell one region: numbers as Python writes them, joined by a space; text stays as it is."""
    if isinstance(region, str):
        return region
    if not all(isinstance(number, int | float | str) for number in region):
        raise TypeError("a region is four numbers, or their text")
    return " ".join([str(number) for number in region])


def region_texts(regions: Any) -> list[str]:
    """Spell regions: a list of them, or a single one, as text or as its four numbers."""
    if type(regions) is list and len(regions) == 1 and type(regions[0]) is str:
        return regions
    if isinstance(regions, str) or (regions and isinstance(regions[0], int | float)):
        return [region_text(regions)]
    return [region_text(region) for region in regions]


def given_region(row: Row) -> list[str]:
    """Return the region that the options are compared with."""
    return region_texts(row["meta_data"]["object_regions"]["given_region"])


def subject_region(row: Row) -> list[str]:
    """Return the subject's region; it does not reveal the object's, which may be the target."""
    return region_texts(row["meta_data"]["object_regions"]["subject"])


def object_region(row: Row) -> list[str]:
    """Return the object's region; it does not reveal the subject's, which may be the target."""
    return region_texts(row["meta_data"]["object_regions"]["object"])


def region_info(row: Row) -> str:
    """Spell which region every named object is in."""
    named = row["meta_data"]["object_regions"].items()
    return " ".join([f"{name} is in {region_texts(regions)[0]}." for name, regions in named])


def question_with_regions(row: Row) -> str:
    """Return the question with the region put after each object that it names."""
    question: str = row["question"]
    for name, regions in row["meta_data"]["object_regions"].items():
        question = question.replace(name, f"the {name} in {' '.join(region_texts(regions))}")
    return question


def dialog_history(row: Row) -> list[str]:
    """Return the earlier turns, oldest first, each as ``question, answer;``."""
    return [f"{turn['q']}, {turn['a']};" for turn in row["meta_data"]["dialog_hist"]]


def previous_steps(row: Row) -> list[str]:
    """Return the steps already done, or one quoted word that stands for none."""
    steps = row["context"]
    if not isinstance(steps, list):
        raise TypeError("context is not a list")
    return steps or ['"nothing"']


COMPUTED: Mapping[str, Callable[[Row], str | list[str]]] = {
    function.__name__: function
    for function in (
        dialog_history,
        given_region,
        object_region,
        previous_steps,
        question_with_regions,
        region_info,
        subject_region,
    )
}
"""Field name -> its function."""
