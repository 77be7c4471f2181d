"""Shares of sources: what they come to in rows or tokens, to the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from instraug.errors import UsageError


def parse_share(text: str) -> Fraction | None:
    """Return a percentage as the exact number that is written; None where it is none."""
    digits = text.strip().removesuffix("%").strip()
    if not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return None
    return Fraction(digits)


def stated_share(source: str, share: float | None) -> Fraction | None:
    """Return a source's percentage as the exact number that Python prints; None stays None.

    Raises:
        UsageError: it is no percentage.
    """
    found = None if share is None else parse_share(str(share))
    if share is not None and found is None:
        raise UsageError(f"{source}: {share!r} is not a percentage; give a number from 0 to 100")
    return found


def show_share(share: Fraction) -> str:
    """Spell a percentage: ``50``, ``12.5``, ``33.3333``."""
    return f"{float(share):.6f}".rstrip("0").rstrip(".")


def check_sum(shares: Mapping[str, Fraction]) -> None:
    """Refuse percentages that do not sum to 100.

    Raises:
        UsageError: they do not.
    """
    if (total := sum(shares.values())) != 100:
        listed = ", ".join(f"{name} {show_share(share)}" for name, share in shares.items())
        raise UsageError(
            f"the shares sum to {show_share(Fraction(total))} and not to 100 ({listed}); "
            "change one of them"
        )


def apportion(total: int, weights: Mapping[str, Fraction | int]) -> dict[str, int]:
    """Divide a total in proportion to weights, by largest remainder; ties go by name.

    Args:
        total: What is divided.
        weights: Name -> weight; not all are 0.

    Returns:
        Name -> its part; the parts sum to the total.
    """
    whole = sum(weights.values())
    quotas = {name: Fraction(total) * weight / whole for name, weight in weights.items()}
    parts = {name: int(quota) for name, quota in quotas.items()}
    missing = total - sum(parts.values())
    by_remainder = sorted(quotas, key=lambda name: (parts[name] - quotas[name], name))
    for name in by_remainder[:missing]:
        parts[name] += 1
    return parts


def sweep(
    names: Sequence[str], base: Mapping[str, Fraction], share: Fraction
) -> dict[str, Fraction]:
    """Return the shares where the first source has this one, and the others their proportions.

    Args:
        names: The sources, as they are given.
        base: Their shares otherwise; none: the others are even.
        share: The first one's, in percent.

    Raises:
        UsageError: it leaves something for others whose shares are all 0.
    """
    first, *others = names
    weights = {name: base[name] if base else Fraction(1) for name in others}
    if len(others) == 1:
        weights = {others[0]: Fraction(1)}
    whole = sum(weights.values())
    if not whole and share != 100:
        raise UsageError("all sources but the first have the share 0; give one of them another")
    rest = 100 - share
    return {
        first: share,
        **{n: rest * w / whole if whole else Fraction(0) for n, w in weights.items()},
    }
