"""Which rewrites are left out of pools as near-duplicates of other instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from instraug.tasks.near_duplicates import left_out, near_pairs
from instraug.tasks.pool import Pool


def distinct(pools: Sequence[Pool], threshold: float | None) -> tuple[Pool, ...]:
    """Leave out rewrites that are near to an instruction of any task that stays.

    Hand-written instructions all stay; of rewrites the earliest do, in the order of the tasks, and
    of their file within a task.

    Args:
        pools: The pools of a set, whole.
        threshold: ROUGE-L (0 to 1) from which on two instructions are near; None: all stay.
    """
    if threshold is None:
        return tuple(pools)
    texts = [template.text for pool in pools for template in pool.originals]
    originals = len(texts)
    texts += [template.text for pool in pools for template in pool.generated]
    gone = left_out(near_pairs(texts, threshold), lambda number: number < originals)
    kept, start = [], originals
    for pool in pools:
        staying = tuple([t for at, t in enumerate(pool.generated, start) if at not in gone])
        start += len(pool.generated)
        lost = len(pool.generated) - len(staying)
        kept.append(replace(pool, generated=staying, near_duplicates=lost))
    return tuple(kept)
