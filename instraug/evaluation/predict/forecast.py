"""Forecast the requests and the cost of a run."""

from __future__ import annotations

from typing import Any

from instraug.evaluation.predict.asking import chat_of
from instraug.evaluation.predict.job import Loaded, PredictJob
from instraug.models.embedded import weights
from instraug.models.journal.replay import Replay
from instraug.models.opening import is_local


def forecast(job: PredictJob, loaded: Loaded) -> dict[str, Any]:
    """Return the requests that a run would send, and their cost, without a call.

    Tokens are estimated as a quarter of the characters, answers as long as the targets, each image
    as `PredictConfig.image_tokens`.
    """
    checked, config = loaded.checked, job.config
    reused = _reused(job, loaded)
    share = (checked.rows - reused) / checked.rows
    prompt = checked.prompt_characters // 4 + checked.images * config.image_tokens
    prompt += checked.rows * len(config.system or "") // 4
    completion = checked.target_characters // 4 + checked.rows
    sent = {"prompt": round(prompt * share), "completion": round(completion * share)}
    price = config.prices.get(job.model)
    return {
        "model": job.model,
        "rows": checked.rows,
        "left_out": len(checked.left_out),
        "images": checked.images,
        "requests": checked.rows - reused,
        "reused": reused,
        "usage": sent,
        "cost": price and round(price.of(sent["prompt"], sent["completion"]), 4),
    }


def _reused(job: PredictJob, loaded: Loaded) -> int:
    """Count the rows whose reply is in the journal."""
    if not job.replies.is_file():
        return 0
    name = weights.name(job.model) if is_local(job.model) else job.model
    with Replay.read(job.replies) as journal:
        return sum(
            chat_of(
                job.config,
                name,
                row.fields["prompt"],
                (loaded.pictures.image(row.image),) if row.image else (),
            ).key
            in journal
            for row in loaded.rows
            if row.number not in loaded.checked.left_out
        )
