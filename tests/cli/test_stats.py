"""``instraug stats`` reads what expand and build leave, and prints tables or one JSON object."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from instraug.cli import main
from instraug.tasks.load import load_tasks
from instraug.tasks.records import Template
from instraug.tasks.rendering import renderer
from tests.commandline import instraug_here

ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "examples" / "tasks"
TRAIN = ROOT / "examples" / "instances" / "train.jsonl"
TEST = ROOT / "examples" / "instances" / "test.jsonl"


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def stats(*arguments: str | Path) -> Done:
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["instraug", "stats", *map(str, arguments)])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def figures(*arguments: str | Path) -> dict[str, Any]:
    done = stats(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def pool_rows() -> list[dict[str, Any]]:
    """The examples' originals, each with one rewrite where its task is for training."""
    rows = []
    for task in load_tasks(TASKS):
        for template in task.templates:
            grown = Template(task.name, f"Please note: {template.text}", template.origin)
            kinds = [(template, "original"), (grown, "generated")]
            rows += [
                {
                    "id": t.id,
                    "task": t.task,
                    "instruction": t.text,
                    "source": source,
                    "origin": t.origin,
                }
                for t, source in kinds[: 1 if task.split == "eval" else 2]
            ]
    return rows


def built_rows() -> list[dict[str, Any]]:
    """Every training instance of the examples with every instruction of its pool."""
    tasks = {task.name: task for task in load_tasks(TASKS)}
    instances = [json.loads(line) for line in TRAIN.read_text("utf-8").split("\n") if line]
    return [
        {
            **instance,
            "prompt": renderer(row["instruction"], tasks[row["task"]])(instance),
            "instruction_id": row["id"],
        }
        for instance in instances
        for row in pool_rows()
        if row["task"] == instance["task_name"]
    ]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    (folder / "instructions.jsonl").write_text(lines(pool_rows()))
    (folder / "replies.jsonl").write_text("not for these figures\n")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("built") / "train.jsonl"
    file.write_text(lines(built_rows()))
    return file


def test_an_output_folder_of_expand_is_told_by_its_instructions(pool: Path) -> None:
    found = figures(pool)
    assert found["kind"] == "pool"
    total = found["total"]
    assert (total["tasks"], total["before"], total["after"]) == (13, 65, 120)
    assert {t["task"]: t["factor"] for t in found["tasks"]}["spatial_claim"] == 1.0
    assert figures(pool / "instructions.jsonl") == found


def test_tables_are_aligned_and_end_in_a_line_for_all_tasks(pool: Path) -> None:
    done = stats(pool)
    assert (done.returncode, done.stderr) == (0, "")
    table = done.stdout.split("\n\n")[0].split("\n")
    assert len(table) == 1 + 13 + 1
    assert len(set(map(len, table))) == 1
    assert table[0].split()[:4] == ["task", "before", "after", "factor"]
    assert table[-1].split()[:4] == ["all", "65", "120", "1.846"]
    assert re.search(r"^generated +55 ", done.stdout, re.MULTILINE)
    assert "#" * 40 in done.stdout


def test_texts_that_tasks_share_are_listed(tmp_path: Path) -> None:
    row = {"instruction": "Look", "source": "original", "origin": 0}
    (tmp_path / "instructions.jsonl").write_text(lines([{"task": t, **row} for t in "ab"]))
    done = stats(tmp_path)
    assert "texts that several tasks share: 1 (2 instructions)\n  a, b: look\n" in done.stdout


def test_a_built_set_has_rows_proportion_duplicates_and_overlap(pool: Path, built: Path) -> None:
    instructions = ("--instructions", pool / "instructions.jsonl")
    found = figures(built, "--tasks", TASKS, *instructions, "--evaluation", TEST)
    assert found["kind"] == "rows"
    assert found["total"]["rows"] == found["total"]["known_rows"] == 33 * 10
    assert found["total"]["original_share"] == 0.5
    by_task = {task["task"]: task for task in found["tasks"]}
    # Each template holds the phrase to find once, and no other value.
    rows = [row for row in built_rows() if row["task_name"] == "find_object"]
    phrases, prompts = (sum(len(row[k].split()) for row in rows) for k in ("text", "prompt"))
    assert by_task["find_object"]["instance_text_proportion"] == phrases / prompts
    assert found["duplicates"] == {"across": 0, "rows": 0, "repeated": 0}
    assert found["overlap"]["evaluation_rows"] == 6
    assert found["overlap"]["any"] == 0


def test_training_rows_that_are_evaluation_rows_are_shown(built: Path) -> None:
    done = stats(built, "--evaluation", TRAIN, "--evaluation", TEST)
    assert "rows that share with 39 evaluation rows" in done.stdout
    assert "  image: 330\n" in done.stdout
    assert "  object_count object_count_1: image, text\n" in done.stdout


