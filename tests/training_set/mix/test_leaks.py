"""The leak guard: rows of an evaluation set are found in other wordings, and others are not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from instraug.training_set.mix.near_text import NearTexts
from instraug.training_set.mix.sources import plain_name
from tests.commandline import SHARED, failed, instraug_here
from tests.sets import built, write_rows
from tests.training_set.mix.sources import ids, image_row, manifest, mixed, rows, text_row, write

Row = dict[str, Any]

SAMPLE = SHARED / "data" / "multiinstruct_train_sample.jsonl"

LONG = (
    "The river rises in the hills north of the town and runs for ninety miles through woods and "
    "meadows before it reaches the sea near an old lighthouse that was built of red brick"
)


def found(folder: Path, train: list[Row], evaluation: list[Row], *more: object) -> list[str]:
    """Return the ids that are left out for being in the evaluation set."""
    source = write_rows(folder / "train.jsonl", [text_row(77, question="Why?"), *train])
    other = write_rows(folder / "test.jsonl", evaluation)
    dest = folder / "m.jsonl"
    mixed(source, "--evaluation", other, "--drop-leaks", *more, "--force", "-o", dest)
    return sorted({row["unique_id"] for row in train} - set(ids(dest)))


def test_a_leak_ends_the_run_and_every_row_is_listed(tmp_path: Path) -> None:
    """Exit 1, a line each with the kind and both places, and nothing is written."""
    text, image = write(tmp_path, 5, 5)
    other = write_rows(
        tmp_path / "test.jsonl", [text_row(3), image_row(2, prompt="Say 2. Why so?")]
    )
    done = instraug_here("mix", text, image, "--evaluation", other, "-o", tmp_path / "m.jsonl")
    assert done.returncode == 1
    assert f"{text}:4: exact row ({other}:1)" in done.stderr
    assert f"{image}:3: another wording of the same question ({other}:2)" in done.stderr
    assert "2 rows are in the evaluation sets; --drop-leaks leaves them out" in done.stderr
    assert not (tmp_path / "m.jsonl").exists()


def test_left_out_rows_are_counted_by_kind(tmp_path: Path) -> None:
    """With --drop-leaks the manifest counts them, and the set holds the others."""
    text, image = write(tmp_path, 5, 5)
    other = write_rows(
        tmp_path / "test.jsonl", [text_row(3), image_row(2, prompt="Say 2. Why so?")]
    )
    args = ("--evaluation", other, "--drop-leaks", "-o", tmp_path / "m.jsonl")
    done = mixed(text, image, *args)
    stated = manifest(tmp_path / "m.jsonl")
    kinds = {"exact row": 1, "another wording of the same question": 1}
    assert stated["left_out"] == kinds
    assert stated["sets"][0]["rows"] == 8
    assert "left out: " in done.stderr


def test_another_wording_needs_the_same_picture(tmp_path: Path) -> None:
    """A question on the same picture is a leak whatever its prompt; on another picture none."""
    asked = {"question": "What color is the large car?", "target": "red"}
    test = image_row(1, **asked, prompt="What color is the large car? Answer briefly.")
    train = [
        image_row(1, **asked, prompt="Look closely and tell: What color is the large car?"),
        {
            **image_row(2, **asked, prompt="Tell: What color is the large car?"),
            "unique_id": "other",
        },
        {**image_row(1, question="How many cars are there?"), "unique_id": "same picture"},
    ]
    assert found(tmp_path, train, [test]) == ["i1"]


def test_an_evaluation_set_may_be_rows_that_no_template_rendered(tmp_path: Path) -> None:
    """MultiInstruct's own test rows are compared by picture and fields."""
    raw = {
        "unique_id": "r",
        "task_name": "vqa",
        "image_path": "./images/1.jpg",
        "question": "What color is the large car?",
        "target_txt": "red",
    }
    train = [image_row(n, question=raw["question"]) for n in (1, 2)]
    assert found(tmp_path, train, [raw]) == ["i1"]


def test_an_evaluation_set_may_have_columns_of_its_own(tmp_path: Path) -> None:
    """--columns holds for evaluation sets that no build made, too."""
    test = {"q": "What comes after 3 in the long row of numbers?", "a": "4"}
    train = [{"unique_id": "x", "prompt": test["q"], "target": "4"}, text_row(9)]
    assert found(tmp_path, train, [test], "--columns", "prompt=q,target=a") == ["x"]


