"""Built rows go to a model and come back as predictions that `score` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import (
    BudgetReached,
    EndpointUnavailable,
    FrozenMiss,
    InputError,
    RejectedRequest,
    UsageError,
)
from instraug.evaluation.predict import job as predicting
from instraug.evaluation.predict.config import PredictConfig
from instraug.evaluation.predict.job import PredictJob
from instraug.files.jsonl import read_jsonl
from instraug.files.lock import Lock
from instraug.tasks.records import instruction_id
from tests.commandline import instraug_here
from tests.evaluation.predict.asking import (
    asked,
    completion,
    lines,
    looking,
    made_set,
    picture,
    sha,
)
from tests.fakeserver import FakeServer, running
from tests.sets import CHOICE, built, choice_row

NOWHERE = "http://127.0.0.1:9/v1"
"""An endpoint that nobody asks: every reply is in the journal."""


def yes(prompt: str, images: list[bytes]) -> str:
    return f"{len(images)} {sha(prompt)[:4]}"


def test_rows_go_out_with_their_pictures_and_score(tmp_path: Path) -> None:
    """Build, predict, score: the endpoint gets each row's prompt and the bytes of its picture."""
    rows = made_set(tmp_path, 8)
    wanted = {
        (row["prompt"], sha((tmp_path / row["image_path"]).read_bytes())): row
        for _, row in read_jsonl(rows)
    }
    good = instruction_id("choice", next(iter(CHOICE["instructions"])))
    seen: list[tuple[str, list[bytes]]] = []

    def answer(prompt: str, images: list[bytes]) -> str:
        row = wanted[prompt, sha(images[0])]
        right = row["instruction_id"] == good or row["task_name"] == "caption"
        return str(row["target"]) if right or row["unique_id"] < "c4" else "none of them"

    out = tmp_path / "out"
    with running(FakeServer(rule=looking(answer, seen))) as server:
        done = instraug_here(
            "predict", rows, "-o", out, "--model", "m", "--base-url", server.url,
            "--images", tmp_path, "--json",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["predictions"], summary["images"]) == (40, 40, 40)
    assert sorted((p, sha(i[0])) for p, i in seen) == sorted(wanted)
    first, second = lines(out)[:2]
    start = "Pick one. Which is 0?\n\n[Options]:"
    assert first == {
        "key": first["key"],
        "unique_id": "c0",
        "task_name": "choice",
        "instruction_id": good,
        "instruction_source": "original",
        "prompt_sha256": sha(f"{start} {'||||'.join(first['options'])}"),
        "prediction": "a",
        "target": "a",
        "options": first["options"],
        "output": "label",
        "model": "answered",
        "finish_reason": "stop",
        "usage": {"prompt": 11, "completion": 3},
        "image_path": "images/0.jpg",
        "image_sha256": sha(picture(0)),
    }
    assert second["instruction_id"] != good
    scored = instraug_here("score", out, "--json")
    assert scored.returncode == 0, scored.stderr
    tasks = {task["task"]: task for task in json.loads(scored.stdout)["tasks"]}
    assert tasks["choice"]["protocol"] == "option"
    assert {i["id"]: i["mean"] for i in tasks["choice"]["instructions"]} == {
        good: 1.0,
        second["instruction_id"]: 0.5,
    }
    assert tasks["choice"]["unparsed"] == 4
    assert (tasks["caption"]["protocol"], tasks["caption"]["mean"]) == ("rouge-l", 1.0)


def test_a_finished_run_asks_nothing_again_and_a_frozen_one_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    """Every reply is in the journal, which holds no picture."""
    rows, out, again = made_set(tmp_path), tmp_path / "out", tmp_path / "again"
    with running(FakeServer(rule=looking(yes))) as server:
        run = asked(rows, out, server.url)
        assert run.bought == server.count == 20
        run = asked(rows, out, server.url)
        assert (run.bought, run.reused, server.count) == (0, 20, 20)
    asked(rows, again, NOWHERE, journal=out / "replies.jsonl", frozen=True)
    assert (again / "predictions.jsonl").read_bytes() == (out / "predictions.jsonl").read_bytes()
    assert b"base64" not in (out / "replies.jsonl").read_bytes()
    manifest = json.loads((again / "manifest.json").read_text())
    assert manifest["journal"] == "../out/replies.jsonl"
    assert manifest["outputs"]["predictions.jsonl"] == sha((out / "predictions.jsonl").read_bytes())
    assert sorted(p.name for p in again.iterdir()) == [
        ".lock",
        "manifest.json",
        "predictions.jsonl",
    ]


