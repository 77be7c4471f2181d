"""``predict`` by batch, and by way of files, against a real server on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import failed, instraug_here
from tests.evaluation.predict.asking import lines, made_set
from tests.fakeserver import FakeServer, running
from tests.fakeserver.batches import run_offline


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


class Rows:
    """One set of 20 rows with pictures, and the server that it is asked from."""

    def __init__(self, folder: Path, server: FakeServer) -> None:
        self.folder, self.server, self.file = folder, server, made_set(folder)

    def run(self, out: str, *more: object) -> subprocess.CompletedProcess[str]:
        given = ("--model", "m", "--base-url", self.server.url, "--images", self.folder)
        return instraug_here("predict", self.file, "-o", self.folder / out, *given, *more)

    def batch(self, out: str, *more: object) -> subprocess.CompletedProcess[str]:
        return self.run(out, "--batch", "--poll", "0.01", *more)

    def content(self, out: str) -> bytes:
        return (self.folder / out / "predictions.jsonl").read_bytes()

    def online(self) -> bytes:
        done = self.run("online", "-q")
        assert done.returncode == 0, done.stderr
        return self.content("online")

    def config(self, text: str) -> Path:
        path = self.folder / "c.yaml"
        path.write_text(text)
        return path


@pytest.fixture
def rows(tmp_path: Path, server: FakeServer) -> Rows:
    return Rows(tmp_path, server)


def test_a_batch_brings_the_predictions_of_an_online_run(rows: Rows) -> None:
    """Same replies, same bytes, pictures included; going on in either way asks for nothing."""
    online, asked = rows.online(), rows.server.count
    done = rows.batch("batch", "--json")
    assert done.returncode == 0, done.stderr
    assert rows.content("batch") == online
    summary = json.loads(done.stdout)
    assert summary["complete"] is True
    assert (summary["run"]["requests"], summary["run"]["in_batches"]) == (20, 0)
    sent = next(iter(rows.server.batches.files.values()))
    assert sent.count(b"data:image/png;base64,") == 20
    for again in (rows.run("batch", "-q"), rows.batch("batch", "-q")):
        assert again.returncode == 0, again.stderr
    assert rows.server.count == asked
    assert len(rows.server.batches.batches) == 1
    assert rows.content("batch") == online


def test_not_waiting_ends_with_75_and_the_same_command_goes_on(rows: Rows) -> None:
    """All is sent and nothing is there; an online run then sends nothing; at last it is whole."""
    online, asked = rows.online(), rows.server.count
    rows.server.batches.polls = 1
    done = rows.batch("batch", "--no-wait", "-q", "--json")
    failed(done, 75, "20 requests are in 1 batches that are not over")
    assert json.loads(done.stdout)["run"]["in_batches"] == 20
    assert rows.content("batch") == b""
    failed(rows.run("batch", "-q"), 75, "in a batch that is open")
    codes = [rows.batch("batch", "--no-wait", "-q").returncode for _ in range(2)]
    assert codes == [75, 0]
    assert rows.content("batch") == online
    assert set(rows.server.batches.bought.values()) == {1}
    assert rows.server.count == asked


def test_rows_that_an_open_batch_holds_are_not_sent_beside_new_ones(rows: Rows) -> None:
    """More rows while the first are on their way: each is sent once."""
    online, all_rows = rows.online(), rows.file.read_text()
    rows.server.batches.polls = 2
    rows.file.write_text("".join(all_rows.splitlines(keepends=True)[:8]))
    assert rows.batch("batch", "--no-wait", "-q").returncode == 75
    rows.file.write_text(all_rows)
    assert rows.batch("batch", "--no-wait", "-q").returncode == 75
    assert rows.batch("batch", "-q").returncode == 0
    assert rows.content("batch") == online
    assert len(rows.server.batches.batches) == 2
    assert set(rows.server.batches.bought.values()) == {1}


@pytest.mark.parametrize("plan", ["partial:3", "expire:5", "short:2"])
def test_what_brought_no_reply_is_sent_again(rows: Rows, plan: str) -> None:
    """Failed and expired requests, results that come short at first: nothing is bought twice."""
    online = rows.online()
    rows.server.batches.plans = [plan, "good"]
    done = rows.batch("batch", "-q", "-c", rows.config("batch_requests: 7\n"))
    assert done.returncode == 0, done.stderr
    assert rows.content("batch") == online
    assert set(rows.server.batches.bought.values()) == {1}
    assert all(file.count(b"\n") <= 7 for file in rows.server.batches.files.values())


def test_a_refused_row_has_an_empty_prediction_as_online(rows: Rows) -> None:
    """It is not sent again in the run, and the run is done."""
    rows.server.batches.plans = ["refuse:10"]
    done = rows.batch("batch", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["refused"] == 2
    found = lines(rows.folder / "batch")
    assert [p["finish_reason"] for p in found].count("refused") == 2
    assert len(found) == 20
    assert len(rows.server.batches.batches) == 1


def test_a_budget_holds_and_the_next_run_goes_on(rows: Rows) -> None:
    """Exit 4 with what came; the rest is bought once."""
    online = rows.online()
    failed(rows.batch("batch", "-q", "--max-requests", 7), 4, "7 of 7 requests")
    assert rows.content("batch").count(b"\n") == 7
    assert rows.batch("batch", "-q").returncode == 0
    assert rows.content("batch") == online
    assert set(rows.server.batches.bought.values()) == {1}


def test_equal_rows_are_sent_once(rows: Rows) -> None:
    """Two sets that ask the same thing have one request for it, and a prediction for each row."""
    twin = [json.loads(line) for line in rows.file.read_text().splitlines()]
    for row in twin:
        row["unique_id"] += "-twin"
    rows.file.write_text(rows.file.read_text() + "".join(json.dumps(row) + "\n" for row in twin))
    done = rows.batch("batch", "--json")
    assert done.returncode == 0, done.stderr
    run: dict[str, Any] = json.loads(done.stdout)
    assert (run["predictions"], run["run"]["requests"], run["run"]["reused"]) == (40, 20, 20)
    assert sum(rows.server.batches.bought.values()) == 20


def test_files_for_an_offline_engine_bring_the_same_predictions(rows: Rows) -> None:
    """Written, answered with failures, read, and again until nothing is left to write."""
    online, asked = rows.online(), rows.server.count
    requests, replies = rows.folder / "requests.jsonl", rows.folder / "replies.jsonl"
    for turn, fails in enumerate((4, 0)):
        done = rows.run("files", "--write-requests", requests, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["requests"] == (5 if turn else 20)
        replies.write_bytes(b"".join(run_offline(requests.read_bytes(), fails=fails)))
        done = rows.run("files", "--read-replies", replies, "-q")
        assert done.returncode == (0 if turn else 75), done.stderr
    assert rows.content("files") == online
    assert rows.run("files", "--write-requests", requests, "-q").returncode == 0
    assert requests.read_bytes() == b""
    assert rows.server.count == asked
    assert not rows.server.batches.requests


def test_what_an_offline_engine_refuses_is_not_asked_again(rows: Rows) -> None:
    """A row that is too long has no prediction, and the run is complete without it."""
    requests, replies = rows.folder / "requests.jsonl", rows.folder / "replies.jsonl"
    assert rows.run("files", "--write-requests", requests, "-q").returncode == 0
    replies.write_bytes(b"".join(run_offline(requests.read_bytes(), fails=4, status=400)))
    done = rows.run("files", "--read-replies", replies, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["requests"] == 15
    assert "400: too long; left out, unless nothing else was answered (5 times" in done.stderr
    replies.write_bytes(b"".join(run_offline(requests.read_bytes(), fails=1, status=400)))
    assert rows.run("none", "--read-replies", replies, "-q").returncode == 75


def test_what_was_read_by_mistake_does_not_close_the_folder(rows: Rows) -> None:
    """A first file without a reply leaves nothing that the next one must count on."""
    requests, replies = rows.folder / "requests.jsonl", rows.folder / "replies.jsonl"
    assert rows.run("from", "--write-requests", requests, "-q").returncode == 0
    assert rows.run("files", "--read-replies", requests, "-q").returncode == 75
    replies.write_bytes(b"")
    failed(rows.run("files", "--read-replies", replies, "-q"), 1, "holds no line of a reply")
    replies.write_bytes(b"".join(run_offline(requests.read_bytes())))
    done = rows.run("files", "--read-replies", replies, "-q")
    assert done.returncode == 0, done.stderr


def test_requests_of_an_open_batch_are_not_written_and_the_run_says_so(rows: Rows) -> None:
    """Nothing is written, which is not the same as nothing being lacking."""
    requests = rows.folder / "requests.jsonl"
    assert rows.batch("batch", "--no-wait", "-q").returncode == 75
    failed(
        rows.run("batch", "--write-requests", requests, "-q"),
        75,
        "in a batch that is open",
        "--batch",
    )
    failed(rows.run("batch", "--write-requests", "r.jsonl.gz", "-q"), 2, "without .gz")


def test_replies_of_other_rows_are_refused(rows: Rows) -> None:
    """A file without one line of the run's requests is an error that names it."""
    replies = rows.folder / "other.jsonl"
    replies.write_text('{"custom_id": "x", "response": {"status_code": 200, "body": {}}}\n')
    failed(rows.run("files", "--read-replies", replies, "-q"), 1, "none of this plan's requests")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--batch", "--frozen"), "--batch does not go with --frozen"),
        (("--no-wait",), "--no-wait goes with --batch"),
        (("--batch", "--model", "local"), "--batch needs an endpoint"),
        (("--write-requests", "r.jsonl", "--model", "local"), "needs --model NAME"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """In one line, with exit 2; nothing is made."""
    rows = made_set(tmp_path, 1, images=False)
    failed(instraug_here("predict", rows, "-o", tmp_path / "out", *options), 2, said)


@pytest.mark.slow
def test_pictures_split_files_by_bytes(rows: Rows) -> None:
    """Ten rows of 16 MiB each are two files of at most 200 MB."""
    for path in (rows.folder / "images").iterdir():
        path.write_bytes(path.read_bytes().ljust(16 * 2**20, b"\0"))
    chosen = rows.file.read_text().splitlines(keepends=True)[:10]
    rows.file.write_text("".join(chosen))
    done = rows.batch("batch", "-q")
    assert done.returncode == 0, done.stderr
    sizes = [len(file) for file in rows.server.batches.files.values() if len(file) > 1_000_000]
    assert len(sizes) == 2
    assert max(sizes) <= 200_000_000
    assert len(lines(rows.folder / "batch")) == 10
