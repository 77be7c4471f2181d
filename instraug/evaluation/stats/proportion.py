"""Instance text proportion: how much of a prompt comes from its instance.

A prompt is a template with an instance's values in it. Its words are split at white space. A word
that holds any part of a value is the instance's; the rest (the template's own words and those of
the task's constants) are the template's. The proportion of a task is the sum of the instance's
words over the sum of all words of its prompts.

Source:
    INSTRAUG, arXiv:2402.14492, analysis of gain against instance text proportion; the exact
    definition is this project's.
"""

from __future__ import annotations

from collections.abc import Mapping

from instraug.tasks.placeholders import parse

_VALUE = "\0"


def template_words(template: str, constants: Mapping[str, str]) -> int:
    """Count the whitespace words of a template that are the same for every instance.

    Args:
        template: The template text; a task's defaults count as values, its constants do not.
        constants: The task's constants.
    """
    parts = [
        segment if isinstance(segment, str) else constants.get(segment.source, _VALUE)
        for segment in parse(template)
    ]
    return sum(_VALUE not in word for word in "".join(parts).split())


def instance_words(prompt_words: int, own: int) -> int:
    """Return how many words of a prompt are the instance's.

    Exact as long as no value begins or ends with white space where it touches a template's word.

    Args:
        prompt_words: Whitespace words of the prompt.
        own: `template_words` of its template.
    """
    return max(0, prompt_words - own)
