"""``expand`` by batch, and by way of files, against a real server on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import failed, instraug_here
from tests.fakeserver import FakeServer, running
from tests.fakeserver.batches import run_offline

FILES = ("instructions.jsonl", "rejected.jsonl")
TASKS = """
name: {name}
instructions:
- 'Decide whether the object {{text}} is shown in {{region}} of the image {name} or not.'
- Describe what the people in this picture {name} are doing now, in one sentence.
- 'Find {{text}} in the image {name} and select the region that holds it.'
"""

REFUSES = (400, {"error": {"message": "Unsupported parameter: 'top_p' is not supported."}})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(TASKS.format(name=name))
    return folder


class Job:
    """One task folder, and the server that it is asked from."""

    def __init__(self, tasks: Path, server: FakeServer) -> None:
        self.tasks, self.server, self.root = tasks, server, tasks.parent

    def run(self, out: str, *more: object) -> subprocess.CompletedProcess[str]:
        given = ("--model", "m", "--base-url", self.server.url, *more)
        return instraug_here("expand", self.tasks, "-o", self.root / out, *given)

    def batch(self, out: str, *more: object) -> subprocess.CompletedProcess[str]:
        return self.run(out, "--batch", "--poll", "0.01", *more)

    def content(self, out: str) -> list[bytes]:
        return [(self.root / out / name).read_bytes() for name in FILES]

    def online(self, *more: object) -> list[bytes]:
        done = self.run("online", "-q", *more)
        assert done.returncode == 0, done.stderr
        return self.content("online")

    def manifest(self, out: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((self.root / out / "manifest.json").read_text())
        return body

    def asked_once(self) -> None:
        """Assert that no request was run twice, by batch or online."""
        assert self.server.batches.bought
        assert set(self.server.batches.bought.values()) == {1}


@pytest.fixture
def job(tasks: Path, server: FakeServer) -> Job:
    return Job(tasks, server)


# ── the same bytes ───────────────────────────────────────────────────────────────────────────


def test_a_batch_brings_the_bytes_of_an_online_run(job: Job) -> None:
    """Same replies, same rows; and going on online, or again by batch, asks for nothing."""
    online = job.online()
    asked = job.server.count
    done = job.batch("batch", "--json")
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online
    summary = json.loads(done.stdout)
    assert summary["complete"] is True
    assert summary["run"]["requests"] == sum(job.server.batches.bought.values())
    assert summary["run"]["ahead"] == summary["run"]["requests"] - asked
    for again in (job.run("batch", "-q"), job.batch("batch", "-q")):
        assert again.returncode == 0, again.stderr
    assert job.server.count == asked
    assert len(job.server.batches.batches) == 1
    assert job.content("batch") == online


def test_the_first_round_asks_the_shortfall_over_the_usual_yield(job: Job) -> None:
    """Five rewrites at a yield of 0.6: nine requests a template."""
    assert job.batch("batch", "-q").returncode == 0
    assert sum(job.server.batches.bought.values()) == 6 * 9


def test_half_online_and_half_by_batch_is_the_same(job: Job) -> None:
    """An online run that its budget ended goes on by batch; nothing is bought twice."""
    online = job.online()
    before = job.server.count
    done = job.run("half", "-q", "--max-requests", 10)
    assert done.returncode == 4, done.stderr
    bought = job.server.count - before
    assert job.batch("half", "-q").returncode == 0
    assert job.content("half") == online
    assert sum(job.server.batches.bought.values()) <= 6 * 9 - bought
    assert job.server.count == before + bought


def test_iterative_rewrites_go_step_by_step(job: Job) -> None:
    """The second step's parents are what the first accepted, as online."""
    online = job.online("--variant", "iterative")
    assert job.batch("batch", "-q", "--variant", "iterative").returncode == 0
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 2


def test_requests_are_split_into_files(job: Job) -> None:
    """No file has more requests than the setting allows; all of them are sent."""
    config = job.root / "c.yaml"
    config.write_text("batch: {requests: 20}\n")
    online = job.online()
    assert job.batch("batch", "-q", "-c", config).returncode == 0
    files = [job.server.batches.files[b.file] for b in job.server.batches.batches.values()]
    assert [f.count(b"\n") for f in files] == [20, 20, 14]
    assert job.content("batch") == online


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("plan", ["partial:3", "expire:20", "expire:0", "short:2"])
def test_what_brought_no_reply_is_sent_again(job: Job, plan: str) -> None:
    """Failed and expired lines are sent once more in the same run; what came is kept; results
    that come short are fetched again."""
    online = job.online()
    job.server.batches.plans = [plan, "good"]
    done = job.batch("batch", "-q")
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online
    job.asked_once()


