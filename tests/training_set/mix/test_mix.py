"""``instraug mix``: exact totals, nested sets, the same bytes in any order of sources."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from instraug.training_set.mix import buckets, scan, scanner
from tests.commandline import failed, instraug_here
from tests.sets import write_rows
from tests.training_set.mix.sources import ids, image_row, manifest, mixed, rows, text_row, write

SHARES = [0, 12.5, 25, 37.5, 50, 62.5, 75, 87.5, 100]
SWEEP = ",".join(f"{share:g}" for share in SHARES)


def tokens(path: Path, image: int) -> list[int]:
    """The tokens of each row, by white space."""
    return [
        len(f"{row['prompt']} {row['target']}".split()) + (image if "image_path" in row else 0)
        for row in rows(path)
    ]


def test_the_total_is_exact_and_remainders_go_by_name(tmp_path: Path) -> None:
    """Of 33 rows, halves give 17 to the source whose name comes first; so in either order."""
    text, image = write(tmp_path)
    mixed(f"{text}=50", f"{image}=50", "--total", 33, "-o", tmp_path / "a.jsonl")
    mixed(f"{image}=50", f"{text}=50", "--total", 33, "-o", tmp_path / "b.jsonl")
    assert Counter(i[0] for i in ids(tmp_path / "a.jsonl")) == {"i": 17, "t": 16}
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize("by", ["instances", "tokens"])
def test_sets_of_a_sweep_are_nested_source_by_source(tmp_path: Path, by: str) -> None:
    """More text holds all rows of less text, and the other way round with pictures."""
    text, image = write(tmp_path, 400, 400)
    total = 300 if by == "instances" else 4000
    given = ("--total", total, "--by", by, "--image-tokens", 20, "--sweep", SWEEP)
    mixed(text, image, *given, "-o", tmp_path / "sets")
    sets = []
    for share in SHARES:
        file = tmp_path / "sets" / f"{share:g}.jsonl"
        found = ids(file)
        assert len(found) == len(set(found))
        each = tokens(file, 20)
        off = len(found) - total if by == "instances" else sum(each) - total
        assert abs(off) <= (0 if by == "instances" else max(each)), share
        sets.append(set(found))
    for less, more in pairwise(sets):
        assert {i for i in less if i[0] == "t"} <= {i for i in more if i[0] == "t"}
        assert {i for i in less if i[0] == "i"} >= {i for i in more if i[0] == "i"}
    table = (tmp_path / "sets" / "sweep.tsv").read_text().splitlines()
    assert len(table) == 1 + len(SHARES)
    stated = manifest(tmp_path / "sets")["sets"]
    assert [s["share"] for s in stated] == SHARES
    assert stated[0]["text_only"] == {"rows": 0.0, "tokens": 0.0}


def test_by_tokens_many_sources_are_off_by_half_a_row_in_all(tmp_path: Path) -> None:
    """What one source has too many or too few of is made up for by the next, for any total."""
    names = [tmp_path / f"{letter}.jsonl" for letter in "abcdefgh"]
    for at, name in enumerate(names):
        some = [
            text_row(n, unique_id=f"{at}-{n}", prompt="x " * (7 + 5 * (n % 9))) for n in range(60)
        ]
        write_rows(name, some)
    given = [f"{name}=12.5" for name in names]
    for total in (1001, 1500, 2222, 3777):
        dest = tmp_path / f"{total}.jsonl"
        mixed(*given, "--by", "tokens", "--total", total, "-o", dest)
        each = tokens(dest, 0)
        assert abs(sum(each) - total) <= max(each) / 2, total


def test_a_sweep_to_a_file_writes_one_beside_the_other(tmp_path: Path) -> None:
    """m.jsonl stands for m-SHARE.jsonl, each with a manifest of its own."""
    text, image = write(tmp_path)
    done = mixed(text, image, "--total", 10, "--sweep", "0,50", "-o", tmp_path / "m.jsonl")
    made = {p.name for p in tmp_path.iterdir()} - {"text.jsonl", "image.jsonl"}
    names = {"m-0.jsonl", "m-50.jsonl"}
    assert made == names | {f"{name}.manifest.json" for name in names}
    assert manifest(tmp_path / "m-50.jsonl")["sets"][0]["rows"] == 10
    assert done.stdout.splitlines()[0].split() == [
        *("share", "rows", "tokens", "image_tokens", "text_only_rows", "text_only_tokens"),
        *("rows_of", str(image), "rows_of", str(text)),
    ]


def test_the_others_keep_their_proportions_in_a_sweep(tmp_path: Path) -> None:
    """Where the first source goes from 50 to 20 percent, 30 and 20 become 48 and 32."""
    for name in "abc":
        write_rows(
            tmp_path / f"{name}.jsonl", [text_row(n, unique_id=f"{name}{n}") for n in range(99)]
        )
    given = [
        f"{tmp_path / name}.jsonl={share}" for name, share in (("a", 50), ("b", 30), ("c", 20))
    ]
    mixed(*given, "--total", 100, "--sweep", 20, "-o", tmp_path / "m")
    found = Counter(i[0] for i in ids(tmp_path / "m" / "20.jsonl"))
    assert found == {"a": 20, "b": 48, "c": 32}


def test_the_bytes_depend_on_rows_and_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on the order of sources or of rows, on workers, nor on how much fits in memory."""
    text, image = write(tmp_path, 300, 300)
    given = ("--total", 200, "-o")
    mixed(f"{text}=50", f"{image}=50", *given, tmp_path / "a.jsonl")
    lines = text.read_text().splitlines()
    random.Random(0).shuffle(lines)
    text.write_text("\n".join(lines))
    monkeypatch.setattr(buckets, "_SIZE", 1000)
    monkeypatch.setattr(buckets, "_HELD", 500)
    monkeypatch.setattr(buckets, "_READ", 1000)
    monkeypatch.setattr(scan, "_PIECE", 3000)
    monkeypatch.setattr(scanner, "_BLOCK", 700)
    mixed(f"{image}=50", f"{text}=50", "--workers", 2, *given, tmp_path / "b.jsonl")
    mixed(f"{image}=50", f"{text}=50", "--seed", 1, *given, tmp_path / "c.jsonl")
    a, b, c = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert a == b != c


