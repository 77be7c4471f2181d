"""Batch files line by line, the notes of batches in the journal, and the service over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import BudgetReached
from instraug.models.batch.asking import Asking, Enough, Lacks
from instraug.models.batch.book import Book, Wave
from instraug.models.batch.lines import Failure, Outline, parsed, request_line, result, split
from instraug.models.batch.requests import RequestFile, RequestFiles
from instraug.models.batch.results import Desk
from instraug.models.budget import Amount, BudgetTracker
from instraug.models.chat import Chat, Reply
from instraug.models.config import Budget, Endpoint, Prices
from instraug.models.endpoint.client import OpenAIEndpoint
from instraug.models.endpoint.quirks import Quirks
from instraug.models.journal.journal import Journal
from instraug.models.journal.replay import Replay
from tests.fakeserver import FakeServer, answers, running
from tests.models.asking import chat

OUTLINE = Outline("fake", (), 21, 64)


def written(folder: Path, count: int, **limits: int) -> list[RequestFile]:
    """The files of so many chats."""
    budget = BudgetTracker()
    with RequestFiles(folder, Quirks(Endpoint()), budget.worst, **limits) as files:
        for number in range(count):
            files.add(chat(number))
    return files.files


def row(**fields: Any) -> dict[str, Any]:
    """A line of results whose reply is good, unless told otherwise."""
    good = answers.chat(json.loads(request_line(chat(), Quirks(Endpoint()))[0])["body"])
    response = {"status_code": 200, "body": good}
    return {"custom_id": chat().key, "response": response, "error": None, **fields}


def test_a_request_line_holds_what_is_sent_online() -> None:
    """The key, the method, the URL, the body; and what of the chat is sent otherwise."""
    line, sent = request_line(chat(), Quirks(Endpoint(sends=("temperature",))))
    assert line.endswith(b"\n")
    asked = json.loads(line)
    assert (asked["custom_id"], asked["method"]) == (chat().key, "POST")
    assert asked["body"]["temperature"] == 0.6
    assert "seed" not in asked["body"]
    assert dict(sent) == {"top_p": None, "seed": None}


def test_a_good_line_is_the_reply_of_an_online_call() -> None:
    """Equal texts, usage and model, under the chat's key."""
    reply = result(row(), OUTLINE)
    assert isinstance(reply, Reply)
    assert reply.key == chat().key
    assert reply.choices[0].text
    assert not reply.usage.estimated
    assert json.loads(reply.raw) == row()["response"]["body"]


def test_a_reply_without_usage_is_estimated_by_its_files_prompts() -> None:
    """The budget counts it, high."""
    bare = row()
    del bare["response"]["body"]["usage"]
    reply = result(bare, OUTLINE)
    assert isinstance(reply, Reply)
    assert reply.usage.prompt_tokens == 21
    assert reply.usage.completion_tokens > 0
    assert reply.usage.estimated


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, 0, "late"),
        ({"response": {"status_code": 400, "body": {"error": {"message": "no"}}}}, 400, "no"),
        ({"response": {"status_code": 500, "body": None}, "error": {"message": "x"}}, 500, "x"),
        ({"response": {"status_code": 200, "body": {"a": 1}}}, 200, "without choices"),
        ({"response": {"status_code": 200, "body": {"error": {"code": 404}}}}, 404, "error"),
        ({"response": None, "error": "text"}, 0, "text"),
        ({"response": [], "error": None}, 0, "no response"),
        ({"response": {"status_code": "200", "body": 7}}, 0, "7"),
    ],
)
def test_a_line_without_a_reply_says_why(fields: dict[str, Any], status: int, why: str) -> None:
    """In every shape that the API, and vLLM's run-batch, write."""
    failure = result(row(**fields), OUTLINE)
    assert isinstance(failure, Failure)
    assert failure.status == status
    assert why in failure.why