def test_only_originals_are_known_without_the_pool(built: Path) -> None:
    total = figures(built, "--tasks", TASKS)["total"]
    assert (total["rows"], total["known_rows"], total["original_share"]) == (330, 165, 0.5)


def as_tsv(file: Path, rows: list[dict[str, Any]]) -> None:
    columns = ["unique_id", "task_name", "image_path", "prompt", "instruction_id"]
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, columns, delimiter="\t", extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


@pytest.mark.parametrize("name", ["rows.json", "rows.tsv", "rows.jsonl.gz", "folder"])
def test_every_file_a_set_is_built_into_gives_the_same_figures(
    tmp_path: Path, built: Path, name: str
) -> None:
    rows, file = built_rows(), tmp_path / name
    if name == "folder":
        file.mkdir()
        (file / "1.jsonl").write_text(lines(rows[:50]))
        (file / "2.jsonl").write_text(lines(rows[50:]))
        (file / "manifest.json").write_text("{}")
        (file / "README.md").write_text("# A set")
        (file / ".set.1.tmp").mkdir()
        (file / ".set.1.tmp" / "left.jsonl").write_text("{")
    elif name == "rows.tsv":
        as_tsv(file, rows)
    elif name == "rows.json":
        file.write_text(json.dumps(rows))
    else:
        file.write_bytes(gzip.compress(lines(rows).encode()))
    assert figures(file, "--tasks", TASKS) == figures(built, "--tasks", TASKS)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.jsonl", b'{"prompt": "x"}\n', "a.jsonl:1: the row has no text 'task_name'; "),
        ("a.jsonl", b'{"task_name": "t", "prompt": 7}\n', "a.jsonl:1: the row has no text 'pro"),
        ("a.jsonl", b"{}\n[]\n", "a.jsonl:1: the row has no text 'prompt'; "),
        ("a.json", b"[1]", "a.json: not a list of objects; "),
        ("a.json", b"[\n[}", "a.json:2: invalid JSON"),
        ("a.tsv", b"prompt\ttask_name\nx\n", "a.tsv:2: not 2 columns, as the header has; "),
        ("a.tsv", b"prompt\ttask_name\nx\ty\tz\n", "a.tsv:2: not 2 columns"),
        ("a.tsv", b'prompt\ttask_name\n"x"y\tz\n', "a.tsv:2: "),
        ("a.tsv", b"prompt\ttask_name\n\xff\tz\n", "a.tsv: not UTF-8; "),
        ("a.csv", b"prompt\n", "a.csv: the name does not end in .jsonl, .json, .tsv; "),
        ("instructions.jsonl", b'{"task": "t"}\n', "instructions.jsonl:1: the row has no text 'i"),
        ("manifest.json", b"{}", "no file here ends in .jsonl, .json, .tsv; "),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_exit_1(
    tmp_path: Path, name: str, content: bytes, line: str
) -> None:
    (tmp_path / name).write_bytes(content)
    done = stats(tmp_path if name == "manifest.json" else tmp_path / name)
    assert (done.returncode, done.stdout) == (1, "")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_missing_path_is_one_line_and_exit_1(tmp_path: Path) -> None:
    done = stats(tmp_path / "none.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "none.jsonl" in done.stderr


def test_options_of_a_built_set_do_not_go_with_a_pool(pool: Path, built: Path) -> None:
    for arguments in ((pool, "--tasks", TASKS), (built, "--instructions", pool)):
        done = stats(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1


def test_a_long_prompt_is_read_from_a_table(tmp_path: Path) -> None:
    """Of any length that a line may have."""
    as_tsv(tmp_path / "a.tsv", [{**built_rows()[0], "prompt": "x" * (1 << 24) + " y"}])
    assert figures(tmp_path / "a.tsv")["total"]["rows"] == 1


def test_an_empty_set_has_figures_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    assert figures(tmp_path / "a.jsonl")["total"]["rows"] == 0
    assert "no rows" in stats(tmp_path / "a.jsonl").stdout


def test_terminal_escapes_of_the_data_are_not_printed(tmp_path: Path) -> None:
    bell = "\x1b]0;red\x07"  # a window title; click itself drops colors only
    row = {"task_name": bell, "prompt": "x", "unique_id": bell, "image_path": "a"}
    (tmp_path / "a.jsonl").write_text(lines([row]))
    done = stats(tmp_path / "a.jsonl", "--evaluation", tmp_path / "a.jsonl")
    assert done.stdout.count("0;red") == 3
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def test_every_key_of_the_json_is_in_the_docs(pool: Path, built: Path) -> None:
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "statistics.md").read_text("utf-8")))
    printed = keys_of(figures(pool, "--near-duplicates")) | keys_of(
        figures(built, "--evaluation", TRAIN)
    )
    assert printed - told == set()