def test_sending_again_counts_as_no_round(job: Job) -> None:
    """With one round allowed, lines that failed twice are still sent a third time."""
    config = job.root / "c.yaml"
    config.write_text("batch: {rounds: 1}\n")
    online = job.online()
    job.server.batches.plans = ["partial:2", "partial:2", "good"]
    done = job.batch("batch", "-q", "-c", config)
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 3


def test_a_cancelled_batch_is_sent_again_by_the_next_run(job: Job) -> None:
    """Who cancels means it: this run ends with 75 and keeps what came; the next one goes on."""
    online = job.online()
    job.server.batches.plans = ["cancel:10", "good"]
    done = job.batch("batch", "-q")
    assert done.returncode == 75, done.stderr
    assert "run again to send them once more" in done.stderr
    assert len(job.server.batches.batches) == 1
    assert job.batch("batch", "-q").returncode == 0
    assert job.content("batch") == online
    job.asked_once()


def test_sending_again_in_vain_ends(job: Job) -> None:
    """Where nothing at all is run any more, the run ends with 75 and says why."""
    job.server.batches.plans = ["expire:0"]
    done = job.batch("batch", "-q")
    assert done.returncode == 75
    assert "batch_expired" in done.stderr
    assert len(job.server.batches.batches) == 2


def test_a_batch_that_fails_as_a_whole_is_named(job: Job) -> None:
    """Its reason is shown, the exit is 1, and the next run sends its requests again."""
    online = job.online()
    job.server.batches.plans = ["failed:invalid_model", "good"]
    failed(job.batch("batch", "-q"), 1, "batch_0 failed", "invalid_model")
    assert job.batch("batch", "-q").returncode == 0
    assert job.content("batch") == online


def test_a_full_queue_is_waited_for(job: Job) -> None:
    """A batch that the endpoint has no room for is sent again once another one is over."""
    config = job.root / "c.yaml"
    config.write_text("batch: {requests: 30}\n")
    online = job.online()
    job.server.batches.plans = ["good", "failed:token_limit_exceeded", "good"]
    done = job.batch("batch", "-q", "-c", config)
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online


