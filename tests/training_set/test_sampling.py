"""Draws, shuffles and ranks come from a hash: fair, independent, and the same everywhere."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from itertools import permutations
from math import factorial, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.training_set.sampling import HIGHEST, Ranks, Smallest, drawer, ranker, shuffled

OWN, GROWN = ["o0", "o1", "o2"], ["g0", "g1", "g2", "g3", "g4"]


def draws(epsilon: float, count: int = 20_000, **given: list[str]) -> Counter[str]:
    draw = drawer(7, "task", given.get("own", OWN), given.get("grown", GROWN), epsilon)
    return Counter(draw(f"row {i}")[0] for i in range(count))


def close(found: int, of: int, share: float) -> bool:
    """Whether a count is within five standard deviations of what a fair draw gives."""
    return abs(found - of * share) <= 5 * sqrt(of * share * (1 - share)) + 1e-9


@pytest.mark.parametrize("epsilon", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_an_original_comes_with_probability_epsilon(epsilon: float) -> None:
    """The share of hand-written instructions is epsilon, and exact at 0 and at 1."""
    found = draws(epsilon)
    assert close(sum(found[o] for o in OWN), 20_000, epsilon)


def test_each_kind_is_uniform() -> None:
    """Originals are equally likely among themselves, and so are generated ones."""
    found = draws(0.5)
    assert all(close(found[o], 20_000, 0.5 / 3) for o in OWN)
    assert all(close(found[g], 20_000, 0.5 / 5) for g in GROWN)


def test_the_instruction_says_nothing_about_the_order_of_options() -> None:
    """Each of six instructions of either kind meets each of six orders equally often."""
    draw = drawer(7, "task", "abcdef", "ABCDEF", 0.5)
    found = Counter((i, order % 6) for i, order in (draw(f"row {i}") for i in range(20_000)))
    assert len(found) == 72
    assert all(close(count, 20_000, 1 / 72) for count in found.values())


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
def test_an_empty_kind_leaves_all_the_mass_to_the_other(epsilon: float) -> None:
    """Without rewrites every row gets an original, and without originals a rewrite."""
    assert set(draws(epsilon, grown=[])) == set(OWN)
    assert set(draws(epsilon, own=[])) == set(GROWN)


def test_draws_are_these_on_every_platform() -> None:
    """Fixed values: a change of them would change every set that anybody builds again."""
    draw = drawer(0, "caption", OWN, GROWN, 0.5)
    assert [draw(i) for i in ("a", "b", "é")] == [
        ("o0", 3645439717431272813),
        ("o1", 3294328147341144303),
        ("g3", 11448113974610243088),
    ]
    assert ranker(0, "caption")("a", b"{}\n") == 139124944847621447189298659682829071922


def test_draws_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    """Another process with another PYTHONHASHSEED draws the same."""
    code = (
        "from instraug.training_set.sampling import drawer\n"
        "d = drawer(3, 't', list('abc'), list('defg'), 0.5)\n"
        "import json; print(json.dumps([d(str(i)) for i in range(50)]))"
    )
    env = {"PYTHONHASHSEED": "77", "PATH": ""}
    found = json.loads(subprocess.check_output([sys.executable, "-c", code], env=env))
    draw = drawer(3, "t", list("abc"), list("defg"), 0.5)
    assert found == [list(draw(str(i))) for i in range(50)]


@pytest.mark.parametrize(("seed", "task"), [(8, "task"), (7, "other")])
def test_another_seed_or_task_draws_anew(seed: int, task: str) -> None:
    """Ids recur across tasks; the draws of one tell nothing of those of another."""
    first, second = drawer(7, "task", range(10), [], 1), drawer(seed, task, range(10), [], 1)
    same = sum(first(str(i))[0] == second(str(i))[0] for i in range(10_000))
    assert close(same, 10_000, 0.1)


@pytest.mark.parametrize("size", range(8))
def test_each_order_stands_for_one_number(size: int) -> None:
    """Counting through as many numbers as there are orders gives each order once."""
    items = list("abcdefgh"[:size])
    found = {tuple(shuffled(items, n)) for n in range(factorial(size))}
    assert found == set(permutations(items))


@pytest.mark.parametrize("size", [2, 4, 6, 7, 11, 12, 13, 20, 21, 40])
def test_shuffling_is_fair_at_every_position(size: int) -> None:
    """Every item is equally likely at every position, whichever way the order is found."""
    rng = random.Random(size)
    count = 4_000
    seen = Counter(
        (item, at)
        for _ in range(count)
        for at, item in enumerate(shuffled(list(range(size)), rng.getrandbits(64)))
    )
    assert all(close(seen[i, at], count, 1 / size) for i in range(size) for at in range(size))


def test_the_orders_of_twenty_items_are_equally_likely() -> None:
    """They are a seventh of what 64 bits can name: the last item must not tend to the front."""
    rng = random.Random(20)
    found = [list(shuffled(range(20), rng.getrandbits(64))).index(19) for _ in range(20_000)]
    assert close(sum(at < 10 for at in found), 20_000, 0.5)


@given(st.lists(st.text(), max_size=30), st.integers(0, 2**64 - 1))
def test_shuffling_loses_and_adds_nothing(items: list[str], number: int) -> None:
    """A shuffled list holds what it held, repeats too, and the list given stays as it was."""
    before = list(items)
    assert sorted(shuffled(items, number)) == sorted(before)
    assert items == before


@given(
    st.lists(st.integers(0, 500), max_size=200),
    st.integers(1, 20),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_the_limit_keeps_the_smallest_whatever_the_order(
    ranks: list[int], wanted: int, parts: int, rng: random.Random
) -> None:
    """In any order, in any parts, as many of the smallest as are wanted, equal ones as one."""
    rng.shuffle(ranks)
    all_ranks = Ranks(wanted)
    for part in range(parts):
        smallest = Smallest(wanted, all_ranks.bounds().get("t", HIGHEST))
        for rank in ranks[part::parts]:
            smallest.add(rank)
        all_ranks.merge({"t": smallest.held()})
    limit = all_ranks.limits().get("t")
    kept = sorted(r for r in ranks if limit is None or r < limit)
    expected = sorted(ranks)[:wanted]
    if len(ranks) > wanted:
        expected = [r for r in expected if r < sorted(ranks)[wanted]]
    assert kept == expected


def test_smallest_holds_no_more_than_a_few_times_what_is_wanted() -> None:
    """Memory depends on how many are wanted, not on how many there are."""
    smallest = Smallest(10)
    rng = random.Random(0)
    for _ in range(50_000):
        smallest.add(rng.getrandbits(128))
        assert len(smallest._ranks) <= 2 * 10 + 65
    assert len(smallest.held()) == 11


def test_the_end_of_a_line_is_no_part_of_a_row() -> None:
    """The last line of a file may lack its newline."""
    rank = ranker(0, "t")
    assert rank("a", b"{}") == rank("a", b"{}\n") == rank("a", b"{}\r\n")


def test_rows_of_one_id_differ_in_rank_by_their_content() -> None:
    """The id decides first; equal ids are told apart by the row, equal rows are not."""
    rank = ranker(0, "t")
    assert rank("a", b"1") >> 64 == rank("a", b"2") >> 64
    assert rank("a", b"1") != rank("a", b"2")
    assert rank("a", b"1") == rank("a", b"1")
    assert rank("a", b"1") >> 64 != rank("b", b"1") >> 64