def test_every_option_is_in_the_docs() -> None:
    docs = (ROOT / "docs" / "statistics.md").read_text("utf-8")
    offered = set(re.findall(r"--[a-z-]+", stats("--help").stdout)) - {"--help"}
    assert offered == {
        *("--tasks", "--instructions", "--evaluation", "--json"),
        *("--near-duplicates", "--threshold", "--pairs"),
    }
    assert offered <= set(re.findall(r"--[a-z-]+", docs))


@pytest.mark.parametrize("name", ["rows.jsonl", "instructions.jsonl"])
def test_a_file_without_rows_is_one_line(name: str, tmp_path: Path) -> None:
    """No table of dashes stands where there is nothing to count."""
    path = tmp_path / name
    path.touch()
    assert instraug_here("stats", path).stdout == f"{path}: no rows\n"


# ── near-duplicates ──────────────────────────────────────────────────────────────────────────


def near_pool(folder: Path) -> Path:
    """Two tasks with an original each; three rewrites that are near, one of them across tasks."""
    long = "look closely at this picture and say in one short sentence what the man is doing"
    rows = [
        ("a", long, "original"),
        ("a", "Describe the weather.", "generated"),
        ("a", long.replace("short", "brief") + " there now today right here", "generated"),
        ("b", "Name the colour of {text}.", "original"),
        ("b", f"{long} now", "generated"),
        ("b", long.upper(), "generated"),
        ("b", "name the colour of {text}", "generated"),
    ]
    path = folder / "instructions.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"i{n}", "task": t, "instruction": i, "source": s, "origin": 0})
            + "\n"
            for n, (t, i, s) in enumerate(rows)
        )
    )
    return path


def test_near_duplicates_of_a_pool_are_counted_and_listed(tmp_path: Path) -> None:
    """Pairs across tasks too, hand-written ones first, each with its score."""
    pool, pairs = near_pool(tmp_path), tmp_path / "pairs.jsonl"
    near = figures(pool, "--near-duplicates", "--pairs", pairs)["near_duplicates"]
    assert {name: near[name] for name in near if name != "examples"} == {
        "threshold": 0.95,
        "pairs": 3,
        "across_tasks": 2,
        "instructions": 5,
        "left_out": 3,
    }
    listed = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert near["examples"] == listed
    assert [(row["one"]["id"], row["other"]["id"]) for row in listed] == [
        ("i0", "i4"),
        ("i0", "i5"),
        ("i3", "i6"),
    ]
    assert [round(row["rouge_l"], 3) for row in listed] == [0.97, 1.0, 1.0]
    assert figures(pool)["near_duplicates"] is None
    wide = figures(pool, "--near-duplicates", "--threshold", "0.7")["near_duplicates"]
    assert (wide["threshold"], wide["pairs"]) == (0.7, 5)


def test_near_duplicates_stand_in_the_table(tmp_path: Path) -> None:
    """With what a build would leave out."""
    done = stats(near_pool(tmp_path), "--near-duplicates")
    assert done.returncode == 0
    assert "near-duplicates: ROUGE-L of 0.95 or more\n  pairs: 3 (2 across tasks)" in done.stdout
    assert "build --near-duplicates 0.95 leaves out: 3 rewrites" in done.stdout
    assert "  0.970  a: look closely" in done.stdout


def test_a_list_of_pairs_replaces_only_one(tmp_path: Path) -> None:
    """Another file of the name stays; an older list goes."""
    pool, other = near_pool(tmp_path), tmp_path / "mine.jsonl"
    other.write_text('{"a": 1}\n')
    done = stats(pool, "--near-duplicates", "--pairs", other)
    assert (done.returncode, other.read_text()) == (2, '{"a": 1}\n')
    assert "is no list of near pairs" in done.stderr
    for _ in range(2):
        assert stats(pool, "--near-duplicates", "--pairs", tmp_path / "p.jsonl").returncode == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((TRAIN, "--near-duplicates"), "goes with a pool"),
        ((TRAIN, "--threshold", "0.9"), "--threshold goes with --near-duplicates"),
        ((TRAIN, "--pairs", "x"), "--pairs goes with --near-duplicates"),
        ((TRAIN, "--near-duplicates", "--threshold", "nan"), "nan is no number"),
    ],
)
def test_options_of_near_duplicates_go_with_a_pool(given: tuple[Any, ...], said: str) -> None:
    """Otherwise one line says what to add."""
    done = stats(*given)
    assert done.returncode == 2
    assert said in done.stderr
