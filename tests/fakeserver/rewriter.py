"""A deterministic stand-in for a language model: plausible, distinct rewrites of an instruction.

Words that hold anything but letters (mask tokens above all) are kept as they are; known words are
swapped for synonyms, and a few fillers are put in, so that any template of three words has well
over thirty rewrites.
"""

from __future__ import annotations

import random
import re

_SYNONYMS = [
    ("describe", "depict", "portray", "characterize", "outline", "detail"),
    ("generate", "produce", "write", "create", "compose", "formulate"),
    ("select", "choose", "pick", "identify", "determine", "mark"),
    ("find", "locate", "detect", "spot", "discover", "pinpoint"),
    ("look", "gaze", "peer", "glance"),
    ("decide", "determine", "judge", "establish", "conclude", "assess"),
    ("answer", "respond", "reply"),
    ("question", "query", "inquiry"),
    ("image", "picture", "photo", "photograph", "visual"),
    ("region", "area", "zone", "section", "location"),
    ("part", "portion", "piece", "segment"),
    ("description", "account", "depiction", "portrayal", "explanation"),
    ("caption", "title", "legend", "heading"),
    ("text", "passage", "wording", "phrase", "sentence"),
    ("task", "exercise", "assignment", "activity", "problem"),
    ("goal", "aim", "purpose", "objective", "target"),
    ("options", "choices", "alternatives", "candidates", "possibilities"),
    ("given", "supplied", "provided", "presented", "stated"),
    ("correct", "right", "proper", "accurate", "fitting"),
    ("object", "item", "thing", "entity", "element"),
    ("content", "substance", "material", "subject"),
    ("shown", "displayed", "visible", "presented", "depicted"),
    ("tell", "inform", "report", "state", "indicate"),
    ("need", "have", "ought"),
    ("following", "subsequent", "ensuing"),
    ("specified", "indicated", "designated", "marked", "named"),
    ("whether", "if"),
    ("matches", "fits", "suits"),
    ("between", "among"),
    ("relationship", "relation", "connection", "link", "association"),
    ("category", "class", "kind", "type", "group"),
    ("based", "founded", "grounded"),
]
_SWAPS = {word: [w for w in row if w != word] for row in _SYNONYMS for word in row}
_FILLERS = (
    *("carefully", "kindly", "please", "now", "simply", "precisely", "accurately", "closely"),
    *("clearly", "directly", "correctly", "briefly", "thoroughly", "attentively", "properly"),
    *("plainly", "really", "exactly", "again", "here", "fully", "then", "indeed", "promptly"),
)
_WORD = re.compile(r"([A-Za-z]+)([.,:;?!]?)")


def rewrite(text: str, seed: str) -> str:
    """Return one rewrite: white space, mask tokens and quoted parts stay, about the same length.

    Args:
        text: What to rewrite, masks in it.
        seed: Equal seeds give equal rewrites.
    """
    chance = random.Random(seed)
    parts = re.split(r"(\s+)", text)
    words = [i for i, part in enumerate(parts) if part and not part.isspace()]
    for i in words:
        parts[i] = _swapped(parts[i], chance)
    # Strictly fewer than half as many again, and none at all for fewer than three words.
    room = (len(words) - 1) // 2
    count = min(room, max(1, len(words) // 4), len(_FILLERS)) if room > 0 else 0
    for i, filler in zip(chance.sample(words, count), chance.sample(_FILLERS, count), strict=True):
        parts[i] = _with(filler, parts[i])
    return "".join(parts)


def _swapped(part: str, chance: random.Random) -> str:
    match = _WORD.fullmatch(part)
    if not match or match[1].lower() not in _SWAPS:
        return part
    return _like(match[1], chance.choice(_SWAPS[match[1].lower()])) + match[2]


def _with(filler: str, part: str) -> str:
    """Put a filler before a word and move the word's leading capital to it."""
    if re.fullmatch(r"[A-Z][a-z]+[.,:;?!]?", part):
        return f"{filler.capitalize()} {part[0].lower()}{part[1:]}"
    return f"{filler} {part}"


def _like(model: str, word: str) -> str:
    return word.capitalize() if model[0].isupper() else word
