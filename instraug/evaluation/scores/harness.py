"""Samples of lm-evaluation-harness and lmms-eval, as their ``--log_samples`` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""

_LIST = re.compile(rf"\[\s*(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*\s*\]", re.DOTALL)

_ITEM = re.compile(_QUOTED, re.DOTALL)


def is_sample(row: Row) -> bool:
    """Whether a row is a sample of one of the two."""
    return "doc_id" in row and ("filtered_resps" in row or "resps" in row)


def is_perplexity(row: Row) -> bool:
    """Whether a sample measures perplexity alone, so that it holds no answer."""
    metrics = row.get("metrics")
    if not isinstance(metrics, list) or "acc" in row:
        return False
    return any("perplexity" in str(name) for name in metrics)


def parts(row: Row) -> dict[str, Any]:
    """Return what a sample holds, under the names of the columns of predictions.

    Where the harness ranked options by likelihood the prediction is the likeliest one, and
    ``score`` is set: 1 where it is the target, or, where the target names none of the options, the
    harness's own ``acc``.
    """
    answers = row.get("filtered_resps", row.get("resps"))
    columns: dict[str, Any] = {
        "unique_id": row["doc_id"],
        "content": row.get("doc_hash"),
        "target": _references(row.get("target")),
    }
    ranks = _ranks(answers)
    if not ranks:
        return columns | {"prediction": _first(answers)}
    if len(ranks) == 1:
        greedy = str(answers[0][1]) == "True"
        answer = {"prediction": columns["target"] if greedy else "", "score": float(greedy)}
        return columns | answer | {"output": "likelihood"}
    ranked = _ranked(ranks, _continuations(row.get("arguments")), columns["target"])
    if ranked["score"] is None and row.get("acc") in (0, 1):
        ranked["score"] = float(row["acc"])
    return columns | ranked


def _ranks(answers: Any) -> list[float]:
    """Return the log-likelihoods where that is what the answers are, else an empty list."""
    if not isinstance(answers, list):
        return []
    try:
        return [
            float(pair[0])
            for pair in answers
            if isinstance(pair, list) and len(pair) == 2 and str(pair[1]) in ("True", "False")
        ]
    except (TypeError, ValueError):
        return []


def _ranked(ranks: Sequence[float], texts: Sequence[str], target: Any) -> dict[str, Any]:
    numbers = [str(at) for at in range(len(ranks))]
    options = list(texts) if len(set(texts)) == len(ranks) else numbers
    chosen = max(range(len(ranks)), key=ranks.__getitem__)
    named = []
    for one in target if isinstance(target, list) else [target]:
        at = str(one).strip()
        if at in options or at in numbers:
            named.append(options.index(at) if at in options else int(at))
    if not named:
        return _choice(options[chosen], options, target, None)
    right = chosen if chosen in named else named[0]
    return _choice(options[chosen], options, options[right], float(right == chosen))


def _choice(chosen: str, options: list[str], target: Any, score: float | None) -> dict[str, Any]:
    columns = {"prediction": chosen, "options": options, "target": target, "score": score}
    return columns | {"output": "likelihood"}


def _continuations(arguments: Any) -> list[str]:
    """Return the texts whose likelihood was measured, in order; empty where there are none."""
    if isinstance(arguments, Mapping):
        asked = [a.get("arg_1") for a in arguments.values() if isinstance(a, Mapping)]
    elif isinstance(arguments, list):
        asked = [a[1] for a in arguments if isinstance(a, list) and len(a) > 1]
    else:
        return []
    return [text.strip() for text in asked if isinstance(text, str)]


def _first(answers: Any) -> Any:
    while isinstance(answers, list):
        answers = answers[0] if answers else ""
    return answers


def _references(target: Any) -> Any:
    """Return a target, or the several that Python's spelling of a list of texts holds."""
    if not isinstance(target, str) or not _LIST.fullmatch(target):
        return target
    return [re.sub(r"\\(.)", r"\1", item[1:-1]) for item in _ITEM.findall(target)]
