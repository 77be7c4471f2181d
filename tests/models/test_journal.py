"""The journal: nothing recorded is lost, whatever happens to the file or the process."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.errors import LockedError, StorageError
from instraug.models.chat import Choice, Reply, Usage
from instraug.models.journal import group_sync as groupsync
from instraug.models.journal.framing import frame
from instraug.models.journal.group_sync import GROUP, SECONDS
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import packed
from instraug.models.journal.replay import Replay


def reply(key: str, text: str = "Is {A}?") -> Reply:
    return Reply(key, "m", (Choice(text, "stop"),), Usage(20, 5), f'["{text}"]')


def written(path: Path, replies: Iterable[Reply]) -> Path:
    with Journal.open(path) as journal:
        for one in replies:
            journal.record(one)
    return path


def kept(path: Path) -> dict[str, Reply | None]:
    with Replay.read(path) as replay:
        return {key: replay.get(key) for key in replay}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, for tests that sync thousands of files; elsewhere an ordinary one."""
    shared = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


FIFTY = [reply(sha(str(n)), f"{n} \u2028é") for n in range(50)]

# Every code point, lone surrogates too, which neither UTF-8 nor orjson takes.
ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)
KEYS = st.one_of(
    st.text("0123456789abcdef", min_size=1, max_size=6),
    st.integers(0, 9).map(lambda n: sha(str(n))),
    st.integers(0, 9).map(lambda n: sha(str(n)).upper()),
    st.just("g" * 64),
)
REPLIES = st.builds(
    Reply,
    key=KEYS,
    model=ANY_TEXT,
    choices=st.lists(st.builds(Choice, st.none() | ANY_TEXT, st.none() | ANY_TEXT)).map(tuple),
    usage=st.builds(Usage, st.integers(0, 2**63), st.integers(0, 2**63), st.booleans()),
    raw=ANY_TEXT,
)


@settings(deadline=None)  # it waits for the disk
@given(st.lists(REPLIES, max_size=8))
def test_any_replies_come_back_as_they_were_and_the_first_of_a_key_wins(
    tmp_path_factory: pytest.TempPathFactory, replies: list[Reply]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "replies.jsonl"
    first: dict[str, Reply | None] = {}
    with Journal.open(path) as journal:
        for one in replies:
            journal.record(one)
            first.setdefault(one.key, one)
            assert journal.get(one.key) == first[one.key]
    assert kept(path) == first
    # In order of arrival, those that are no SHA-256 after the others.
    assert list(kept(path)) == sorted(first, key=lambda key: isinstance(packed(key), str))


@pytest.mark.parametrize(
    "text", ["\ud800", chr(0xDC80) + "a\udfff", chr(0xD83D) + chr(0xDE00), "\0\n"]
)
def test_surrogates_come_back_single_and_in_pairs(tmp_path: Path, text: str) -> None:
    one = Reply("k", text, (Choice(text, text), Choice(None)), Usage(), text)
    assert kept(written(tmp_path / "j", [one])) == {"k": one}
    orjson.loads((tmp_path / "j").read_bytes())


def test_each_line_is_one_json_object_that_holds_the_raw_body(tmp_path: Path) -> None:
    path = written(tmp_path / "j", FIFTY)
    rows = [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    assert [row["raw"] for row in rows] == [r.raw for r in FIFTY]
    assert [row["reply"] for row in rows] == [r.key for r in FIFTY]


@settings(deadline=None)  # it waits for the disk
@given(st.floats(allow_nan=False, allow_infinity=False), KEYS, ANY_TEXT)
def test_a_score_comes_back_to_the_last_bit_for_its_scorer_only(
    tmp_path_factory: pytest.TempPathFactory, value: float, key: str, scorer: str
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal.open(path) as journal:
        journal.record_score(scorer, key, value)
        journal.record_score(scorer, key, value + 1)
    with Replay.read(path) as replay:
        assert replay.score(scorer, key) == value
        assert replay.score(scorer + "2", key) is None
        assert replay.score(scorer, key + "0") is None


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal, pytest.raises(ValueError, match="not a score"):
        journal.record_score("cosine", "k", float("nan"))


def test_unknown_are_the_keys_asked_for_without_reply_or_withdrawal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        assert journal.unknown == frozenset()
        for key in ("answered", "withdrawn", "lost"):
            journal.intend(key)
        journal.record(reply("answered"))
        journal.withdraw("withdrawn")
    with Journal.open(path) as journal:
        assert journal.unknown == {"lost"}
        assert "answered" in journal
        assert "lost" not in journal
        assert len(journal) == 1
        journal.record(reply("lost"))
    with Replay.read(path) as replay:
        assert replay.unknown == frozenset()
        assert replay.get("withdrawn") is None


@pytest.mark.parametrize("key", ["k", sha("k")])
def test_in_joined_journals_the_first_reply_counts_and_a_late_intent_is_not_unknown(
    tmp_path: Path, key: str
) -> None:
    one = written(tmp_path / "1", [reply(key, "first")])
    two = written(tmp_path / "2", [reply(key, "second")])
    with Journal.open(two) as journal:
        journal.intend(key)
    (tmp_path / "j").write_bytes(one.read_bytes() + two.read_bytes())
    with Replay.read(tmp_path / "j") as replay:
        assert replay.get(key) == reply(key, "first")
        assert replay.unknown == frozenset()
        assert len(replay) == 1


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["reply", "intent", "withdrawn", "run", "new", "broken", "garbage"]),
        st.sampled_from(["k1", sha("1"), sha("2"), sha("3"), sha("1").upper()]),
    ),
    max_size=30,
)
BROKEN = {"choices": [{"finish_reason": "error", "message": {"content": None}}]}


