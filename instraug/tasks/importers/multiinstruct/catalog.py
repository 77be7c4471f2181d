"""The release's facts: categories, evaluation tasks, output kinds, constants, computed locals.

Source:
    MultiInstruct (Xu, Shen, Huang, ACL 2023, arXiv:2212.10773): its overview figure of tasks by
    category, and the public code's task names; docs/multiinstruct.md lists which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instraug.tasks.records import Output, Split

CONSTANTS: Mapping[str, str] = {
    "options_token": "\n\n[Options]:",
    "region_token": "Regions: ",
    "image_token": "image",
    "split_token": "||||",
    "region_split_token": "||||",
}
"""The strings that the release's templates name; a source that defines its own overrides them."""

FIELDS = frozenset({"text", "question", "context", "answer", "region", "options"})
"""Fields a template may show; lists among them: `LISTS`."""

LISTS = frozenset({"region", "options"})

_TASKS: Mapping[str, str] = {
    "VQA": "VQA open-domain_VQA:text ok_vqa:text:eval text_vqa:text:eval grounded_VQA:region:eval",
    "Commonsense Reasoning": (
        "visual_spatial_reasoning:eval natural_language_visual_reasoning:eval visual_nli:eval "
        "commonsense_VQA:eval visual_answer_justification:eval"
    ),
    "Visual Relationship": (
        "object_relationship:text visual_object_identification:text "
        "visual_subject_identification:text visual_object_region:region "
        "visual_subject_region:region visual_attribute"
    ),
    "Temporal Ordering": (
        "wikihow_next_step:text wikihow_immediate_next_step_selection "
        "wikihow_image_text_step_order wikihow_text_image_step_order"
    ),
    "Grounded Generation": (
        "GC:text VG:region region_generation:region text_localization:region "
        "descriptive_object_region_generate:region object_description_generate:text "
        "object_grounding:text"
    ),
    "Grounded Matching": (
        "object_match object_region_selection:region region_text_match "
        "missing_object_selection region_caption_match VG_selection:region "
        "object_region_match descriptive_object_region_select:region GC_selection "
        "region_object_selection"
    ),
    "Region Understanding": (
        "select_overlap_most_region:region select_overlaped_region:region "
        "select_nonoverlaped_region:region if_region_overlap "
        "select_overlap_least_region:region region_area:text"
    ),
    "Image Understanding": (
        "VQA_color VQA_scene_recognition VQA_object_recognition VQA_positional_reasoning "
        "VQA_object_presence VQA_counting image_quality VQA_utility_affordance "
        "VQA_sentiment_understanding VQA_sport_recognition VQA_activity_recognition "
        "VQA_attribute"
    ),
    "Image-Text Matching": "ITM image_text_selection question_image_match",
    "Miscellaneous": (
        "text_type text_legibility multimodal_factual_checking image_caption:text "
        "visual_text_extraction:text:eval visual_dialog:text:eval "
        "visual_dialog_has_hist:text:eval visual_dialog_no_hist:text:eval "
        "medic_disaster_types:eval medic_damage_severity:eval medic_informative:eval "
        "ocr:text:eval hateful_content_detection:eval infilling:text "
        "im_region_extraction:text im_descriptive_infilling:text "
        "im_descriptive_extraction:text image_generation:text "
        "image_completion_w_region_caption:text image_completion_w_image_caption:text"
    ),
}
"""Category -> its tasks; ``:text`` or ``:region`` where the answer is not an option of the row, and
``:eval`` where the task is held out or defined among the release's testing tasks only."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the release fixes for a task outside its templates."""

    category: str = "Miscellaneous"
    output: Output = "text"
    """Tasks that answer with an image are text too: their target is an image's code as text."""
    split: Split = "train"


def _facts(category: str, marks: list[str]) -> Facts:
    output: Output = "region" if "region" in marks else "text" if "text" in marks else "label"
    return Facts(category, output, "eval" if "eval" in marks else "train")


FACTS: Mapping[str, Facts] = {
    word.split(":")[0]: _facts(category, word.split(":")[1:])
    for category, words in _TASKS.items()
    for word in words.split()
}
"""Task name -> facts; a task that is not listed has the defaults."""

