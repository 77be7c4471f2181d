"""Text of files and models, made fit to be read on a page."""

from __future__ import annotations

import re
from typing import Any

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Controls, marks of direction, and what shows as nothing; joiners that scripts need are not in."""

_MAY_CLOSE = re.compile("[<>&\u2028\u2029]")


def visible(text: str) -> str:
    r"""Return the text with what would not be seen, or would move the rest, as its escape.

    Line feeds and tabs stay: the page shows them as they are.
    """
    return _UNSEEN.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def as_script(spelled: bytes) -> str:
    r"""Return JSON so that it can stand in a ``script`` element: ``<`` is ``\u003c``."""
    return _MAY_CLOSE.sub(lambda m: f"\\u{ord(m[0]):04x}", spelled.decode())


def shown(value: Any) -> Any:
    """Return a value that a template prints; texts of any source are `visible`."""
    return visible(value) if type(value) is str else value


def count(value: Any) -> str:
    """Spell a whole number with a thousands separator; what is not there is a dash."""
    return f"{value:,}" if isinstance(value, int) else "–"


def share(value: Any, digits: int = 1) -> str:
    """Spell a share (0 to 1) in per cent."""
    return f"{100 * value:.{digits}f} %" if isinstance(value, int | float) else "–"


def figure(value: Any, digits: int = 3) -> str:
    """Spell a figure with so many decimals."""
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"