def test_a_run_in_a_folder_goes_on_with_the_journal_that_its_manifest_names(
    tmp_path: Path,
) -> None:
    """A shared journal is found again without being named."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url, journal=tmp_path / "shared.jsonl")
        assert asked(rows, out, server.url).bought == 0


def test_another_picture_under_the_same_name_is_asked_about(tmp_path: Path) -> None:
    """A key is over the bytes of the picture, and over the size that it is sent in."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url)
        (tmp_path / "images/1.jpg").write_bytes(picture(9))
        assert asked(rows, out, server.url).bought == 5, "one picture, five instructions"
        assert asked(rows, out, server.url, resize=1000).bought == 20
        assert asked(rows, out, server.url, temperature=0.5).bought == 20
        assert asked(rows, out, server.url, system="Be brief.").bought == 20


def test_the_request_is_what_the_settings_say(tmp_path: Path) -> None:
    """Greedy by default, one answer, the system message first; text rows are plain text."""
    rows = made_set(tmp_path, 1, images=False)
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, tmp_path / "out", server.url, system="Be brief.", answer_tokens=9, seed=5)
    body = server.calls[0].body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert isinstance(body["messages"][1]["content"], str)
    del body["messages"]
    assert body == {"model": "m", "max_tokens": 9, "temperature": 0.0, "top_p": 1.0, "seed": 5}
    assert lines(tmp_path / "out")[0]["image_sha256"] is None


def test_a_budget_ends_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """Exit 4; what came is written, and the manifest states that it is not all."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        run = asked(rows, out, server.url, budget={"max_requests": 7})
        with pytest.raises(BudgetReached):
            run.raise_unless_done()
        assert len(lines(out)) == 7
        assert json.loads((out / "manifest.json").read_text())["complete"] is False
        run = asked(rows, out, server.url)
        assert (run.bought, run.reused, len(lines(out))) == (13, 7, 20)
        run.raise_unless_done()
        whole = asked(rows, tmp_path / "whole", server.url)
    assert whole.complete
    assert (out / "predictions.jsonl").read_bytes() == (
        tmp_path / "whole" / "predictions.jsonl"
    ).read_bytes()


def test_score_does_not_take_part_of_the_rows_for_all(tmp_path: Path) -> None:
    """Predictions whose manifest is not complete are scored with a notice."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url, budget={"max_requests": 12})
        done = instraug_here("score", out)
        assert "8 of 20 rows have no prediction" in done.stderr
        asked(rows, out, server.url)
    for path in (out, out / "predictions.jsonl"):
        assert "have no prediction" not in instraug_here("score", path).stderr


def test_images_count_for_the_budget(tmp_path: Path) -> None:
    """Before the endpoint counts them, each is reckoned with its setting's tokens."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        budget = {"max_tokens": 10_000}
        run = asked(rows, out, server.url, image_tokens=20_000, budget=budget)
        assert isinstance(run.stopped, BudgetReached)
        assert server.count == 0
        assert asked(rows, out, server.url, image_tokens=2000, budget=budget).complete


def test_an_outage_ends_resumably(tmp_path: Path) -> None:
    """A row that got no reply has no prediction, exit 75; the next run asks for it alone."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    fast = {"max_attempts": 1, "concurrency": 1}
    turns = iter(range(99))

    def rule(body: Any) -> tuple[int, object]:
        return (500, {"error": "down"}) if next(turns) == 3 else looking(yes)(body)

    with running(FakeServer(rule=rule)) as server:
        run = asked(rows, out, server.url, endpoint=fast)
        with pytest.raises(EndpointUnavailable, match="1 requests got no reply"):
            run.raise_unless_done()
        assert (len(lines(out)), run.complete) == (19, False)
        assert asked(rows, out, server.url, endpoint=fast).bought == 1


def test_a_row_that_the_endpoint_refuses_counts_as_an_empty_answer(tmp_path: Path) -> None:
    """It is not dropped, which would leave the easier rows to be scored."""
    rows, out = made_set(tmp_path), tmp_path / "out"

    def rule(body: Any) -> tuple[int, object]:
        prompt = body["messages"][-1]["content"][-1]["text"]
        if "Which is 2?" in prompt:
            return 400, {"error": {"message": "too long", "code": "context_length_exceeded"}}
        return looking(yes)(body)

    with running(FakeServer(rule=rule)) as server:
        run = asked(rows, out, server.url)
    run.raise_unless_done()
    assert run.complete
    refused = [row for row in lines(out) if row["finish_reason"] == "refused"]
    assert [(r["unique_id"], r["prediction"], r["usage"]) for r in refused] == [
        ("c2", "", None)
    ] * 2
    assert run.summary()["refused"] == 2