_YES_NO = ("yes", "no")

LABELS: Mapping[str, tuple[str, ...]] = {
    "if_region_overlap": _YES_NO,
    "visual_spatial_reasoning": _YES_NO,
    "natural_language_visual_reasoning": _YES_NO,
    "visual_nli": (*_YES_NO, "not sure"),
    "multimodal_factual_checking": (*_YES_NO, "not sure"),
    "hateful_content_detection": ("Yes", "No"),
    "wikihow_image_text_step_order": ("next", "previous"),
    "wikihow_text_image_step_order": ("next", "previous"),
    "text_type": ("machine printed", "handwritten", "others"),
    "image_quality": (
        "no flaws",
        "blur",
        "rotation",
        "too bright",
        "too dark",
        "obscured",
        "bad framing",
        "other",
    ),
    "medic_damage_severity": ("severe damage", "mild damage", "little or none damage"),
    "medic_informative": ("informative", "not informative"),
    "medic_disaster_types": (
        "earthquake",
        "fire",
        "flood",
        "hurricane",
        "landslide",
        "not disaster",
        "other disaster",
    ),
}
"""Answers of the tasks that have one fixed set for every row, in the release's spelling."""


@dataclass(frozen=True, slots=True)
class Local:
    """A name that a branch of the source computes, and the field of ours that stands for it."""

    field: str
    is_list: bool = False
    """True where the source holds a list that its templates join or index."""


LOCALS: Mapping[str, Local] = {
    "given_region: region_split_token join meta_data 'object_regions' 'given_region'": Local(
        "given_region"
    ),
    "region: region_split_token join meta_data 'object_regions' 'subject'": Local("subject_region"),
    "region: region_split_token join meta_data 'object_regions' 'object'": Local("object_region"),
    "context: len context Gt 0 '\\n' join context '\"nothing\"'": Local("previous_steps"),
    "region_info: ' ' join k ' is in ' v 0 '.' k v meta_data 'object_regions' items": Local(
        "region_info"
    ),
    "dial_history: dial_turn 'q' ', ' dial_turn 'a' ';' dial_turn meta_data 'dialog_hist'": Local(
        "dialog_history", is_list=True
    ),
    "question: k v meta_data 'object_regions' items k In question question question "
    "replace k 'the ' k ' in ' ' ' join v": Local("question_with_regions"),
}
"""A definition as `expressions.signature` describes it -> our field.

A definition that reads otherwise is not known, and templates that use it are left out: what a
source computes is never guessed.
"""

TABLE_LOCALS: Mapping[str, Mapping[str, Local]] = {
    "visual_object_region": {"region": Local("subject_region")},
    "visual_subject_region": {"region": Local("object_region")},
    "wikihow_next_step": {"context": Local("previous_steps")},
    "": {
        "given_region": Local("given_region"),
        "region_info": Local("region_info"),
        "dial_history": Local("dialog_history", is_list=True),
    },
}
"""Task name -> locals, for a table of templates, which does not show the code ("": every task)."""

REGION_QUESTION = ("commonsense_VQA", 2)
"""A task whose question names its regions from this template (counted from 0) on."""

SEPARATORS: Mapping[str, str] = {
    "region": "||||",
    "given_region": "||||",
    "subject_region": "||||",
    "object_region": "||||",
    "previous_steps": "\n",
}
"""What joins a computed field, or a list that a template shows without joining it."""

TABLE_DEFAULTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "wikihow_image_text_step_order": {"options": ("next", "previous")},
    "wikihow_text_image_step_order": {"options": ("next", "previous")},
}
"""Task name -> fields that no row holds, for a table of templates."""

HISTORY_TASKS: Mapping[str, tuple[str, str]] = {
    "visual_dialog": ("visual_dialog_has_hist", "visual_dialog_no_hist"),
}
"""A task whose templates differ by whether the row has a dialogue history: with, without."""

TABLE_ERRATA: Mapping[str, tuple[str, str]] = {
    "VQA_object_recognition": ("\n" + " " * 8, "\n" + " " * 12),
}
"""Task name -> (template ending in a table, the ending in the release's code and built rows)."""
