"""Replies -> predictions.jsonl, a line a row in the order of rows, and the manifest."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import instraug
from instraug.evaluation.predict.asking import Noted
from instraug.evaluation.predict.job import PREDICTIONS, REPLIES, PredictJob
from instraug.evaluation.predict.rows import TestRow
from instraug.evaluation.predict.run import PredictRun
from instraug.files import manifest
from instraug.files.disk import refusals
from instraug.files.jsonl import write_jsonl
from instraug.models.chat import Choice, Reply
from instraug.models.endpoint.thinking import after_thinking
from instraug.models.journal.ledger import Lookup
from instraug.models.journal.paths import beside
from instraug.models.journal.pointer import forget_journal, note_journal

JSON = dict[str, Any]

REFUSED = "refused"
"""The finish reason of a prediction where the endpoint refused the request; it is empty."""


def write_predictions(job: PredictJob, run: PredictRun, noted: Noted, replies: Lookup) -> None:
    """Write predictions.jsonl, then manifest.json; the manifest of an earlier run goes first.

    Args:
        job: Names the folder.
        run: What came of it; what is written is counted there.
        noted: The rows that were asked.
        replies: The journal.

    Raises:
        StorageError: a file could not be written; none is left half-written.
    """
    path = job.out / manifest.MANIFEST
    note_journal(job.out, job.replies, REPLIES)
    with refusals(path, "remove"):
        path.unlink(missing_ok=True)
    write_jsonl(job.out / PREDICTIONS, _predictions(run, noted, replies))
    manifest.write_manifest(
        path,
        {
            "kind": "predict",
            "instraug": instraug.__version__,
            "python": platform.python_version(),
            "config": run.config.plain(),
            "journal": beside(job.replies, job.out),
            "inputs": {"rows": {str(f): manifest.sha256(f) for f in run.loaded.rows.files}},
            "outputs": {PREDICTIONS: manifest.sha256(job.out / PREDICTIONS)},
            "images_sent": _images(run),
            **run.summary(),
        },
    )
    forget_journal(job.out)


def _images(run: PredictRun) -> JSON | None:
    """Return how images were sent, and a hash over all of them; None where there were none."""
    if run.images is None:
        return None
    side = run.config.resize
    how: JSON = {"as": "data URL", "longest_side": side, "sha256": run.images}
    if side:
        import PIL

        how["pillow"] = PIL.__version__
    return how


def _predictions(run: PredictRun, noted: Noted, replies: Lookup) -> Iterator[JSON]:
    rows, digest, some = iter(run.loaded.rows), sha256(), False
    for number, key, image in noted:
        row = next(row for row in rows if row.number == number)
        if image:
            some = True
            digest.update(bytes.fromhex(image))
        reply = replies.get(key)
        if reply is None and key not in run.refused:
            continue
        run.predictions += 1
        run.refusals += reply is None
        yield _prediction(run, row, key, reply) | {
            "image_path": row.image or None,
            "image_sha256": image,
        }
    run.images = digest.hexdigest() if some else None


def _prediction(run: PredictRun, row: TestRow, key: str, reply: Reply | None) -> JSON:
    fields, notes = row.fields, run.loaded.notes
    choice = _answer(reply) if reply else Choice("", REFUSED)
    options = fields.get("options")
    usage = reply and {
        "prompt": reply.usage.prompt_tokens,
        "completion": reply.usage.completion_tokens,
    }
    stated = {"protocol": fields["protocol"]} if fields.get("protocol") else {}
    return stated | {
        "key": key,
        "unique_id": fields["unique_id"],
        "task_name": fields["task_name"],
        "instruction_id": fields["instruction_id"],
        "instruction_source": notes.source(fields["instruction_id"]),
        "prompt_sha256": sha256(fields["prompt"].encode("utf-8", "surrogatepass")).hexdigest(),
        "prediction": after_thinking(choice.text or ""),
        "target": fields["target"],
        "options": options if isinstance(options, list | str) and options else None,
        "output": notes.outputs.get(fields["task_name"]),
        "model": reply.model if reply else run.model,
        "finish_reason": choice.finish_reason,
        "usage": usage,
    }


def _answer(reply: Reply) -> Choice:
    """Return the last choice with a text: of two, the first was cut while it thought."""
    said = [choice for choice in reply.choices if choice.text]
    return (said or list(reply.choices) or [Choice(None)])[-1]