def test_lines_end_at_line_feeds_only() -> None:
    """U+2028, U+0085, a lone CR and form feeds stand inside a line, wherever a chunk is cut."""
    text = "a\u2028b\u0085c\rd\x0ce\n\nf".encode()

    async def lines(size: int) -> list[bytes]:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(text), size):
                yield text[start : start + size]

        return [line async for line in split(chunks(), 100)]

    for size in range(1, len(text) + 1):
        assert asyncio.run(lines(size)) == text.split(b"\n")


def test_a_line_over_the_cap_is_not_kept() -> None:
    """What stands in its place is no JSON, so that it is reported as damaged."""

    async def lines() -> list[bytes]:
        async def chunks() -> AsyncIterator[bytes]:
            yield b'{"a": "'
            for _ in range(50):
                yield b"x" * 100
            yield b'"}\n{"b": 1}\n'

        return [line async for line in split(chunks(), 1000)]

    first, second = asyncio.run(lines())
    with pytest.raises(ValueError, match="JSON"):
        parsed(first)
    assert parsed(second) == {"b": 1}
    assert parsed(b" \r") is None


def test_files_are_split_by_lines_and_by_bytes(tmp_path: Path) -> None:
    """No file exceeds a limit, no request is lost, and each knows its keys."""
    size = len(request_line(chat(0), Quirks(Endpoint()))[0])
    for limits, lengths in (({"most_lines": 3}, [3, 3, 1]), ({"most_bytes": 2 * size + 9}, None)):
        files = written(tmp_path, 7, **limits)
        assert lengths in ([len(f) for f in files], None)
        assert all(f.size == f.path.stat().st_size for f in files)
        assert all(f.size <= limits.get("most_bytes", f.size) for f in files)
        lines = b"".join(f.path.read_bytes() for f in files).splitlines()
        keys = [json.loads(line)["custom_id"] for line in lines]
        assert keys == [chat(n).key for n in range(7)]
        assert b"".join(f.keys for f in files).hex() == "".join(keys)


def test_the_book_survives_the_process(tmp_path: Path) -> None:
    """File, batch and end of each batch are read again as they were noted."""
    (file,) = written(tmp_path, 3)
    path = tmp_path / "j.jsonl"
    with Journal.open(path) as journal:
        book = Book(journal, "run")
        name = book.name(file)
        batch = book.uploaded(name, "file-1", file, Wave(1), "url", ["top_p"])
        assert (batch.id, batch.ended) == (None, None)
        book.created(batch, "batch-1")
    with Replay.read(path) as journal:
        book = Book(journal, "run")
        (batch,) = book.open
        assert (batch.file, batch.id, batch.learned) == ("file-1", "batch-1", ("top_p",))
        assert list(batch) == [chat(n).key for n in range(3)]
        assert batch.outline == file.outline
        assert batch.worst == file.worst
        assert chat(1).key in book.pending()
        assert chat(9).key not in book.pending()
        assert Book(journal, "other").waves().get(chat(1).key) is None
    with Journal.open(path) as journal:
        book = Book(journal, "run")
        assert book.wave(fresh=True) == 2
        assert book.wave(fresh=False) == 1
        book.end(book.open[0], "completed")
        assert not book.open
        assert not len(book.pending())
        assert book.name(file) != name


def test_a_wave_that_a_budget_cut_goes_on_in_the_next(tmp_path: Path) -> None:
    """What a budget left out belongs to the same round."""
    (file,) = written(tmp_path, 1)
    with Journal.open(tmp_path / "j.jsonl") as journal:
        book = Book(journal, "run")
        book.uploaded("a", "f", file, Wave(1, cut=True), "url")
        assert book.wave(fresh=True) == 1


def test_notes_of_another_version_are_passed_over(tmp_path: Path) -> None:
    """A batch record of an unknown shape hides no other one."""
    (file,) = written(tmp_path, 1)
    with Journal.open(tmp_path / "j.jsonl") as journal:
        journal.note_batch("x", created="batch-of-no-file")
        journal.note_batch("y", file=7)
        Book(journal).uploaded("z", "f", file, Wave(1), "url")
        assert [b.name for b in Book(journal)] == ["z"]