def test_a_shuffled_set_has_both_kinds_everywhere(tmp_path: Path) -> None:
    """A tenth of a large source and all of a small one are mixed, not one after the other."""
    text, image = write(tmp_path, 2000, 200)
    mixed(f"{text}=50", f"{image}=50", "--total", 400, "-o", tmp_path / "m.jsonl")
    found = [i[0] for i in ids(tmp_path / "m.jsonl")]
    for start in range(0, 400, 100):
        assert 25 < found[start : start + 100].count("t") < 75


def test_sequential_is_one_source_after_the_other_as_given(tmp_path: Path) -> None:
    """MultiInstruct's Sequential: the same rows, first those of the source given first."""
    text, image = write(tmp_path)
    mixed(text, image, "--order", "sequential", "-o", tmp_path / "m.jsonl")
    mixed(image, text, "-o", tmp_path / "shuffled.jsonl")
    found = ids(tmp_path / "m.jsonl")
    assert [i[0] for i in found] == ["t"] * 40 + ["i"] * 40
    assert found[:40] != [f"t{n}" for n in range(40)]
    assert sorted(found) == sorted(ids(tmp_path / "shuffled.jsonl"))


def test_a_cap_is_the_most_rows_that_take_part(tmp_path: Path) -> None:
    """Of a source capped at 5 no more rows are taken, and these are of those taken without."""
    text, image = write(tmp_path)
    mixed(text, image, "--cap", f"{text}=5", "-o", tmp_path / "m.jsonl")
    found = ids(tmp_path / "m.jsonl")
    assert Counter(i[0] for i in found) == {"t": 5, "i": 40}
    more = ("mix", f"{text}=50", f"{image}=50", "--total", 20, "--cap", f"{text}=5")
    done = instraug_here(*more, "-o", tmp_path / "n.jsonl")
    failed(done, 1, "10 rows are wanted, it has 5", "--replace")