@given(EVENTS)
def test_what_a_journal_holds_follows_from_its_records_alone(
    events: list[tuple[str, str]],
) -> None:
    """Whatever the kinds and keys and their order: the first reply of each key, and the keys whose
    last intent is followed by no outcome; a record of a broken reply is none."""
    lines, places, begun = [], dict[str, int](), set[str]()
    for kind, key in events:
        if kind == "garbage":
            lines.append(b"garbage\n")
            continue
        row: dict[str, Any] = {"reply" if kind == "broken" else kind: key}
        if kind in ("reply", "broken"):
            raw = orjson.dumps(BROKEN).decode() if kind == "broken" else "{}"
            row |= {"model": "m", "choices": [[str(len(lines)), "stop"]], "usage": [1, 1, False]}
            row |= {"raw": raw}
            begun.discard(key)
        if kind == "reply":
            places.setdefault(key, len(lines))
        elif kind == "withdrawn":
            begun.discard(key)
        elif kind == "intent":
            begun.add(key)
        lines.append(frame(row))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        path.write_bytes(b"".join(lines))
        with Replay.read(path) as replay:
            found = {key: replay.get(key) for key in replay}
            texts = {key: one.choices[0].text for key, one in found.items() if one}
            assert texts == {key: str(at) for key, at in places.items()}
            assert replay.unknown == begun - places.keys()
            assert len(replay.damage) == sum(kind == "garbage" for kind, _ in events)


@pytest.mark.parametrize("key", ["", 'a"b', "a\\b", "a\nb", "é", "\ud800"])
def test_a_key_that_the_line_could_not_hold_is_refused_before_it_is_written(
    tmp_path: Path, key: str
) -> None:
    with Journal.open(tmp_path / "j") as journal:
        with pytest.raises(ValueError, match="cannot be a journal key"):
            journal.record(reply(key))
        with pytest.raises(ValueError, match="cannot be a journal key"):
            journal.intend(key)
    assert (tmp_path / "j").read_bytes() == b""


def test_a_missing_journal_reads_as_empty_and_is_not_made(tmp_path: Path) -> None:
    with Replay.read(tmp_path / "none") as replay:
        assert len(replay) == 0
        assert replay.get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_reading_changes_nothing_and_needs_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        journal.record(FIFTY[0])
        with path.open("ab") as file:
            file.write(b"torn")
        before = path.read_bytes()
        with Replay.read(path) as replay:
            assert replay.get(FIFTY[0].key) == FIFTY[0]
            assert len(replay.damage) == 1
            assert "the rest is used" in replay.notices[0]
        assert path.read_bytes() == before


def test_the_second_writer_is_refused_and_the_journal_is_free_after_close(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path), pytest.raises(LockedError, match="in use by process"):
        Journal.open(path)
    journal = Journal.open(path)
    journal.close()
    journal.close()
    with pytest.raises(StorageError, match="closed"):
        journal.record(FIFTY[0])


# ── damage ───────────────────────────────────────────────────────────────────────────────────


