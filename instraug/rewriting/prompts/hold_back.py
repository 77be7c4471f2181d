"""Hold back what needs no rewriting: labels and placeholders at either end of a template.

``Decide if it is so. Text: {A} {B} {C}`` is asked for as ``Decide if it is so.``; `restore` puts
the rest back. The model has less to write, and less to get wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace

from instraug.tasks.placeholders import Masked

_OWN = re.compile(r"[^\W\d_]{2,}|\b[aA]\b")

_LEAST = 3
"""Words, masks not counted, that must be left to rewrite."""

_LABEL = r"(?:[A-Z]\w*(?: \w+){0,4}:?\s+)?"

_HANGING = re.compile(
    r"(?:(?<=[.?!])\s+|(?<!\s)[^\S\n]*\n\s*)(?:[A-Z]\w*(?: \w+){0,4}(?::| is| are)|[A-Z]\w*)\s*\Z"
)
"""A label left at the end after its mask is held back."""

_SHORT_LABEL = r"(?:[A-Z]\w*(?: \w+){0,2}:\s*)?"


def hold_back(masked: Masked) -> Masked:
    """Move what needs no rewriting from the text to the prefix and suffix.

    At the end, these are held back: a run of two or more masks, then every mask on its own, after a
    label of up to five words ("Text:", "The region is") or on its own line. At the start: masks on
    their own or after a label of up to three words each. At least three words are left, and quotes
    stay in pairs.

    Returns:
        The same template with a shorter text; `restore` of that text gives the template.
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
    """Return the index behind the text that is left after the end is held back."""
    end = len(text)
    run = re.search(rf"(?<!\s)(?:\s*{mask}){{2,}}[.\s]*\Z", text)
    if run and _worth(text[: run.start()], mask):
        end = run.start()
        label = _HANGING.search(text[:end])
        if label and _worth(text[: label.start()], mask):
            end = label.start()
    alone = re.compile(
        rf"(?:(?<=[.?!:}}])\s*|(?<=[.?!]\")\s*|(?<!\s)[^\S\n]*\n\s*){_LABEL}\"?{mask}\"?[.?:]?\s*\Z"
    )
    while (tail := alone.search(text[:end])) and _worth(text[: tail.start()], mask):
        end = tail.start()
    return end


def _worth(text: str, mask: str) -> bool:
    """Whether a text has enough words to rewrite, and its quotes in pairs."""
    return len(_OWN.findall(re.sub(mask, " ", text))) >= _LEAST and text.count('"') % 2 == 0


def _restored(text: str, masked: Masked) -> str:
    """Write held-back text as a template."""
    parts = re.split(f"({masked.pattern})", text)
    return "".join(
        masked.tokens[p] if i % 2 else p.replace("{", "{{").replace("}", "}}")
        for i, p in enumerate(parts)
    )
