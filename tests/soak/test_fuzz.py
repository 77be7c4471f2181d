"""Every parser against 100,000 inputs: typed errors only, no hang, bounded memory."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from instraug.models.journal.framing import frame
from tests.child import environment
from tests.commandline import instraug
from tests.fakeserver import FakeServer, running
from tests.soak.corpus import ANSWER, REPLIES, mutated, reshaped, seeds
from tests.soak.scale import times
from tests.soak.scratch import scratch
from tests.soak.targets import TARGETS, Target

pytestmark = pytest.mark.slow

BATCH = 20
"""Inputs made of each example that hypothesis draws; it alone would take most of the time."""
MEMORY = 300 << 10
"""KiB that a whole test may add to the process."""
SECONDS = 10
"""For a batch."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


class Hang(Exception):
    """A batch took too long."""


def _hung(signum: int, frame: object) -> None:
    raise Hang


@contextmanager
def watched() -> Iterator[None]:
    """Raise `Hang` where the block takes too long."""
    signal.signal(signal.SIGALRM, _hung)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


Maker = Callable[[bytes, random.Random], bytes]


def fuzz(
    target: Target, folder: Path, begin: list[bytes], make: Maker, whole: int = 100_000
) -> None:
    """Try a target on this run's share of the whole."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=max(1, times(whole) // BATCH),
        deadline=None,
        database=None,
        phases=[Phase.generate],  # shrinking a batch takes long; the input is printed
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(begin) | st.binary(max_size=200), st.integers(0, 2**63))
    def run(base: bytes, seed: int) -> None:
        chance = random.Random(seed)
        for data in [base, *(make(base, chance) for _ in range(BATCH - 1))]:
            with watched():
                try:
                    target(data, folder)
                except BaseException:
                    print(f"input: {data!r}")  # noqa: T201 - pytest shows it with the failure
                    raise

    run()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"manifest"}))
def test_bytes_of_any_kind_get_a_typed_answer(name: str, folder: Path) -> None:
    """Task YAML, config, JSONL, compressed JSONL, tables, source, templates, replies, journals."""
    fuzz(TARGETS[name], folder, seeds(name), mutated)


def dumped(shape: Any) -> Maker:
    """Make JSON of one shape, its values changed."""

    def make(_base: bytes, chance: random.Random) -> bytes:
        try:
            return orjson.dumps(reshaped(shape, chance))
        except orjson.JSONEncodeError:  # a lone surrogate
            return b"{}"

    return make


def test_a_manifest_of_any_shape_gets_a_typed_answer(folder: Path) -> None:
    """``verify`` and ``filter`` meet whatever a manifest says."""
    with running(FakeServer()) as server:
        given = ("--model", "m", "--base-url", server.url, "-o", folder, "--rewrites", 1)
        done = instraug("expand", "examples/tasks", *given, "--only", "color*")
    assert done.returncode == 0, done.stderr
    body = orjson.loads((folder / "manifest.json").read_bytes())
    fuzz(TARGETS["manifest"], folder, [orjson.dumps(body)], dumped(body), 2_000)


def test_a_record_of_any_shape_gets_a_typed_answer(folder: Path) -> None:
    """The checksum is right and the shape is not: as from another version."""

    def make(_base: bytes, chance: random.Random) -> bytes:
        lines = [frame(reshaped(r, chance) if chance.random() < 0.5 else r) for r in REPLIES]
        return b"".join(lines)

    fuzz(TARGETS["journal"], folder, seeds("journal"), make)


def test_an_answer_of_any_shape_gets_a_typed_answer(folder: Path) -> None:
    """Well-formed JSON that is nearly a chat completion."""
    from tests.fakeserver import answers

    fuzz(TARGETS["reply"], folder, seeds("reply"), dumped(answers.chat(ANSWER)))


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("name", ["task_yaml", "jsonl", "table", "template", "reply", "journal"])
def test_fuzzing_led_by_coverage_finds_nothing(name: str, folder: Path) -> None:
    """The same, by atheris."""
    command = [sys.executable, "-m", "tests.soak.guided", name, str(folder), str(times(100_000))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
