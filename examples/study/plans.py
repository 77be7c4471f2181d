"""What is run: arms, sizes, seeds; docs/study.md states the same, from before any run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TASKS, TRAINING = HERE / "tasks", HERE / "training"
"""25 hand-written wordings a task; the five of them that are trained on."""
POOL = HERE / "rewrites" / "instructions.jsonl"
"""The rewrites of these five that were kept when they were read."""
HOLD_OUT, SPLIT_SEED = "0.8", "0"
"""How `build --instruction-split` makes TRAINING of TASKS; the rest are tested on."""
DATA_SEED = 0


@dataclass(frozen=True)
class Arm:
    """Which wordings a model is trained on."""

    label: str
    build: tuple[str, ...]
    """Options of `instraug build`."""
    epsilon: float | None
    """The share of rows under a hand-written wording; None: not a point of that figure."""


_POOL = ("--instructions", str(POOL))
ARMS: Mapping[str, Arm] = {
    "hand-1": Arm("1 hand-written", ("--instruction", "0"), None),
    "hand-5": Arm("5 hand-written", ("--epsilon", "1"), 1.0),
    "mixed": Arm("5 hand-written and 20 rewrites", (*_POOL, "--epsilon", "0.5"), 0.5),
    "rewrites": Arm("20 rewrites alone", (*_POOL, "--epsilon", "0"), 0.0),
}
MAIN = ("mixed", "hand-5")
"""The arms of the main question; the difference is the first less the second."""


@dataclass(frozen=True)
class Size:
    """How large a run is, whatever its arm."""

    steps: int
    batch: int
    """Rows a step; steps * batch rows are trained on, each once."""
    rate: float
    """Highest learning rate of AdamW."""
    trained: int
    """Layers that are trained, of 30, from above."""
    texts: int
    """Texts of each kind to train on; a task has one row of each."""
    test: int
    """Test instances of a task, each under every held-out wording."""
    answered: int
    """Prompts answered at once."""
    device: str = "cpu"


SIZES: Mapping[str, Size] = {
    "small": Size(40, 16, 3e-4, trained=10, texts=600, test=12, answered=16),
    "whole": Size(300, 32, 1e-4, trained=30, texts=2400, test=300, answered=64, device="cuda"),
}


@dataclass(frozen=True)
class Plan:
    """A size, and the seeds of each arm."""

    size: str
    seeds: Mapping[str, int]
    """Arm -> how many; seeds count from 0."""

    def runs(self) -> list[tuple[str, int]]:
        """Return (arm, seed) in the order of running: seed by seed, so that pairs are complete."""
        most = max(self.seeds.values())
        return [(a, s) for s in range(most) for a, count in self.seeds.items() if s < count]


PLANS: Mapping[str, Plan] = {
    "demo": Plan("small", {"hand-5": 3, "mixed": 3}),
    "paired": Plan("small", {"hand-5": 8, "mixed": 8, "hand-1": 3, "rewrites": 3}),
    "whole": Plan("whole", {"hand-5": 8, "mixed": 8, "hand-1": 4, "rewrites": 4}),
}