def test_cut_at_every_byte_keeps_every_whole_record_and_takes_new_ones(memory: Path) -> None:
    """FAULTS 73: a torn tail is set aside and reported, nothing before it is touched."""
    whole = written(memory / "whole", FIFTY).read_bytes()
    ends = [n for n, byte in enumerate(whole) if byte == ord("\n")]  # a record ends before it
    path, more = memory / "cut", reply("ff", "after the cut")
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        records = sum(end <= cut for end in ends)
        torn = whole[:cut][ends[records - 1] + 1 if records else 0 :]
        with Journal.open(path) as journal:
            assert [journal.get(key) for key in journal] == FIFTY[:records]
            assert bool(journal.notices) == bool(torn)
            assert ("torn off" in "".join(journal.notices)) == bool(torn)
            if cut % 5 == 0:
                journal.record(more)
        assert path.read_bytes().startswith(whole[: ends[records - 1] + 1] if records else b"")
        if cut % 5 == 0:
            assert list(kept(path).values()) == [*FIFTY[:records], more]
        for aside in memory.glob("cut.damaged-*"):
            assert aside.read_bytes() == torn + b"\n"
            aside.unlink()


def flips(whole: bytes, count: int) -> Iterable[tuple[int, bytes]]:
    dice = random.Random(7)
    for _ in range(count):
        at = dice.randrange(len(whole))
        other = dice.choice([b for b in range(256) if b != whole[at]])
        yield at, whole[:at] + bytes([other]) + whole[at + 1 :]
    for at in (n for n, byte in enumerate(whole) if byte == ord("\n")):
        yield at, whole[:at] + b"x" + whole[at + 1 :]