@pytest.mark.parametrize("train_has_fields", [True, False])
def test_rows_with_fields_and_without_are_compared_as_well(
    tmp_path: Path, train_has_fields: bool
) -> None:
    """LLaVA's rows against multiinstruct's, either way round: the same question is found."""
    question = "What color is the large car?"
    full = [
        image_row(n, question=question, prompt=f"{question} Be brief.", target="red")
        for n in (1, 2)
    ]
    bare = [
        {
            "id": f"x{n}",
            "image": f"images/{n}.jpg",
            "conversations": [
                {"from": "human", "value": f"<image>\nSay it. {question}"},
                {"from": "gpt", "value": "red"},
            ],
        }
        for n in (1, 2)
    ]
    train, test = (full, bare[:1]) if train_has_fields else (bare, full[:1])
    source = write_rows(tmp_path / "train.jsonl", train)
    other = write_rows(tmp_path / "test.jsonl", test)
    mixed(source, "--evaluation", other, "--drop-leaks", "-o", tmp_path / "m.jsonl")
    assert rows(tmp_path / "m.jsonl") == train[1:]


def test_a_caption_asks_nothing_but_its_task(tmp_path: Path) -> None:
    """Another prompt for a caption of the same picture is a leak, of another task none."""

    def caption(name: str, task: str, prompt: str) -> Row:
        target = {"target": name, "target_txt": name, "instruction_id": "a"}
        row = {"unique_id": name, "task_name": task, "image_path": "1.jpg", "prompt": prompt}
        return row | target

    train = [caption("a", "caption", "Say what you see."), caption("b", "style", "Name its style.")]
    assert found(tmp_path, train, [caption("t", "caption", "Describe it.")]) == ["a"]


