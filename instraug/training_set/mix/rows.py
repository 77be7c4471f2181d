"""What a row says, whatever its format: question, answer, pictures, id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from instraug.errors import BadRow
from instraug.training_set.formats.base import Fields

FIELDS = ("multiinstruct", "parquet", "tsv")
"""Formats whose rows have our own fields: any format can be made of them."""

RAW = "raw"
"""Rows of our fields before a template rendered them, such as MultiInstruct's."""

_MEDIA = re.compile(r"<image>\n?|\n?<image>")

_CONTENT_OF_OTHERS = frozenset(
    [
        "unique_id",
        "id",
        "task_name",
        "image_path",
        "image_source",
        "width",
        "height",
        "image_size",
        "target_txt",
        "answer",
        "prompt",
        "target",
        "instruction_id",
        "protocol",
        "objects",
        "rationale",
        "outputs",
        "sources",
    ]
)
"""Fields that say nothing about what is asked."""


class View(NamedTuple):
    """One row, read."""

    prompt: str
    """All that is asked, without marks that stand for pictures."""
    target: str
    """All that is answered."""
    images: tuple[str, ...] = ()
    """Paths of its pictures."""
    id: str = ""


Reader = Callable[[Fields], View]
"""Row -> what it says. Raises BadRow where the row is of another shape."""


def reader(form: str) -> Reader:
    """Return what reads the rows of a format."""
    if form in _OFA:
        return partial(_read_cells, *_OFA[form])
    return _READERS.get(form, _read_any)


def shape_of(row: Fields) -> str | None:
    """Return the format that a row's keys tell; None where they tell none."""
    if "conversations" in row:
        return "sharegpt" if "images" in row else "llava"
    if "messages" in row:
        return "messages"
    if "completion" in row:
        return "prompt-completion"
    if isinstance(row.get("prompt"), str) and isinstance(row.get("target"), str):
        return "multiinstruct"
    if "instruction" in row and "output" in row:
        return "alpaca"
    if "question_id" in row and isinstance(row.get("answer"), list):
        return "lavis"
    return None


def content(row: Fields) -> str:
    """Return what a row of our fields asks about, without its wording: its own fields, in order.

    Options count only where there is nothing else: building adds those that a task has by default.
    Of a list only the words count, as a region may be numbers or their text.
    """
    names = sorted(row.keys() - _CONTENT_OF_OTHERS)
    texts = [_asked(row[name]) for name in names if name != "options"]
    whole = " ".join(" ".join(texts).casefold().split())
    return whole or _asked(row.get("options")).casefold()


def _asked(value: Any) -> str:
    if isinstance(value, str):
        return value
    return " ".join(sorted(word for text in _texts(value) for word in text.split()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, int | float):
        yield str(value)


def _bad(what: str) -> BadRow:
    return BadRow("another shape", what, "leave the row out, or name its columns with --columns")


def _read_fields(row: Fields) -> View:
    prompt, target = row.get("prompt"), row.get("target")
    if type(prompt) is not str or type(target) is not str:
        raise _bad("the row has no texts prompt and target")
    image = row.get("image_path")
    return View(prompt, target, (str(image),) if image else (), str(row.get("unique_id") or ""))


def _read_raw(row: Fields) -> View:
    image, target = row.get("image_path"), row.get("target_txt")
    if not isinstance(target, str):
        raise _bad("the row has no text target_txt")
    return View("", target, (str(image),) if image else (), str(row.get("unique_id") or ""))


def _read_turns(row: Fields) -> View:
    asked, measured = list[str](), list[str]()
    for turn in _list(row.get("conversations"), "conversations"):
        text = turn.get("value") if isinstance(turn, dict) else None
        if not isinstance(text, str):
            raise _bad("a turn of the conversation has no text value")
        (measured if turn.get("from") in ("gpt", "assistant") else asked).append(text)
    image = row.get("images") or row.get("image")
    return _view(asked, measured, image, row)


def _read_messages(row: Fields) -> View:
    asked, measured = list[str](), list[str]()
    turns = [
        *_list(row.get("prompt", []), "prompt"),
        *_list(row.get("completion", []), "completion"),
    ]
    turns += _list(row.get("messages", []), "messages")
    for turn in turns:
        if not isinstance(turn, dict):
            raise _bad("a message is not an object")
        texts = _said(turn.get("content"))
        (measured if turn.get("role") == "assistant" else asked).extend(texts)
    return _view(asked, measured, row.get("images") or row.get("image"), row)


def _said(content: Any) -> Iterable[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [p["text"] for p in parts if isinstance(p, dict) and isinstance(p.get("text"), str)]


def _read_alpaca(row: Fields) -> View:
    asked: list[Any] = [row[key] for key in ("instruction", "input") if row.get(key)]
    measured: list[Any] = [row.get("output")]
    image = row.get("images") or row.get("image")
    if not all(isinstance(text, str) for text in (*asked, *measured)):
        raise _bad("instruction, input or output is not text")
    return _view(asked, measured, image, row)


def _read_lavis(row: Fields) -> View:
    answers = row.get("answer")
    measured: list[Any] = answers[:1] if isinstance(answers, list) else [answers]
    if not all(isinstance(text, str) for text in (row.get("question"), *measured)):
        raise _bad("the row has no question, or no list of answers")
    return _view([row["question"]], measured, row.get("image"), row, "question_id")


_OFA = {
    "ofa-caption": ((), (2,)),
    "ofa-vqa": ((2,), (3,)),
    "ofa-refcoco": ((2,), (3,)),
    "ofa-snli-ve": ((3, 4), (5,)),
}
"""Format -> columns of what is asked, and of what is answered; the picture's id is the second."""


def _read_cells(asked: tuple[int, ...], measured: tuple[int, ...], row: Fields) -> View:
    cells = row["cells"]
    if len(cells) <= max((*asked, *measured)):
        raise _bad(f"the row has {len(cells)} columns")
    prompt, target = (" ".join([cells[at] for at in places]) for places in (asked, measured))
    return View(prompt, target, (cells[1],), cells[0])


def _read_any(row: Fields) -> View:
    shape = shape_of(row)
    if shape is None or shape not in _READERS:
        raise _bad("the row is of no format that is known")
    return _READERS[shape](row)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _bad(f"{name} is not a list")
    return value


def _view(asked: list[str], measured: list[str], image: Any, row: Fields, key: str = "id") -> View:
    paths = image if isinstance(image, list) else [image] if image else []
    prompt = _MEDIA.sub("", "\n".join(asked)) if paths else "\n".join(asked)
    names = tuple([path if isinstance(path, str) else _path_in(path) for path in paths])
    return View(prompt, "\n".join(measured), names, str(row.get(key) or ""))


def _path_in(image: Any) -> str:
    """Return the path of a picture that is stored as `datasets` does."""
    path = image.get("path") if isinstance(image, dict) else None
    return path if isinstance(path, str) else ""


_READERS: dict[str, Reader] = {
    **dict.fromkeys(FIELDS, _read_fields),
    RAW: _read_raw,
    "llava": _read_turns,
    "sharegpt": _read_turns,
    "messages": _read_messages,
    "prompt-completion": _read_messages,
    "alpaca": _read_alpaca,
    "lavis": _read_lavis,
}
