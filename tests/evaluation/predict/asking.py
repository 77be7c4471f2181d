"""Built test rows with pictures, and an endpoint that looks at what it gets."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from instraug.chain.predict import predict
from instraug.evaluation.predict.config import PredictConfig, with_given
from instraug.evaluation.predict.job import PredictJob
from instraug.evaluation.predict.run import PredictRun
from tests.sets import CAPTION, CHOICE, Row, built, caption_row, choice_row

Body = dict[str, Any]


def picture(number: int, size: tuple[int, int] = (8, 6), form: str = "PNG") -> bytes:
    """The bytes of a picture; each number has a color of its own."""
    out = BytesIO()
    Image.new("RGB", size, (number % 256, number // 256, 77)).save(out, form)
    return out.getvalue()


def made_set(folder: Path, count: int = 4, images: bool = True, **given: Any) -> Path:
    """Build rows of two tasks under each hand-written instruction, and the pictures they name."""
    rows: list[Row] = [choice_row(n, target_txt="abcd"[n % 4]) for n in range(count)]
    rows += [caption_row(n) for n in range(count)]
    for number in range(count):
        path = folder / "images" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture(number))  # the name lies; the bytes count
    if not images:
        rows = [row | {"image_path": ""} for row in rows]
    given = {"per_instance": "all", "epsilon": 1, "tasks": (CHOICE, CAPTION)} | given
    built(folder, rows, "test.jsonl", **given)
    return folder / "test.jsonl"


def parts(body: Body) -> tuple[str, list[bytes]]:
    """Return the prompt of a request, and the bytes of its pictures."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content, []
    kinds = [part["type"] for part in content]
    assert kinds == ["image_url"] * (len(kinds) - 1) + ["text"]
    images = []
    for part in content[:-1]:
        head, _, data = part["image_url"]["url"].partition(";base64,")
        assert head.startswith("data:image/")
        images.append(base64.b64decode(data, validate=True))
    return content[-1]["text"], images


def completion(text: str, **choice: Any) -> Body:
    """A chat completion with one choice."""
    message = {"role": "assistant", "content": text}
    return {
        "object": "chat.completion",
        "model": "answered",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }


def looking(
    answer: Callable[[str, list[bytes]], str], seen: list[tuple[str, list[bytes]]] | None = None
) -> Callable[[Any], tuple[int, object]]:
    """Return a rule for the fake server that answers by prompt and pictures, and notes them."""

    def rule(body: Any) -> tuple[int, object]:
        asked = parts(body)
        if seen is not None:
            seen.append(asked)
        return 200, completion(answer(*asked))

    return rule


def asked(
    rows: Path, out: Path, url: str, *, journal: Path | None = None, frozen: bool = False,
    force: bool = False, **given: Any,
) -> PredictRun:  # fmt: skip
    """Predict with the images beside the rows; keywords are settings."""
    folder = rows if rows.is_dir() else rows.parent
    settings = {"base_url": url, "images": str(folder), **given}
    config = with_given(PredictConfig(), settings)
    job = PredictJob((rows,), out, "m", config, journal, frozen, "k", force)
    return predict(job)


def lines(out: Path) -> list[Row]:
    """The predictions of a folder."""
    text = (out / "predictions.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def sha(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