def test_refused_requests_stay_out_as_online(job: Job) -> None:
    """A 400 is the request's own: the round goes on without it, and asks for others instead."""
    job.server.batches.plans = ["refuse:4", "good"]
    done = job.batch("batch", "-q", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["short"] == 0
    assert set(summary["run"]["failed"].values()) == {"HTTP 400: no"}
    job.asked_once()


def test_a_parameter_that_is_refused_is_left_out(job: Job) -> None:
    """Learned from the lines that failed, and remembered by the next run."""
    with running(FakeServer(refuses=["top_p", "max_tokens"])) as server:
        job.server = server
        done = job.batch("batch", "--no-wait", "-q")
        for _ in range(6):
            if done.returncode != 75:
                break
            done = job.batch("batch", "--no-wait", "-q")
        assert done.returncode == 0, done.stderr
        sent = [json.loads(server.batches.files[b.file].split(b"\n")[0])["body"]
                for b in server.batches.batches.values()]  # fmt: skip
        assert "top_p" not in sent[-1]
        assert "max_completion_tokens" in sent[-1]
        assert len(sent) <= 4
        rows = job.manifest("batch")["sent_otherwise"]
        assert {row["parameter"] for row in rows} == {"top_p"}


def test_a_broken_download_is_fetched_again(job: Job) -> None:
    """Results that break off in the middle cost nothing but another fetch."""
    online = job.online()
    job.server.batches.broken = 2
    assert job.batch("batch", "-q").returncode == 0
    assert job.content("batch") == online
    job.asked_once()


@pytest.mark.parametrize("plan", ["gone", "unknown"])
def test_what_the_endpoint_lost_is_bought_again_only_if_forced(job: Job, plan: str) -> None:
    """A batch or its results may belong to another account's key: nothing is sent unasked."""
    online = job.online()
    job.server.batches.plans = [plan, "good"]
    for _ in range(2):
        failed(job.batch("batch", "-q"), 1, "knows no", "--force")
    assert len(job.server.batches.batches) == 1
    done = job.batch("batch", "-q", "--force")
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online


def test_each_call_of_the_api_is_tried_again(job: Job) -> None:
    """The list, the upload, the creation, the look and the download: each fails once."""
    online = job.online()
    faults = ["500", "reset", "503", "html", "429"]
    # After the creation that failed the list is read before it is tried again, twice.
    calls = ["good"] * 9
    job.server.batches.failing = [
        *(faults[0], "good", faults[1], "good", faults[2]),
        *("good", "good", "good", faults[3], "good", faults[4], *calls),
    ]
    done = job.batch("batch", "-q")
    assert done.returncode == 0, done.stderr
    assert len(job.server.batches.failing) == len(calls) - 1
    assert job.content("batch") == online
    job.asked_once()


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_long_pause_ends_the_run_resumably(job: Job, before: int) -> None:
    """At the upload, the creation or the look: 75, and the next run goes on with the same batch."""
    online = job.online()
    job.server.batches.failing = [*["good"] * before, "429:500"]
    failed(job.batch("batch", "-q"), 75, "a pause of 500 s")
    assert job.batch("batch", "-q").returncode == 0
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 1


def test_an_endpoint_without_the_api_is_named(job: Job) -> None:
    """404 for the upload: exit 1, and what to do instead."""
    job.server.batches.failing = ["404", "404"]
    failed(job.batch("batch", "-q"), 1, "has no Batch API", "--write-requests")


def test_a_wrong_key_ends_the_run_at_once(job: Job) -> None:
    """Exit 1 after the first refusal of the upload; nothing is sent."""
    job.server.batches.key = "another_key_of_the_server"
    failed(job.batch("batch", "-q"), 1, "refuses the API key")
    assert not job.server.batches.batches


@pytest.mark.parametrize("plan", ["good", "failed:no"])
def test_the_key_is_shown_and_kept_nowhere(job: Job, plan: str) -> None:
    """Even where the endpoint repeats it in results, or in the reason of a failure."""
    path, key = job.root / "key", "canary_4f1d9c0b7a62e853"
    path.write_text(key)
    path.chmod(0o600)
    job.server.batches.key = job.server.batches.note = key
    job.server.batches.plans = [plan]
    done = job.batch("batch", "--api-key-file", path)
    assert done.returncode == (0 if plan == "good" else 1), done.stderr
    assert key not in done.stderr
    kept = b"".join(p.read_bytes() for p in (job.root / "batch").rglob("*") if p.is_file())
    assert b"batch_0" in kept
    assert key.encode() not in kept


# ── ids ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fates", [["500"], ["lost"], ["lost", "500"], ["500", "lost"]])
def test_a_creation_of_unknown_outcome_is_looked_up(job: Job, fates: list[str]) -> None:
    """A batch whose creation was answered by an error is found in the list, or created again."""
    online = job.online()
    job.server.batches.creating = list(fates)
    done = job.batch("batch", "-q")
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 1


@pytest.mark.parametrize("lost", ["created", "file"])
def test_ids_that_the_journal_lost_are_found_by_the_batchs_metadata(job: Job, lost: str) -> None:
    """A journal whose last records are gone finds its batch on the server, and buys nothing."""
    online = job.online()
    job.server.batches.polls = 1000
    assert job.batch("batch", "-q", "--no-wait").returncode == 75
    journal = job.root / "batch" / "replies.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    cut = next(i for i, line in enumerate(lines) if f'"{lost}":'.encode() in line)
    journal.write_bytes(b"".join(lines[:cut]))
    for batch in job.server.batches.batches.values():
        batch.polls = 0
    done = job.batch("batch", "-q")
    assert done.returncode == 0, done.stderr
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 1


def test_without_a_list_of_batches_a_run_still_ends(job: Job) -> None:
    """Where the endpoint lists nothing, a failed creation is tried again."""
    job.server.batches.listed = False
    job.server.batches.creating = ["500"]
    assert job.batch("batch", "-q").returncode == 0


# ── waiting ──────────────────────────────────────────────────────────────────────────────────


def test_no_wait_ends_once_all_is_sent_and_the_same_command_goes_on(job: Job) -> None:
    """75 while a batch is not over, without sending anything twice; then 0."""
    online = job.online()
    job.server.batches.polls = 2
    codes = [job.batch("batch", "-q", "--no-wait").returncode for _ in range(4)]
    assert codes == [75, 75, 75, 0]
    assert job.content("batch") == online
    assert len(job.server.batches.batches) == 1
    job.asked_once()


def test_what_one_batch_holds_is_not_sent_in_another(job: Job) -> None:
    """While one of two batches is not over, what failed in the other is sent, and nothing else."""
    config = job.root / "c.yaml"
    config.write_text("batch: {requests: 30}\n")
    api = job.server.batches
    api.plans = ["partial:3", "good"]
    assert job.batch("batch", "-q", "-c", config, "--no-wait").returncode == 75
    api.batches["batch_1"].polls = 1000
    assert job.batch("batch", "-q", "-c", config, "--no-wait").returncode == 75
    assert len(api.batches) == 3
    held = {line for line in api.files[api.batches["batch_1"].file].split(b"\n") if line}
    assert held.isdisjoint(api.files[api.batches["batch_2"].file].split(b"\n"))


def test_an_online_run_leaves_alone_what_a_batch_holds(job: Job) -> None:
    """It ends with 75 and says what to do; with --force it buys."""
    online = job.online()
    asked = job.server.count
    job.server.batches.polls = 1000
    assert job.batch("batch", "-q", "--no-wait").returncode == 75
    failed(job.run("batch", "-q"), 75, "in a batch that is open", "--batch")
    assert job.server.count == asked
    assert job.run("batch", "-q", "--force").returncode == 0
    assert job.content("batch") == online


@pytest.mark.parametrize("rest", [False, True])
def test_after_the_last_round_the_rest_is_asked_online_if_asked(job: Job, rest: bool) -> None:
    """A template is in at most so many rounds; then the run ends with 75, or goes on online."""
    config = job.root / "c.yaml"
    config.write_text(f"rewrites: 20\nbatch: {{rounds: 1, online: {str(rest).lower()}}}\n"
                      "rules: {near_duplicate: 0.75}\n")  # fmt: skip
    online = job.online("-c", config)
    asked = job.server.count
    done = job.batch("batch", "-q", "-c", config)
    assert len(job.server.batches.batches) == 1
    if rest:
        assert done.returncode == 0, done.stderr
    else:
        failed(done, 75, "after 1 rounds by batch", "run without --batch")
        assert job.server.count == asked
        assert job.run("batch", "-q", "-c", config).returncode == 0
    assert asked < job.server.count < 2 * asked
    assert job.content("batch") == online


def test_two_rounds_are_usual(job: Job) -> None:
    """What the first round lacks is asked by batch once more."""
    config = job.root / "c.yaml"
    config.write_text("rewrites: 20\nrules: {near_duplicate: 0.75}\n")
    job.batch("batch", "-q", "-c", config)
    assert len(job.server.batches.batches) == 2


# ── budgets ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [("--max-requests", 20), ("--max-tokens", 5_000)])
def test_a_budget_holds_for_batches(job: Job, limit: tuple[str, int]) -> None:
    """The worst case is reserved before a file is sent; a larger budget goes on."""
    online = job.online()
    done = job.batch("batch", "-q", *limit)
    assert done.returncode == 4, done.stderr
    bought = sum(job.server.batches.bought.values())
    assert 0 < bought < 54
    if limit[0] == "--max-requests":
        assert bought == 20
    assert job.batch("batch", "-q").returncode == 0
    assert job.content("batch") == online
    job.asked_once()


def test_what_an_earlier_run_sent_counts_in_this_one(job: Job) -> None:
    """--no-wait twice under one budget sends no more than the budget allows."""
    job.server.batches.polls = 1
    for code in (75, 75, 4):
        done = job.batch("batch", "-q", "--no-wait", "--max-requests", 20)
        assert done.returncode == code, done.stderr
    assert sum(job.server.batches.bought.values()) == 20


# ── files ────────────────────────────────────────────────────────────────────────────────────


def test_an_offline_engine_answers_in_turn_until_nothing_is_left(job: Job) -> None:
    """Requests out, replies in, failed lines again: the bytes of an online run, no call made."""
    online = job.online("--variant", "iterative")
    asked = job.server.count
    requests, replies = job.root / "requests.jsonl", job.root / "replies.jsonl"
    codes = []
    for turn in range(9):
        given = ("-q", "--variant", "iterative")
        done = job.run("files", "--write-requests", requests, *given)
        assert done.returncode == 0, done.stderr
        if not requests.read_bytes():
            break
        replies.write_bytes(b"".join(run_offline(requests.read_bytes(), fails=0 if turn else 3)))
        codes.append(job.run("files", "--read-replies", replies, *given).returncode)
    assert codes == [75, 75, 0]
    assert job.content("files") == online
    assert job.server.count == asked
    assert not job.server.batches.requests


def test_writing_requests_twice_writes_the_same_file_and_judges_nothing(job: Job) -> None:
    """Equal bytes; no rows; each line has our key, and what an endpoint would be sent."""
    requests = job.root / "requests.jsonl"
    texts = []
    for _ in range(2):
        done = job.run("files", "--write-requests", requests, "--json")
        assert json.loads(done.stdout)["requests"] == 54
        texts.append(requests.read_bytes())
    assert texts[0] == texts[1]
    assert not (job.root / "files" / FILES[0]).exists()
    row = json.loads(texts[0].split(b"\n")[0])
    assert row["method"] == "POST"
    assert row["url"] == "/v1/chat/completions"
    assert len(row["custom_id"]) == 64
    assert row["body"]["model"] == "m"


def test_bad_lines_are_grouped_and_nothing_good_is_lost(job: Job) -> None:
    """Damaged, unknown, doubled and failed lines: one line a kind, with count and places."""
    requests, replies = job.root / "requests.jsonl", job.root / "replies.jsonl"
    job.run("files", "--write-requests", requests, "-q")
    good = list(run_offline(requests.read_bytes()))
    unknown = good[0].replace(json.loads(good[0])["custom_id"].encode(), b"request-1")
    bad = [b"{\n", b'{"a": 1}\n', unknown, unknown, unknown, good[3], b"[]\n", b"\xff\n"]
    replies.write_bytes(b"".join([*good, *bad]))
    done = job.run("files", "--read-replies", replies, "-q")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert f"{replies}:55: the line is damaged" in lines[0]
    assert "(2 times, also at" in lines[0]
    assert "no custom_id" in lines[1]
    assert "none of this plan's requests" in lines[2]
    assert "(3 times" in lines[2]
    assert "second reply" in lines[3]
    assert job.content("files") == job.online()


def test_a_foreign_file_is_refused(job: Job) -> None:
    """A file without one line of ours is exit 1, and so is one of requests."""
    job.run("files", "--write-requests", job.root / "requests.jsonl", "-q")
    (job.root / "x.jsonl").write_text('{"custom_id": "a", "response": null}\n')
    failed(job.run("files", "--read-replies", job.root / "x.jsonl", "-q"), 1, "none of this")
    done = job.run("files", "--read-replies", job.root / "requests.jsonl", "-q")
    assert done.returncode == 75
    assert "is a request, not a result" in done.stderr


def test_a_file_of_another_kind_is_not_replaced(job: Job) -> None:
    """--write-requests leaves anything that is no file of requests as it is."""
    other = job.root / "other.txt"
    other.write_text("mine")
    failed(job.run("files", "--write-requests", other, "-q"), 2, "is there already")
    assert other.read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--no-wait"], "--no-wait goes with --batch"),
        (["--poll", "3"], "--poll goes with --batch"),
        (["--batch", "--frozen"], "--batch does not go with --frozen"),
        (["--batch", "--read-replies", "x"], "--batch does not go with --read-replies"),
    ],
)
def test_options_that_do_not_fit_together(job: Job, given: list[str], said: str) -> None:
    """Exit 2, one line."""
    failed(job.run("out", *given), 2, said)


def test_the_embedded_model_has_no_batches(tasks: Path) -> None:
    """--batch and --write-requests need a model that is asked elsewhere."""
    out = tasks.parent / "out"
    for given in (["--batch"], ["--write-requests", tasks.parent / "r.jsonl"]):
        done = instraug_here("expand", tasks, "-o", out, *given, "-q", "--model", "local")
        assert done.returncode == 2, done.stderr