def test_any_asker_gets_its_replies_by_batch(tmp_path: Path) -> None:
    """Chats in, replies in the journal: those of failed lines too, and nothing is sent again."""
    chats = [chat(n) for n in range(9)]

    async def ask(server: FakeServer, journal: Journal) -> int:
        budget = BudgetTracker()
        endpoint = OpenAIEndpoint("fake", server.url, "k", Endpoint(), budget)
        async with endpoint, endpoint.by_batch() as service:
            desk = Desk(service, Book(journal), journal, budget, "there", 0.01, print, print)
            asking = Asking(desk, tmp_path, most=4)

            async def look(add: Callable[[Chat], None], refused: Mapping[str, str]) -> Lacks:
                missing = [c for c in chats if c.key not in journal and c.key not in refused]
                for one in missing:
                    add(one)
                return Lacks(written=len(missing), unanswered=len(missing))

            assert await asking.ask(look, wait=True) is None
            return len(asking.results.bought)

    with running(FakeServer()) as server, Journal.open(tmp_path / "j.jsonl") as journal:
        server.batches.plans = ["partial:2", "good"]
        assert asyncio.run(ask(server, journal)) == 9
        assert len(server.batches.batches) == 4
        assert asyncio.run(ask(server, journal)) == 0
        assert len(server.batches.batches) == 4
        for one in chats:
            reply = journal.get(one.key)
            assert reply
            assert (reply.endpoint, reply.model) == ("there", "fake")


def test_what_may_lie_on_the_disk_is_bounded(tmp_path: Path) -> None:
    """What is over the bound follows in a sending of its own, before anything is waited for."""
    chats = [chat(n) for n in range(5)]

    async def ask(server: FakeServer, journal: Journal) -> None:
        endpoint = OpenAIEndpoint("fake", server.url, "k", Endpoint(), BudgetTracker())
        async with endpoint, endpoint.by_batch() as service:
            book = Book(journal)
            desk = Desk(service, book, journal, BudgetTracker(), "there", 0.01, print, print)
            asking = Asking(desk, tmp_path, on_disk=1)

            async def look(add: Callable[[Chat], None], _: Mapping[str, str]) -> Lacks:
                lacks, pending = Lacks(fresh=True), book.pending()
                for one in chats:
                    if one.key in journal or one.key in pending:
                        continue
                    try:
                        add(one)
                    except Enough:
                        lacks.more = True
                        break
                    lacks.written += 1
                return lacks

            assert await asking.ask(look, wait=True) is None

    with running(FakeServer()) as server, Journal.open(tmp_path / "j.jsonl") as journal:
        asyncio.run(ask(server, journal))
        assert len(journal) == len(server.batches.batches) == 5
        calls = server.batches.requests
        looks = [n for n, call in enumerate(calls) if call.startswith("GET /v1/batches/")]
        assert max(n for n, call in enumerate(calls) if call.startswith("POST")) < min(looks)


def test_what_is_sent_now_and_answered_late_is_reserved() -> None:
    """`take` refuses at once what does not fit; `settle_late` gives back what was not used."""
    budget = BudgetTracker(Budget(max_requests=2), {"m": Prices(1, 1)})
    one = budget.amount("m", 10, 10)
    budget.take(one)
    budget.take(one)
    with pytest.raises(BudgetReached, match="2 of 2 requests"):
        budget.take(one)
    budget.settle_late(one, Amount())
    budget.take(one)
    assert budget.spent == one + one


def test_what_was_learned_is_recalled() -> None:
    """A later run begins with what an earlier one's refusals taught it."""
    quirks = Quirks(Endpoint())
    quirks.recall(["top_p", "max_tokens", "nonsense"])
    assert quirks.learned == ["top_p", "max_tokens"]
    assert not quirks.sends("top_p", 0.9)
    assert quirks.endpoint.max_tokens_name == "max_completion_tokens"
    names = Quirks(Endpoint()).names(["top_p", "max_tokens"])
    assert list(names) == ["n", "temperature", "seed", "max_completion_tokens"]