def test_where_every_row_is_refused_the_run_fails(tmp_path: Path) -> None:
    """Exit 1: nothing was predicted, whatever is in the file."""
    rows = made_set(tmp_path, 1)
    refusal = (400, {"error": {"message": "images are not supported by this model"}})
    with running(FakeServer(rule=lambda _: refusal)) as server:
        run = asked(rows, tmp_path / "out", server.url)
    with pytest.raises(RejectedRequest, match="all 5 requests were refused"):
        run.raise_unless_done()


@pytest.mark.parametrize(
    ("text", "prediction"),
    [
        ("<think>It is a. No, b.</think>\n\nb", "\n\nb"),
        ("hm, b it is</think>b", "b"),
        ("<think>never ends", ""),
        ("<|channel|>analysis<|message|>hm<|channel|>final<|message|>b", "b"),
        ("[THINK]a?[/THINK]b", "b"),
        (" b.", " b."),
    ],
)
def test_thinking_is_no_part_of_a_prediction(tmp_path: Path, text: str, prediction: str) -> None:
    """What a model writes before its answer stays in the journal alone."""
    rows = made_set(tmp_path, 1)
    with running(FakeServer(rule=looking(lambda _p, _i: text))) as server:
        asked(rows, tmp_path / "out", server.url, answer_tokens=64)
    assert {row["prediction"] for row in lines(tmp_path / "out")} == {prediction}


def test_a_long_answer_that_is_cut_is_no_thinking(tmp_path: Path) -> None:
    """A model that rambles up to its limit is taken at its word, once."""
    rows = made_set(tmp_path, 3)
    long = completion("word " * 600, finish_reason="length")
    with running(FakeServer(rule=lambda _: (200, long))) as server:
        run = asked(rows, tmp_path / "out", server.url)
    assert (run.complete, server.count) == (True, 15)
    assert lines(tmp_path / "out")[0]["finish_reason"] == "length"


def test_equal_rows_of_two_tasks_are_asked_once(tmp_path: Path) -> None:
    """Equal chats share a reply; each row has a prediction."""
    rows = tmp_path / "rows.jsonl"
    row = {"unique_id": "1", "instruction_id": "i", "prompt": "Say it.", "target": "x"}
    rows.write_text("".join(json.dumps(row | {"task_name": t}) + "\n" for t in "ab"))
    with running(FakeServer(rule=looking(yes))) as server:
        run = asked(rows, tmp_path / "out", server.url)
    assert (server.count, run.bought, run.reused) == (1, 1, 1)
    found = lines(tmp_path / "out")
    assert [row["task_name"] for row in found] == ["a", "b"]
    assert (found[0]["instruction_source"], found[0]["output"], found[0]["options"]) == (None,) * 3


