"""Which instructions of the pools a set uses: all, one of each task, or one side of a split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from instraug.errors import UsageError
from instraug.tasks.pool import Pool
from instraug.tasks.records import Template
from instraug.training_set.config import BuildConfig
from instraug.training_set.distinct import distinct

_BITS = 64


def narrowed(config: BuildConfig, pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """Return the pools with the instructions that a set may use; a pool may become empty.

    Raises:
        UsageError: settings that do not go together.
    """
    if (config.instruction_split is None) != (config.hold_out is None):
        raise UsageError("--instruction-split and --hold-out go together; give both or neither")
    if config.instruction is not None:
        if config.instruction_split:
            raise UsageError("--instruction names one instruction; leave --instruction-split out")
        at = config.instruction
        return tuple([Pool(pool.task, (), pool.originals[at : at + 1]) for pool in pools])
    pools = distinct(tuple(pools), config.near_duplicates)  # first: no side holds the other's
    if config.hold_out is None:
        return pools
    wants_held = config.instruction_split == "eval"
    sides = []
    for pool in pools:
        held = held_out(pool.instructions, config.hold_out, config.seed)
        own, generated = (
            tuple([t for t in some if (t.id in held) is wants_held])
            for some in (pool.originals, pool.generated)
        )
        sides.append(replace(pool, chosen=own, generated=generated))
    return tuple(sides)


def held_out(instructions: Iterable[Template], share: float, seed: int) -> frozenset[str]:
    """Return the ids of a task's instructions that are kept for evaluation.

    An original and its rewrites are a stratum, and each gives its share, to within two. Both sides
    get an instruction where there are two. Which ones depends on the ids, the originals that they
    come from, share and seed, not on their order; a larger share holds out what a smaller one does.

    Args:
        instructions: Of one task; equal ones count once.
        share: 0 to 1, both left out.
        seed: The build's.
    """
    strata: dict[int, set[str]] = {}
    known: set[str] = set()
    for template in instructions:
        if template.id not in known:
            strata.setdefault(template.origin, set()).add(template.id)
            known.add(template.id)
    wanted = max(1, min(round(share * len(known)), len(known) - 1)) if len(known) > 1 else 0
    places: list[tuple[float, str]] = []
    for ids in strata.values():
        ranked = sorted(ids, key=lambda one: _draw(seed, one))
        # Evenly from 0 to 1, shifted by a draw of the stratum's own: taking all below a limit takes
        # the same share of each.
        shift = _draw(seed, "\0".join(sorted(ids))) / (1 << _BITS)
        places += [((rank + shift) / len(ids), one) for rank, one in enumerate(ranked)]
    return frozenset([one for _, one in sorted(places)[:wanted]])


def _draw(seed: int, text: str) -> int:
    """Return a number of 64 bits, the same on every platform."""
    digest = blake2b(f"{seed}\0{text}".encode(), digest_size=_BITS // 8, person=b"instraug-hold")
    return int.from_bytes(digest.digest(), "big")