@pytest.mark.parametrize("form", ["llava", "messages", "sharegpt", "tsv"])
def test_formats_without_fields_are_compared_by_id_and_question(tmp_path: Path, form: str) -> None:
    """There a question is a sentence that ends in a question mark, with its answer."""
    suffix = "tsv" if form == "tsv" else "jsonl"
    tasks = [
        {"name": "a", "instructions": ["{question} Answer in a word."]},
        {"name": "b", "instructions": ["See the picture and say: {question}"]},
    ]

    def row(task: str, number: int, question: str, answer: str) -> Row:
        return {
            "unique_id": f"{task}{number}",
            "task_name": task,
            "image_path": f"{number % 10}.jpg",
            "question": question,
            "target_txt": answer,
        }

    for name, raw in {
        "train": [
            row("b", 1, "What color is the car?", "red"),
            row("b", 2, "What color is the car?", "red"),
            row("b", 11, "Where is the big dog?", "here"),
        ],
        "test": [row("a", 1, "What color is the car?", "red")],
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        built(folder, raw, f"set.{suffix}", tasks=tasks, format=form)
    given = (tmp_path / f"train/set.{suffix}", "--evaluation", tmp_path / f"test/set.{suffix}")
    mixed(*given, "--drop-leaks", "-o", tmp_path / f"m.{suffix}")
    left = (tmp_path / f"m.{suffix}").read_text()
    assert "Where is the big dog" in left
    assert manifest(tmp_path / f"m.{suffix}")["sets"][0]["rows"] == 2


def test_the_same_picture_under_another_name_is_known_by_content(tmp_path: Path) -> None:
    """With --images, equal files are one picture; without, only equal paths are."""
    pictures = Path(__file__).parents[3] / "examples" / "images"
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(pictures / "rain.png", folder / "1.png")
    shutil.copy(pictures / "rain.png", folder / "copy.png")
    shutil.copy(pictures / "snow.png", folder / "other.png")

    def row(name: str, path: str, answer: str) -> Row:
        fields = {"target": answer, "prompt": "Is it wet?", "question": "Is it wet?"}
        return {**image_row(1, **fields), "unique_id": name, "image_path": path}

    test = [row("t", "./1.png", "yes")]
    train = [row("copy", "copy.png", "no"), row("path", "1.png", "no"), row("x", "other.png", "no")]
    assert found(tmp_path, train, test) == ["path"]
    assert found(tmp_path, train, test, "--images", folder) == ["copy", "path"]


def test_near_text_is_a_leak_and_similar_text_is_none(tmp_path: Path) -> None:
    """One changed word of thirty is near; another half is not."""
    half = len(LONG.split()) // 2
    other = " ".join(LONG.split()[:half]) + " and then it is quite another story about a small boat"
    names = {"near": LONG.replace("ninety", "eighty"), "far": other}
    train = [{**text_row(0, question=text), "unique_id": name} for name, text in names.items()]
    assert found(tmp_path, train, [text_row(1, question=LONG)]) == ["near"]
    bare = [{k: v for k, v in row.items() if k != "question"} | {"prompt": row["question"]}
            for row in train]  # fmt: skip
    assert found(tmp_path, bare, [text_row(1, question=LONG, prompt=LONG)]) == ["near"]
    assert found(tmp_path, train, [text_row(1, question=f"{LONG} in 1890")]) == []
    plain = {"unique_id": "e", "prompt": LONG, "target": "x"}
    assert found(tmp_path, bare, [plain]) == ["near"]


def test_near_texts_among_many_are_found() -> None:
    """MinHash leads to a text of which a word was changed, among a thousand others."""
    known = NearTexts()
    for number in range(1000):
        known.add(f"Read this and answer. Item {number}: {LONG} {number * 7} {number * 13}", number)
    text = f"Item 500: {LONG.replace('river', 'brook')} in the year {3500} and {6500}"
    known.add(text, 1000)
    assert 1000 in list(known.near(text.replace("brook", "stream")))


@pytest.mark.skipif(not SAMPLE.exists(), reason="the released rows are not here")
def test_released_rows_are_found_in_every_other_wording(tmp_path: Path) -> None:
    """MultiInstruct's sample, built with other instructions, is found row by row."""
    templates = SAMPLE.with_name("multiinstruct_templates.tsv")
    tasks, dest = tmp_path / "tasks", tmp_path / "set.jsonl"
    assert instraug_here("import", "multiinstruct", templates, "-o", tasks).returncode == 0
    build = ("build", tasks, "--instances", SAMPLE, "-o", dest, "--skip-bad", "--seed", 3)
    assert instraug_here(*build).returncode == 0
    done = instraug_here("mix", dest, "--evaluation", SAMPLE, "-o", tmp_path / "m.jsonl")
    assert done.returncode == 1
    assert f"mix: {len(rows(dest))} rows are in the evaluation sets" in done.stderr


def task_set(folder: Path, form: str = "multiinstruct", **sources: list[str]) -> Path:
    """Build a set of a few tasks, each made of data sets."""
    folder.mkdir()
    tasks = [{"name": n, "instructions": ["{question}"], "sources": s} for n, s in sources.items()]
    raw = [
        {"unique_id": f"{name}{i}", "task_name": name, "question": f"{name} {i}", "target_txt": "x"}
        for name in sources
        for i in range(3)
    ]
    built(folder, raw, "set.jsonl", tasks=tasks, format=form)
    return folder / "set.jsonl"


def test_the_same_data_set_is_a_leak_by_name(tmp_path: Path) -> None:
    """Manifests state what tasks are made of; names are compared without case and punctuation."""
    train = task_set(tmp_path / "train", a=["cosmosqa"], b=["scan (https://example.org)"])
    test = task_set(tmp_path / "test", c=["Cosmos_QA"])
    args = ("mix", train, "--evaluation", test, "-o", tmp_path / "m.jsonl")
    failed(instraug_here(*args), 1, "the task a is made of a data set of the evaluation (cosmosqa,")
    assert instraug_here(*args, "--drop-leaks").returncode == 0
    assert {row["task_name"] for row in rows(tmp_path / "m.jsonl")} == {"b"}
    stated = manifest(tmp_path / "m.jsonl")
    assert stated["left_out"] == {"same data set": 3}
    assert stated["sources"] == {"b": ["scan (https://example.org)"]}


def test_rows_that_name_no_task_cannot_be_left_out_by_it(tmp_path: Path) -> None:
    """In LLaVA's rows the tasks cannot be told apart, so the set has to be built anew."""
    train = task_set(tmp_path / "train", "llava", a=["boolq"], b=["scan"])
    test = task_set(tmp_path / "test", c=["BoolQ"])
    args = ("mix", train, "--evaluation", test, "--drop-leaks", "-o", tmp_path / "m.jsonl")
    failed(instraug_here(*args), 1, "build the set without that task")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CosmosQA", "cosmos_qa", True),
        ("SQuAD", "squad1.1", True),
        ("SQuAD 2.0", "squad", True),
        ("scan (https://github.com/x)", "SCAN", True),
        ("nlvr", "nlvr2", False),
        ("vqa", "vqav2", False),
    ],
)
def test_names_of_data_sets(one: str, other: str, same: bool) -> None:
    """Case, punctuation, what stands in brackets and dotted versions do not count."""
    assert (plain_name(one) == plain_name(other)) is same


def test_a_leak_is_found_by_every_number_of_processes(tmp_path: Path) -> None:
    """Two workers list the same leaks as one."""
    text, image = write(tmp_path, 30, 30)
    other = write_rows(tmp_path / "test.jsonl", [text_row(n) for n in range(5, 9)])
    args = ("mix", text, image, "--evaluation", other, "-o", tmp_path / "m.jsonl")
    one, two = (instraug_here(*args, "--workers", n).stderr for n in (1, 2))
    assert one == two
    assert one.count("exact row") == 4
