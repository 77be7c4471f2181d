"""The parsers of what comes from outside, each as a function of bytes that raises nothing untyped.

``TARGETS[name](data, folder)``: the folder is there for parsers that read files. An `InstraugError`
is a proper answer; anything else that is raised is a bug.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path

import orjson

from instraug.chain.refilter import refilter
from instraug.errors import BadRow, InstraugError, Problem
from instraug.evaluation.verify import verify
from instraug.files.jsonl import read_jsonl
from instraug.models.endpoint import faults, wire
from instraug.models.endpoint.refusals import Refusal
from instraug.models.journal.journal import Journal
from instraug.models.journal.replay import Replay
from instraug.rewriting.config import Rules, load_config
from instraug.rewriting.judging.judge import candidates, judge_all
from instraug.rewriting.prompts.meta_prompts import load_meta_prompts
from instraug.rewriting.prompts.requests import expand
from instraug.tasks.importers.multiinstruct.templates import read_templates
from instraug.tasks.load import read_tasks
from instraug.tasks.placeholders import mask, multiset, parse, restore, unparse
from instraug.tasks.records import Task
from instraug.tasks.rendering import prove, renderer
from tests.chain import plan, task


def _ignored(_problem: Problem) -> None:
    pass


Target = Callable[[bytes, Path], object]

ASKED = task(
    'Is the object "{text}" in {region}? {options_token} {options}',
    "Say {a.b[0]}{c} twice: {c}",
    constants={"options_token": "\n\n[Options]:"},
    labels=("yes", "no"),
)
REQUESTS = [next(expand(plan(), ASKED, template, template)) for template in ASKED.templates]


def task_yaml(data: bytes, folder: Path) -> None:
    """A task folder of one file."""
    (folder / "t.yaml").write_bytes(data)
    found, problems = read_tasks(folder)
    assert found or problems
    for problem in problems:
        assert str(problem).isprintable()


def config_yaml(data: bytes, folder: Path) -> None:
    """A config file, and the same as meta-prompts."""
    (folder / "c.yaml").write_bytes(data)
    for read in (load_config, load_meta_prompts):
        with suppress(InstraugError):
            read(folder / "c.yaml")


def jsonl(data: bytes, folder: Path) -> None:
    """A JSONL file, fast and strict."""
    path = folder / "rows.jsonl"
    path.write_bytes(data)
    for strict in (False, True):
        with suppress(InstraugError):
            for _ in read_jsonl(path, strict=strict, on_problem=_ignored):
                pass


def gzipped(data: bytes, folder: Path) -> None:
    """The same, compressed."""
    for suffix in ("gz", "zst"):
        path = folder / f"rows.jsonl.{suffix}"
        path.write_bytes(data)
        with suppress(InstraugError):
            for _ in read_jsonl(path, on_problem=_ignored):
                pass


def table(data: bytes, folder: Path) -> None:
    """A tab-separated table of templates."""
    (folder / "t.tsv").write_bytes(data)
    with suppress(InstraugError):
        read_templates(folder / "t.tsv")


def source(data: bytes, folder: Path) -> None:
    """Python source of templates: read, never run."""
    (folder / "t.py").write_bytes(data)
    with suppress(InstraugError):
        read_templates(folder / "t.py")


def template(data: bytes, _folder: Path) -> None:
    """A template: what parses is masked, restored, proved and rendered."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        segments = parse(text)
    except InstraugError:
        return
    assert parse(unparse(segments)) == segments
    masked = mask(text, {"options_token"})
    restored = restore(masked.text, masked)
    assert restored.instruction is not None
    assert multiset(restored.instruction) == multiset(text)
    assert prove(text, text) is None
    with suppress(BadRow):
        renderer(text, Task("t", ()))({"text": "{options}", "region": ["a", ["b"]], "a": {"b": 1}})


def reply(data: bytes, _folder: Path) -> None:
    """The body of an answer: read, extracted, restored, judged; what passes renders."""
    raw = data.decode("utf-8", "replace")
    for request in REQUESTS:
        try:
            found = wire.read_reply(request.chat, raw)
        except wire.NotACompletion:
            continue
        made = list(islice(candidates(ASKED, request, found, Rules()), 20))
        for verdict in judge_all(ASKED, made, Rules(), None, {}):
            if verdict.accepted:
                assert multiset(verdict.candidate.instruction or "") == multiset(
                    request.origin.text
                )
    wire_errors(raw)


def wire_errors(raw: str) -> None:
    """An error body and a header, whatever they hold."""
    line = raw.split("\n", 1)[0]
    headers = {"retry-after": line, "retry-after-ms": line, "date": line}
    for status in (200, 302, 400, 401, 429, 503):
        told = str(faults.from_status(status, headers, Refusal(raw, {}), "sk-canary-12345678"))
        assert "\n" not in told
        assert "canary" not in told


def said(data: bytes, folder: Path) -> None:
    """What a model says, in a sound answer."""
    choice = {"message": {"content": data.decode("utf-8", "replace")}, "finish_reason": "stop"}
    reply(orjson.dumps({"choices": [choice]}), folder)


def journal(data: bytes, folder: Path) -> None:
    """A journal: every key it tells of gives a reply or one clear line; now and then repaired."""
    path = folder / "replies.jsonl"
    path.write_bytes(data)
    with Replay.read(path) as replay:
        kept = dict.fromkeys(replay)
        for key in kept:
            with suppress(InstraugError):
                replay.get(key)
    if len(data) % 16 == 0:
        with Journal.open(path) as fixed:
            assert list(fixed) == list(kept)
        with Replay.read(path) as replay:
            assert not replay.damage
            assert list(replay) == list(kept)
        for aside in folder.glob("*.damaged-*"):
            aside.unlink()


def manifest(data: bytes, folder: Path) -> None:
    """The manifest of a run, for ``verify`` and ``filter``."""
    (folder / "manifest.json").write_bytes(data)
    with suppress(InstraugError):
        verify(folder)
    with suppress(InstraugError):
        refilter(folder, None, folder / "again")


TARGETS: dict[str, Target] = {
    f.__name__: f
    for f in (
        task_yaml, config_yaml, jsonl, gzipped, table, source, template, reply, said, journal,
        manifest,
    )
}  # fmt: skip