@pytest.mark.parametrize(
    ("dest", "given"),
    [
        ("set", {}),
        ("set.jsonl.gz", {}),
        ("set.tsv", {}),
        ("set.parquet", {}),
        ("folder", {"format": "parquet"}),
        ("folder", {"format": "tsv"}),
    ],
)
def test_sets_of_other_formats_give_the_same_requests(
    tmp_path: Path, dest: str, given: dict[str, str]
) -> None:
    """A set may be compressed, a table or Parquet, a file or a folder; tsv alone lacks options."""
    plain = made_set(tmp_path)
    tasks, raw = tmp_path / "tasks", tmp_path / "rows.jsonl"
    form = [f"--{name}={value}" for name, value in given.items()]
    done = instraug_here(
        "build", tasks, "--instances", raw, "-o", tmp_path / dest,
        "--per-instance", "all", "--epsilon", "1", *form,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with running(FakeServer(rule=looking(yes))) as server:
        asked(plain, tmp_path / "a", server.url)
        run = asked(
            tmp_path / dest, tmp_path / "b", server.url,
            journal=tmp_path / "a/replies.jsonl", images=str(tmp_path),
        )  # fmt: skip
    assert run.bought == 0
    found = lines(tmp_path / "b")
    if "tsv" in dest or given.get("format") == "tsv":
        assert {row["options"] for row in found} == {None}
        found = [
            b | {"options": a["options"]} for a, b in zip(lines(tmp_path / "a"), found, strict=True)
        ]
    assert found == lines(tmp_path / "a")


@pytest.mark.parametrize("form", ["llava", "messages", "sharegpt", "alpaca", "ms-swift"])
def test_a_format_without_tasks_is_refused_with_what_to_build(tmp_path: Path, form: str) -> None:
    """One line for all rows: which field is missing, and which formats hold it."""
    made_set(tmp_path, 1)
    rows = tmp_path / "other.jsonl"
    done = instraug_here(
        "build", tmp_path / "tasks", "--instances", tmp_path / "rows.jsonl", "-o", rows,
        "--format", form,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with pytest.raises(InputError, match=r"no text 'unique_id'|no text 'task_name'") as raised:
        asked(rows, tmp_path / "out", NOWHERE)
    (problem,) = raised.value.problems
    assert "--format multiinstruct (.jsonl), tsv or parquet" in problem.fix
    assert not (tmp_path / "out").exists()


def test_one_json_list_is_refused(tmp_path: Path) -> None:
    """It could only be read whole."""
    rows = tmp_path / "rows.json"
    rows.write_text("[]")
    with pytest.raises(InputError, match="JSON list"):
        asked(rows, tmp_path / "out", NOWHERE)


def test_every_kind_of_bad_row_is_one_line_with_its_count(tmp_path: Path) -> None:
    """Missing, outside, too large, no image, twice, broken, without a field; nothing is sent."""
    rows = made_set(tmp_path, 4)
    images = tmp_path / "images"
    (images / "0.jpg").unlink()
    (images / "1.jpg").write_bytes(b"<svg>")
    (images / "2.jpg").write_bytes(picture(2) + bytes(3000))
    text = rows.read_text()
    first = json.loads(text.splitlines()[-1])
    odd = [first, first | {"unique_id": "x", "image_path": "../../etc/passwd"}]
    odd += [
        {k: v for k, v in first.items() if k != "prompt"},
        first | {"unique_id": "y", "image_path": 3},
    ]
    rows.write_text(text + "".join(json.dumps(row) + "\n" for row in odd) + "{broken\n")
    out = tmp_path / "out"
    given = ("--model", "m", "--base-url", NOWHERE, "--images", tmp_path)
    (tmp_path / "p.yaml").write_text("image_bytes: 2000\n")
    args = ("predict", rows, "-o", out, *given, "-c", tmp_path / "p.yaml")
    done = instraug_here(*args)
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert len(told) == 8, done.stderr
    for text in (
        f"{rows}:25: invalid JSON",
        f"{rows}:1: an image is not in {tmp_path} (5 times, also at ",
        f"{rows}:3: an image is no PNG, JPEG, GIF or WebP (5 times",
        f"{rows}:5: an image has more than 2000 bytes (5 times",
        f"{rows}:21: another row has the same task_name, unique_id and instruction_id",
        f"{rows}:22: an image lies outside {tmp_path}",
        f"{rows}:23: the row has no text 'prompt'",
        f"{rows}:24: image_path is not text",
    ):
        assert any(line.startswith(text) for line in told), (text, done.stderr)
    assert not out.exists()
    with running(FakeServer(rule=looking(yes))) as server:
        skipping = asked(rows, out, server.url, image_bytes=2000, skip_bad=True)
    assert (skipping.predictions, skipping.complete, server.count) == (5, True, 5)
    assert skipping.summary()["left_out"] == 19
    assert {row["image_path"] for row in lines(out)} == {"images/3.jpg"}


def test_rows_with_images_need_their_folder_and_a_model_that_sees(tmp_path: Path) -> None:
    """Neither is guessed: the row would be asked without its picture."""
    rows = made_set(tmp_path, 2)
    job = PredictJob((rows,), tmp_path / "out", "m", PredictConfig(base_url=NOWHERE))
    with pytest.raises(InputError, match=r"the row names an image \(10 times.*--images DIR"):
        predicting.load_rows(job)
    local = PredictJob((rows,), tmp_path / "out", "local", PredictConfig(images=str(tmp_path)))
    with pytest.raises(InputError, match="the embedded model sees no images"):
        predicting.load_rows(local)


def test_a_frozen_run_names_the_row_that_has_no_reply(tmp_path: Path) -> None:
    """Exit 5, its file and line, and no socket is opened."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url, budget={"max_requests": 7}, endpoint={"concurrency": 1})
    with pytest.raises(FrozenMiss, match=rf"no reply for choice c3 \({rows}:8"):
        asked(rows, out, NOWHERE, frozen=True)


def test_a_dry_run_counts_and_sends_nothing(tmp_path: Path) -> None:
    """Requests are those that the journal lacks; images and answers are reckoned."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url, budget={"max_requests": 5})
        given = ("--model", "m", "--base-url", server.url, "--images", tmp_path)
        done = instraug_here("predict", rows, "-o", out, *given, "--dry-run", "--json")
        assert server.count == 5
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["requests"], found["reused"], found["images"]) == (20, 15, 5, 20)
    assert found["usage"]["prompt"] > 15 * 2500
    (tmp_path / "p.yaml").write_text("prices: {m: {input: 1.0, output: 2.0}}")
    new = ("-o", tmp_path / "new", "-c", tmp_path / "p.yaml")
    found = json.loads(instraug_here("predict", rows, *new, *given, "--dry-run", "--json").stdout)
    tokens = found["usage"]
    assert found["requests"] == 20
    assert found["cost"] == pytest.approx(
        (tokens["prompt"] + 2 * tokens["completion"]) / 1e6, abs=1e-4
    )
    assert not (tmp_path / "new").exists()


def test_predictions_whose_journal_is_gone_are_not_bought_again_unasked(tmp_path: Path) -> None:
    """A moved journal is named; --force buys anew."""
    rows, out = made_set(tmp_path), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url)
        (out / "replies.jsonl").unlink()
        with pytest.raises(InputError, match="--force buys the replies again"):
            asked(rows, out, server.url)
        assert asked(rows, out, server.url, force=True).bought == 20


