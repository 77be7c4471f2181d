"""The same simulated scores in other packages: what they say of two sets, and of wordings.

python -m venv env && env/bin/pip install evalstats==0.3.3 evalconfidence==0.1.1 numpy .
env/bin/python benchmarks/score_others.py
"""

from __future__ import annotations

import evalconfidence
import evalstats
import numpy as np

from instraug.evaluation.scores.comparison import mean_difference
from instraug.evaluation.scores.permutation import wording_p
from instraug.evaluation.scores.sensitivity import Floats, part, sample, sensitivity


def drawn(mean: float, difficulty: Floats, rng: np.random.Generator) -> Floats:
    """Return 0 and 1 for instances under five wordings of one mean."""
    shape = len(difficulty), 5
    chance = np.where(rng.random(shape) < 0.5, difficulty, rng.random(shape))
    scores: Floats = (chance < mean).astype(np.float64)
    return scores


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    difficulty = rng.random((300, 1))
    a, b = drawn(0.60, difficulty, rng), drawn(0.575, difficulty, rng)
    results = [
        [
            evalconfidence.ItemResult(item_id=str(i), model_id=name, score=float(s), epoch=j)
            for (i, j), s in np.ndenumerate(scores)
        ]
        for name, scores in (("a", a), ("b", b))
    ]
    print("evalconfidence:", evalconfidence.compare(*results))
    print("here:", mean_difference([(sample(a), sample(b))], 9999, 0))
    print("evalstats:", evalstats.friedman_nemenyi(a.T, list("abcde")).p_value)
    print("here:", wording_p([sample(a)], 9999, 0), sensitivity([part(sample(a))]))