def test_rows_come_again_as_evenly_as_can_be(tmp_path: Path) -> None:
    """With --replace, 100 draws of 40 rows take each two or three times; nested over totals."""
    text, _ = write(tmp_path)
    for total in (30, 100):
        dest = tmp_path / f"{total}.jsonl"
        mixed(f"{text}=100", "--total", total, "--replace", "-o", dest)
    found = Counter(ids(tmp_path / "100.jsonl"))
    assert set(found.values()) == {2, 3}
    assert found.total() == 100
    assert Counter(ids(tmp_path / "30.jsonl")) < found
    mixed(f"{text}=100", "--by", "tokens", "--total", 3000, "--replace", "-o", tmp_path / "t.jsonl")
    each = tokens(tmp_path / "t.jsonl", 0)
    assert abs(sum(each) - 3000) <= max(each)
    assert len(each) > 80


def test_shares_are_stated_both_ways(tmp_path: Path) -> None:
    """Half of the rows may be a hundredth of the tokens; both stand in the manifest."""
    text, image = write(tmp_path)
    given = (f"{text}=50", f"{image}=50", "--total", 40, "--image-tokens", "mlan")
    done = mixed(*given, "--json", "-o", tmp_path / "m.jsonl")
    (found,) = json.loads(done.stdout)["sets"]
    assert [found] == manifest(tmp_path / "m.jsonl")["sets"]
    each = tokens(tmp_path / "m.jsonl", 576)
    assert found["tokens"]["total"] == sum(each)
    assert found["tokens"]["image"] == 20 * 576
    assert found["text_only"]["rows"] == 0.5
    assert found["text_only"]["tokens"] == found["sources"][str(text)]["share_of_tokens"] < 0.05
    assert found["interleave_probs"] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (
            ["text.jsonl=50", "image.jsonl=40", "--total", "10"],
            "the shares sum to 90 and not to 100",
        ),
        (["text.jsonl=50", "image.jsonl", "--total", "10"], "image.jsonl: has no share"),
        (["text.jsonl=50", "image.jsonl=50"], "--total is missing"),
        (["text.jsonl=x", "image.jsonl=50", "--total", "9"], "'x' is not a percentage"),
        (["text.jsonl", "--sweep", "0,5", "--total", "9"], "needs a second source"),
        (["text.jsonl", "--cap", "other=5"], "other is none of the sources"),
        (["text.jsonl", "--columns", "a=b"], "sets have no field 'a'"),
        (["text.jsonl", "--image-tokens", "qwen9"], "no family of models is named 'qwen9'"),
        (["text.jsonl", "--tokenizer", "no.json"], "no.json: does not exist"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], what: str
) -> None:
    """It says what is wrong, and nothing is written."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = instraug_here("mix", *args, "-o", "m.jsonl")
    failed(done, 1 if "exist" in what else 2, what)
    assert {p.name for p in tmp_path.iterdir()} == {"text.jsonl", "image.jsonl"}


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["text.jsonl=50", "image.jsonl=50", "--total", "90"], "45 rows are wanted, it has 40"),
        (["text.jsonl=50", "./text.jsonl=50", "--total", "4"], "is the same file as text.jsonl"),
        (["text.jsonl=50", "text.jsonl=50", "--total", "4"], "text.jsonl: is named twice"),
        (["text.jsonl", "gone.jsonl"], "gone.jsonl: does not exist"),
        (["text.jsonl", "llava.json", "alpaca.jsonl"], "alpaca cannot be mixed with llava"),
        (["text.jsonl", "broken.jsonl"], "broken.jsonl:2: invalid JSON"),
        (["text.jsonl", "odd.jsonl"], "odd.jsonl:2: the row has no texts prompt and target (and 1"),
        (["text.jsonl", "none.jsonl"], "none.jsonl: is no built set; name its columns"),
        (["text.jsonl", "empty.jsonl"], "empty.jsonl: holds no row"),
        (
            ["image.jsonl=100", "--total", "9", "--by", "tokens", "--image-tokens", "qwen3-vl"],
            "image.jsonl:1: the size of the row's picture is not known (and 39 more",
        ),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], what: str
) -> None:
    """It names the file, and the line where one means something."""
    write(tmp_path)
    good = json.dumps(text_row(1))
    turn = {"from": "human", "value": "x"}
    (tmp_path / "llava.json").write_text(json.dumps([{"id": "1", "conversations": [turn]}]))
    (tmp_path / "alpaca.jsonl").write_text('{"instruction": "x", "output": "y"}\n')
    (tmp_path / "broken.jsonl").write_text(f'{good}\n{{"prompt": \n{good}\n')
    (tmp_path / "odd.jsonl").write_text(f'{good}\n{{"prompt": 1}}\n{{"a": 1}}\n')
    (tmp_path / "none.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "empty.jsonl").write_text("\n")
    monkeypatch.chdir(tmp_path)
    before = {p.name for p in tmp_path.iterdir()}
    done = instraug_here("mix", *args, "-o", "m.jsonl")
    assert done.returncode == 1
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert {p.name for p in tmp_path.iterdir()} == before


def test_a_destination_is_replaced_with_force_alone(tmp_path: Path) -> None:
    """A set that mix made is replaced with --force; nothing else is, nor a source."""
    text, image = write(tmp_path)
    dest = tmp_path / "m.jsonl"
    mixed(text, image, "-o", dest)
    failed(instraug_here("mix", text, image, "-o", dest), 2, "give --force")
    mixed(text, "--force", "-o", dest)
    assert len(rows(dest)) == 40
    failed(instraug_here("mix", text, "--force", "-o", text), 2, "the set is made of it")


def test_sizes_come_from_rows_or_from_the_pictures(tmp_path: Path) -> None:
    """width and height of a row count, else the file below --images."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "pictures").mkdir()
    image.new("RGB", (640, 480)).save(tmp_path / "pictures" / "0.png")
    source = write_rows(
        tmp_path / "image.jsonl",
        [image_row(0, width=4000, height=3000), {**image_row(1), "image_path": "0.png"}],
    )
    given = ("--total", 13000, "--by", "tokens", "--image-tokens", "qwen3-vl")
    done = mixed(f"{source}=100", *given, "--images", tmp_path / "pictures", "--json", "-o",
                 tmp_path / "m.jsonl", "--replace")  # fmt: skip
    found = json.loads(done.stdout)["sets"][0]
    counts = Counter(ids(tmp_path / "m.jsonl"))
    assert found["tokens"]["image"] == 11750 * counts["i0"] + 300 * counts["i1"]


def test_presets_give_total_and_shares(tmp_path: Path) -> None:
    """A config's shares go to the sources in order; the command line goes over it."""
    text, image = write(tmp_path)
    config = tmp_path / "mine.yaml"
    config.write_text("total: 16\nshares: [87.5, 12.5]\n")
    mixed(text, image, "-c", config, "-o", tmp_path / "m.jsonl")
    assert Counter(i[0] for i in ids(tmp_path / "m.jsonl")) == {"t": 14, "i": 2}
    mixed(f"{text}=50", f"{image}=50", "-c", config, "--total", 8, "-o", tmp_path / "n.jsonl")
    assert Counter(i[0] for i in ids(tmp_path / "n.jsonl")) == {"t": 4, "i": 4}