def test_outputs_go_over_nothing_else(tmp_path: Path) -> None:
    """Neither the rows, nor a journal, nor another command's folder is replaced."""
    rows = made_set(tmp_path)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "predictions.jsonl").write_bytes(rows.read_bytes())
    with pytest.raises(UsageError, match="is no output of `instraug predict`"):
        asked(rows, inside, NOWHERE)
    (inside / "predictions.jsonl").write_text("notes\n")
    with pytest.raises(UsageError, match="is no output of `instraug predict`"):
        asked(rows, inside, NOWHERE)
    with pytest.raises(UsageError, match="a run writes its"):
        asked(rows, tmp_path / "x", NOWHERE, journal=tmp_path / "x" / "predictions.jsonl")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"kind": "expand", "config": {}}')
    with pytest.raises(UsageError, match="is no output of `instraug predict`"):
        asked(rows, tmp_path / "run", NOWHERE)


def test_several_files_are_asked_in_one_run(tmp_path: Path) -> None:
    """A set a wording gives the table that one set of all wordings gives."""
    whole = made_set(tmp_path)
    out = tmp_path / "out"
    parts = []
    for at in range(2):
        part = tmp_path / f"{at}.jsonl"
        done = instraug_here(
            "build", tmp_path / "tasks", "--instances", tmp_path / "rows.jsonl", "-o", part,
            "--instruction", at,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        parts.append(part)
    with running(FakeServer(rule=looking(yes))) as server:
        asked(whole, tmp_path / "whole", server.url)
        done = instraug_here(
            "predict", *parts, "-o", out, "--model", "m", "--base-url", server.url,
            "--images", tmp_path, "--journal", tmp_path / "whole/replies.jsonl", "-q",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert server.count == 20
    keys = {row["key"] for row in lines(tmp_path / "whole")}
    assert {row["key"] for row in lines(out)} < keys
    assert len(lines(out)) == 16


def test_changed_settings_are_told(tmp_path: Path) -> None:
    """A second run with other settings says so, and asks anew what they change."""
    rows, out = made_set(tmp_path, 1), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url)
        done = instraug_here(
            "predict", rows, "-o", out, "--model", "m", "--base-url", server.url,
            "--images", tmp_path, "--temperature", "0.7", "-q",
        )  # fmt: skip
        told = done.stderr.splitlines()
    assert len(told) == 1
    assert told[0].startswith(
        'changed since the last run: model null -> "m", temperature 0.0 -> 0.7;'
    )


@pytest.mark.parametrize("change", ["fewer", "others"])
def test_predictions_of_other_rows_are_not_dropped_unasked(change: str, tmp_path: Path) -> None:
    """A run with fewer or other rows is refused and changes nothing; --force drops the rest."""
    rows, out = made_set(tmp_path, 2), tmp_path / "out"
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, out, server.url)
        before, calls = (out / "predictions.jsonl").read_bytes(), server.count
        text = rows.read_text()
        kept = "".join(text.splitlines(keepends=True)[1:])
        other = text.replace('"c0"', '"new"')
        rows.write_text(kept if change == "fewer" else other)
        with pytest.raises(InputError, match=r"holds \d+ predictions? of rows that are not given"):
            asked(rows, out, server.url)
        assert (out / "predictions.jsonl").read_bytes() == before
        assert server.count == calls
        asked(rows, out, server.url, force=True)
        assert len(lines(out)) == len(rows.read_text().splitlines())
        with rows.open("a") as file:  # more rows lose nothing
            file.write(text.splitlines(keepends=True)[0])
        asked(rows, out, server.url)


