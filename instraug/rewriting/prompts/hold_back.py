"""Hold back what a template need not have rewritten: labels and placeholders at either end.

``Decide if it is so. Text: {A} {B} {C}`` is asked for as ``Decide if it is so.``; `restore` puts
the rest back where it was. The model has less to say, and less to get wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace

from instraug.tasks.placeholders import Masked

_OWN = re.compile(r"[^\W\d_]{2,}|\b[aA]\b")

_LEAST = 3
"""Words of its own that must be left to rewrite."""

_LABEL = r"(?:[A-Z]\w*(?: \w+){0,4}:?\s+)?"

_HANGING = re.compile(
    r"(?:(?<=[.?!])\s+|\s*\n\s*)(?:[A-Z]\w*(?: \w+){0,4}(?::| is| are)|[A-Z]\w*)\s*\Z"
)
"""A label that is left at the end once its mask is held back."""

_SHORT_LABEL = r"(?:[A-Z]\w*(?: \w+){0,2}:\s*)?"


def hold_back(masked: Masked) -> Masked:
    """Move what needs no rewriting from the text to the prefix and suffix.

    Held back are, at the end, a run of two or more masks, then every mask that stands alone, after
    a label of up to five words ("Text:", "The region is") or in a line of its own; at the start,
    masks that stand alone or behind a label of up to three words each. At least three words are
    left, and what is left has its quotes in pairs.

    Returns:
        The same template otherwise: `restore` of its text gives the template back.
    """
    text, mask = masked.text, masked.pattern
    end = _end(text, mask)
    labelled = rf"{_SHORT_LABEL}(?:{mask}\s*)+(?:\n\s*|\.\s+|(?<=\s)(?=[A-Z]))"
    lead = re.match(rf"\s*(?:{labelled})+(?!{_LABEL}{mask})", text[:end])
    start = lead.end() if lead and _worth(text[lead.end() : end], mask) else 0
    body = text[start:end]
    start += len(body) - len(body.lstrip())
    end = max(start, end - len(body) + len(body.rstrip()))
    return replace(
        masked,
        text=text[start:end],
        prefix=masked.prefix + _restored(text[:start], masked),
        suffix=_restored(text[end:], masked) + masked.suffix,
    )


def _end(text: str, mask: str) -> int:
    """Index behind what is left once the end is held back."""
    end = len(text)
    run = re.search(rf"(?:\s*{mask}){{2,}}[.\s]*\Z", text)
    if run and _worth(text[: run.start()], mask):
        end = run.start()
        label = _HANGING.search(text[:end])
        if label and _worth(text[: label.start()], mask):
            end = label.start()
    alone = re.compile(
        rf"(?:(?<=[.?!:}}])\s*|(?<=[.?!]\")\s*|\s*\n\s*){_LABEL}\"?{mask}\"?[.?:]?\s*\Z"
    )
    while (tail := alone.search(text[:end])) and _worth(text[: tail.start()], mask):
        end = tail.start()
    return end


def _worth(text: str, mask: str) -> bool:
    """Whether a text is enough to rewrite, and whole."""
    return len(_OWN.findall(re.sub(mask, " ", text))) >= _LEAST and text.count('"') % 2 == 0


def _restored(text: str, masked: Masked) -> str:
    """Spell held-back text as a template."""
    parts = re.split(f"({masked.pattern})", text)
    return "".join(
        masked.tokens[p] if i % 2 else p.replace("{", "{{").replace("}", "}}")
        for i, p in enumerate(parts)
    )