def test_after_1000_single_byte_flips_all_other_records_are_there(memory: Path) -> None:
    """FAULTS 74: a corrupt record is set aside and reported; a lost newline loses no record."""
    whole = written(memory / "whole", FIFTY).read_bytes()
    starts = [0] + [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    path = memory / "flipped"
    for at, flipped in flips(whole, 1000):
        hit = sum(start <= at for start in starts) - 1
        lost = whole[at] != ord("\n")
        expected = [r for n, r in enumerate(FIFTY) if not (lost and n == hit)]
        path.write_bytes(flipped)
        assert list(kept(path).values()) == expected
        with Journal.open(path) as journal:
            assert [journal.get(key) for key in journal] == expected
            assert len(journal.notices) == 1
            journal.record(FIFTY[hit])
        with Replay.read(path) as replay:
            assert not replay.damage
            assert {key: replay.get(key) for key in replay} == {r.key: r for r in FIFTY}
        for aside in memory.glob("flipped.damaged-*"):
            aside.unlink()


@pytest.mark.parametrize(
    ("name", "garbage"),
    [
        ("NUL bytes that a power cut leaves", bytes(5000)),
        ("a line of another tool", b'{"note": "hello"}\n'),
        ("the head of a record glued to the next", b'{"crc":"00000000","reply":"k'),
        ("an unknown text encoding", b"\xff\xfe\x00\n\x00\n"),
    ],
)
def test_garbage_between_records_is_set_aside_whole(
    tmp_path: Path, name: str, garbage: bytes
) -> None:
    lines = written(tmp_path / "j", FIFTY[:4]).read_bytes().splitlines(True)
    path = tmp_path / "j"
    path.write_bytes(b"".join(lines[:2]) + garbage + b"".join(lines[2:]))
    with Journal.open(path) as journal:
        assert [journal.get(key) for key in journal] == FIFTY[:4]
        assert "set aside in j.damaged-1" in journal.notices[0]
    saved = (tmp_path / "j.damaged-1").read_bytes()
    assert saved.replace(b"\n", b"") == garbage.replace(b"\n", b"")
    with Journal.open(path) as journal:
        assert journal.notices == []


def test_a_set_aside_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for n in (1, 2, 3):
        path.write_bytes(f"torn {n}".encode())
        Journal.open(path).close()
    found = {f.name: f.read_bytes() for f in tmp_path.glob("j.damaged-*")}
    assert found == {f"j.damaged-{n}": f"torn {n}\n".encode() for n in (1, 2, 3)}


def test_a_thousand_damaged_lines_make_one_short_notice(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"x\n" * 1000)
    with Journal.open(path) as journal:
        (notice,) = journal.notices
    assert "1000 damaged records" in notice
    assert len(notice) < 300 + len(str(path))


@settings(deadline=None)  # it waits for the disk
@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\n", b'{"crc":"'])))
def test_any_bytes_are_read_without_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    path.write_bytes(b"".join(parts))
    with Journal.open(path) as journal:
        journal.record(FIFTY[0])
    assert kept(path) == {FIFTY[0].key: FIFTY[0]}


@pytest.mark.parametrize(
    "row",
    [
        {"reply": "k"},
        {"reply": "k", "model": 1, "choices": [[1]], "usage": [], "raw": ""},
        {"reply": "k", "model": {"code_points": [-1]}, "choices": [], "usage": [], "raw": ""},
    ],
)
def test_a_forged_record_with_a_right_checksum_is_an_error_of_one_line(
    tmp_path: Path, row: dict[str, object]
) -> None:
    path = tmp_path / "j"
    path.write_bytes(frame(row) + frame({"score": "k"}) + frame({"newer": "k"}) + frame({"x": 1}))
    with path.open("ab") as file:
        file.write(frame({"score": "k", "scorer": "s", "value": "high"}))
    with Replay.read(path) as replay:
        assert replay.damage == []
        assert replay.score("s", "k") is None
        with pytest.raises(StorageError, match="the record at byte 0 holds no reply"):
            replay.get("k")


# ── the process dies ─────────────────────────────────────────────────────────────────────────

WRITER = """
import sys
from pathlib import Path
from instraug.models.chat import Choice, Reply, Usage
from instraug.models.journal.journal import Journal
with Journal.open(Path(sys.argv[1])) as journal:
    print("up", *journal.notices, flush=True)
    start = len(journal)
    for n in range(start, start + 10**9):
        key = f"{n:064x}"
        journal.intend(key)
        journal.record(Reply(key, "m", (Choice("x" * (n % 3000), "stop"),), Usage(1, 2), "r" * n))
        print(key, flush=True)
"""


def killed(path: Path, after: float) -> list[str]:
    """Run a real writer, SIGKILL it, and return the keys that `record` had returned for."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    hello = child.stdout.readline()
    # A kill may tear the write it falls into, never one that returned.
    assert hello == "up\n" or ("1 damaged records" in hello and "torn off" in hello)
    # Its output is drained while it runs: a full pipe would stop it.
    lines: list[str] = []
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        lines.append(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")]


def test_a_killed_writer_loses_no_recorded_reply(tmp_path: Path) -> None:
    """FAULTS 73: a reply whose record() returned is there after SIGKILL, 20 times over."""
    path, dice, told = tmp_path / "j", random.Random(3), set[str]()
    for _ in range(20):
        told.update(killed(path, dice.uniform(0, 0.05)))
        with Replay.read(path) as replay:
            assert told <= set(replay)
            assert len(replay.unknown) <= 1
    assert len(told) > 20


# ── grouped sync ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times of every fdatasync, which still happens."""
    times: list[float] = []
    real: Callable[[int], None] = os.fdatasync

    def watched(fd: int) -> None:
        real(fd)
        times.append(time.monotonic())

    monkeypatch.setattr(os, "fdatasync", watched)
    return times


def test_a_lone_record_is_synced_soon_and_without_another_call(
    tmp_path: Path, synced: list[float]
) -> None:
    with Journal.open(tmp_path / "j") as journal:
        start = time.monotonic()
        journal.record(FIFTY[0])
        while not synced and time.monotonic() < start + 10:
            time.sleep(0.01)
        assert len(synced) == 1
        assert synced[0] - start >= SECONDS


def test_a_full_group_is_synced_at_once_and_many_records_share_a_sync(
    tmp_path: Path, synced: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groupsync, "SECONDS", 60)
    with Journal.open(tmp_path / "j") as journal:
        journal.record(reply("0"))
        time.sleep(0.05)
        assert synced == []
        start = time.monotonic()
        for n in range(1, GROUP):
            journal.record(reply(f"{n:x}"))
        while not synced and time.monotonic() < start + 10:
            time.sleep(0.001)
        assert len(synced) == 1
        for n in range(GROUP, GROUP * 20):
            journal.record(reply(f"{n:x}"))
        assert len(synced) <= 20


def test_a_new_journals_name_and_a_repair_are_synced_before_it_is_used(
    tmp_path: Path, synced: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, fsync = [], os.fsync

    def watched(fd: int) -> None:
        folders.append(stat.S_ISDIR(os.fstat(fd).st_mode))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", watched)
    with Journal.open(tmp_path / "j"):
        assert folders == [True]
        assert synced == []
    synced.clear()
    (tmp_path / "j").write_bytes(b"torn")
    with Journal.open(tmp_path / "j"):
        assert folders == [True, False, True, True]  # what was set aside, too
        assert len(synced) == 1


def test_sync_and_close_wait_for_the_disk(tmp_path: Path, synced: list[float]) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record(FIFTY[0])
        journal.sync()
        assert len(synced) == 1
    assert len(synced) == 2