def test_wordings_that_were_trained_on_are_not_scored_unasked(tmp_path: Path) -> None:
    """Build, predict, score: the training set's manifest names what it used; exit 1, ids named."""
    rows = made_set(tmp_path, 4, images=False)
    for name, part in (("train", "train"), ("unseen", "eval")):
        done = instraug_here(
            "build", tmp_path / "tasks", "--instances", tmp_path / "rows.jsonl",
            "-o", tmp_path / f"{name}.jsonl", "--per-instance", "all",
            "--instruction-split", part, "--hold-out", "0.4",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    with running(FakeServer(rule=looking(yes))) as server:
        asked(rows, tmp_path / "out", server.url)
        asked(tmp_path / "unseen.jsonl", tmp_path / "new", server.url)
    seen = {row["instruction_id"] for _, row in read_jsonl(tmp_path / "train.jsonl")}
    done = instraug_here("score", tmp_path / "out", "--trained-on", tmp_path / "train.jsonl")
    assert done.returncode == 1
    assert all(one in done.stderr for one in seen)
    allowed = ("--trained-on", tmp_path / "train.jsonl", "--allow-seen")
    assert instraug_here("score", tmp_path / "out", *allowed).returncode == 0
    done = instraug_here("score", tmp_path / "new", "--trained-on", tmp_path / "train.jsonl")
    assert done.returncode == 0, done.stderr


def test_the_key_is_in_no_file_of_a_run(tmp_path: Path) -> None:
    """Not even where the endpoint repeats it in an answer."""
    canary = "sk-canary-0123456789abcdef"
    (tmp_path / "key").write_text(canary)
    (tmp_path / "key").chmod(0o600)
    rows, out = made_set(tmp_path, 1), tmp_path / "out"
    with running(FakeServer(rule=looking(lambda _p, _i: f"it is {canary}"))) as server:
        done = instraug_here(
            "predict", rows, "-o", out, "--model", "m", "--base-url", server.url,
            "--images", tmp_path, "--api-key-file", tmp_path / "key", "--json",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.calls[0].headers["Authorization"] == f"Bearer {canary}"
    assert lines(out)[0]["prediction"] == "it is ***"
    for text in (done.stdout, done.stderr, *(p.read_text() for p in out.iterdir())):
        assert canary not in text


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second ends at once and names the first."""
    rows, out = made_set(tmp_path, 1), tmp_path / "out"
    out.mkdir()
    with Lock.folder(out):
        done = instraug_here(
            "predict", rows, "-o", out, "--model", "m", "--base-url", NOWHERE, "--images", tmp_path
        )
    assert done.returncode == 1
    assert "in use by process" in done.stderr


def test_a_row_says_how_its_answer_is_read(tmp_path: Path) -> None:
    """Letters and numbers of one task; `score` reads each by the protocol that its row states."""
    given: dict[str, Any] = {"answers": ("letter", "number")}
    built(tmp_path, [choice_row(n, image_path="") for n in range(20)], "set.jsonl", **given)
    with running(FakeServer(rule=looking(lambda _prompt, _images: "Option 1"))) as server:
        done = instraug_here(
            "predict", tmp_path / "set.jsonl", "-o", tmp_path / "out", "--model", "m",
            "--base-url", server.url,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {row["protocol"] for row in lines(tmp_path / "out")} == {"letter", "number"}
    scored = instraug_here("score", tmp_path / "out", "--json")
    assert json.loads(scored.stdout)["tasks"][0]["protocol"] == "stated"
