"""RecordIndex of records are what a dict of them would be, in a sixth of its memory."""

from __future__ import annotations

import hashlib
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from instraug.models.journal.record_index import RecordIndex, packed

KEYS = st.one_of(
    st.integers(0, 400).map(lambda n: hashlib.sha256(str(n).encode()).hexdigest()),
    st.integers(0, 3).map(lambda n: "0" * 63 + str(n)),  # all of them want the same slot
    st.sampled_from(["", "k1", "A" * 64, "g" * 64, "a" * 63]),
)


@given(st.lists(st.tuples(KEYS, st.integers(0, 2**40), st.integers(1, 2**33)), max_size=300))
def test_the_first_place_of_each_key_is_found(rows: list[tuple[str, int, int]]) -> None:
    """Any keys, each as often as it likes: the first place counts, no key is found by mistake."""
    places, wanted = RecordIndex(), dict[str, tuple[int, int]]()
    for key, offset, size in rows:
        places.add(key, offset, size)
        wanted.setdefault(key, (offset, size))
        assert key in places
    assert {key: places.get(key) for key in places} == wanted
    assert len(places) == len(wanted)
    assert "f" * 64 not in places


@given(st.lists(st.tuples(KEYS, st.integers(0, 2**40), st.integers(1, 2**33)), max_size=300))
def test_keys_that_are_placed_late_are_those_of_add(rows: list[tuple[str, int, int]]) -> None:
    """Appended without a look and in parts, the first place of each key counts all the same."""
    places, late = RecordIndex(), RecordIndex()
    for n, (key, offset, size) in enumerate(rows):
        places.add(key, offset, size)
        short = packed(key)
        if isinstance(short, bytes):
            late.append(short, offset, size)
        else:
            late.add(key, offset, size)
        if n % 97 == 0:
            assert len(late) == len(places)
    assert list(late) == list(places)
    assert {key: late.get(key) for key in places} == {key: places.get(key) for key in places}


def test_keys_come_in_order_of_arrival() -> None:
    """As a journal has them."""
    keys = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(200)]
    places = RecordIndex()
    for n, key in enumerate(keys):
        places.add(key, n, 1)
    assert list(places) == keys


def test_a_place_takes_less_than_a_hundred_bytes() -> None:
    """A journal of millions of replies is replayed in memory that any machine has."""
    count = 20_000
    tracemalloc.start()
    try:
        places = RecordIndex()
        for n in range(count):
            places.add(hashlib.sha256(str(n).encode()).hexdigest(), 3000 * n, 3000)
        assert tracemalloc.get_traced_memory()[0] < 100 * count
    finally:
        tracemalloc.stop()
    assert len(places) == count
