"""What is given to `predict` wrongly is one line, and nothing is sent or written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import BadRow, InputError, StorageError, UsageError
from instraug.evaluation.predict.config import PredictConfig, load_predict_config, with_given
from instraug.evaluation.predict.pictures import Pictures
from tests.commandline import failed, instraug_here
from tests.evaluation.predict.asking import asked, lines, looking, made_set, picture
from tests.fakeserver import FakeServer, running

NOWHERE = "http://127.0.0.1:9/v1"


def test_a_config_file_is_read_strictly(tmp_path: Path) -> None:
    """Every wrong key and value at once, each with its line."""
    path = tmp_path / "p.yaml"
    path.write_text("resize: 8\nrewrites: 3\nendpoint: {concurrency: 0}\nanswer_tokens: x\n")
    with pytest.raises(InputError) as raised:
        load_predict_config(path)
    assert [p.where for p in raised.value.problems] == [f"{path}:{n}" for n in (1, 2, 3, 4)]
    path.write_text("system: Be brief.\nendpoint: {concurrency: 3, rpm: 9}\n")
    config = with_given(load_predict_config(path), {"endpoint": {"rpm": 5, "tpm": None}})
    assert (config.system, config.endpoint.concurrency, config.endpoint.rpm) == ("Be brief.", 3, 5)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--temperature", "3"), ("--resize", "0"), ("--max-requests", "0"), ("--seed", "-1")],
)
def test_a_value_out_of_range_is_a_usage_error(tmp_path: Path, option: str, value: str) -> None:
    """Exit 2, the setting named."""
    rows = made_set(tmp_path, 1)
    given = ("--model", "m", "--base-url", NOWHERE, option, value)
    done = instraug_here("predict", rows, "-o", tmp_path / "out", *given)
    failed(done, 2, option.strip("-").replace("-", "_"))


def test_an_endpoint_without_a_model_is_a_usage_error(tmp_path: Path) -> None:
    """As in expand: no model is guessed."""
    rows = made_set(tmp_path, 1)
    done = instraug_here("predict", rows, "-o", tmp_path / "out", "--base-url", NOWHERE)
    failed(done, 2, "--model NAME")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", None, "does not exist"),
        ("rows.txt", b"x", "does not end in"),
        ("empty.jsonl", b"", "no row to ask"),
        ("bad.parquet", b"PAR1 no", "is no Parquet file, or damaged"),
        ("bad.tsv", b"prompt\ttarget\n1\n", "not 2 columns"),
        ("cut.jsonl.gz", b"\x1f\x8b\x08", "cut short"),
        ("bare.jsonl", b'{"prompt": "x"}\n', "no text 'unique_id'"),
    ],
)
def test_a_file_that_holds_no_rows_is_named(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    """One line, exit 1, no folder."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    given = ("--model", "m", "--base-url", NOWHERE)
    done = instraug_here("predict", path, "-o", tmp_path / "out", *given)
    failed(done, 1, str(path), said)
    assert not (tmp_path / "out").exists()


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, one line says how to get it."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StorageError, match=r"\.\[parquet\]"):
        asked(path, tmp_path / "out", NOWHERE)


def test_rows_are_not_read_from_the_folder_that_is_written(tmp_path: Path) -> None:
    """Its predictions would be replaced by predictions of them."""
    rows = made_set(tmp_path, 1)
    with pytest.raises(UsageError, match="the rows are there"):
        asked(rows.parent, rows.parent, NOWHERE)


def test_a_damaged_manifest_is_written_anew(tmp_path: Path) -> None:
    """The journal is what counts; what it holds is not asked again."""
    rows, out = made_set(tmp_path, 1), tmp_path / "out"
    with running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server:
        asked(rows, out, server.url)
        (out / "manifest.json").write_text("{")
        assert asked(rows, out, server.url).bought == 0
    assert json.loads((out / "manifest.json").read_text())["complete"] is True


def test_what_replies_cost_is_known_where_prices_are(tmp_path: Path) -> None:
    """By the tokens that the endpoint counted."""
    rows = made_set(tmp_path, 1)
    prices = {"m": {"input": 1000.0, "output": 2000.0}}
    with running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server:
        run = asked(rows, tmp_path / "out", server.url, prices=prices)
    assert run.cost == pytest.approx(5 * (11 * 1000 + 3 * 2000) / 1e6)


def test_known_models_have_their_price(tmp_path: Path) -> None:
    """As in expand; a config's own price goes before."""
    rows = made_set(tmp_path, 1, images=False)
    given = ("--model", "gpt-4o-mini", "--dry-run", "--json")
    done = instraug_here("predict", rows, "-o", tmp_path / "out", *given)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"] is not None


def test_a_manifest_of_other_shape_is_passed_over(tmp_path: Path) -> None:
    """It is of another version, or was edited: kinds and sources are unknown then."""
    rows = made_set(tmp_path, 1)
    manifest = {"kind": "build", "task_outputs": [1], "instruction_ids": "x"}
    (tmp_path / "test.jsonl.manifest.json").write_text(json.dumps(manifest))
    with running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server:
        asked(rows, tmp_path / "out", server.url)
    assert {(r["output"], r["instruction_source"]) for r in lines(tmp_path / "out")} == {
        (None,) * 2
    }


# ── pictures that change while a run goes on ─────────────────────────────────────────────────


def test_a_picture_that_is_gone_after_the_check_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line; what was asked is in the journal."""
    rows, out = made_set(tmp_path, 3), tmp_path / "out"
    found = Pictures.image

    def image(self: Pictures, path: str) -> Any:
        if path == "images/2.jpg":
            (tmp_path / path).unlink(missing_ok=True)
        return found(self, path)

    monkeypatch.setattr(Pictures, "image", image)
    with running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server:
        with pytest.raises(StorageError, match=r"images/2.jpg: an image is not in"):
            asked(rows, out, server.url)
        assert server.count >= 1
    assert not (out / "predictions.jsonl").exists()


def test_a_picture_that_became_something_else_is_not_sent(tmp_path: Path) -> None:
    """Between the hash and the request a file may change; a text is no picture."""
    (tmp_path / "a.png").write_bytes(picture(1))
    made = Pictures(PredictConfig(images=str(tmp_path))).image("a.png")
    (tmp_path / "a.png").write_bytes(b"root:x:0:0")
    with pytest.raises(StorageError, match="is no PNG, JPEG, GIF or WebP any more"):
        made.url()


def test_a_path_that_names_no_file_is_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NUL, a folder, a name too long, a file that may not be read."""
    made = Pictures(PredictConfig(images=str(tmp_path)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").write_bytes(picture(1))
    for name in ("a\0b", "folder", "x" * 5000):
        with pytest.raises(BadRow, match="an image is not in"):
            made.check(name)

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadRow, match="an image cannot be read"):
        made.check("a.png")


def test_a_list_of_one_picture_is_sent_and_several_are_a_fault(tmp_path: Path) -> None:
    """One picture goes with a prompt; a row of several says so."""
    rows = file = made_set(tmp_path, 2)
    made = [json.loads(line) for line in file.read_text().splitlines()]
    made[0]["image_path"] = [made[0]["image_path"]]
    file.write_text("".join(json.dumps(row) + "\n" for row in made))
    with running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server:
        asked(rows, tmp_path / "out", server.url)
    assert lines(tmp_path / "out")[0]["image_path"] == made[0]["image_path"][0]
    made[1]["image_path"] = ["a.jpg", "b.jpg"]
    file.write_text("".join(json.dumps(row) + "\n" for row in made))
    with (
        running(FakeServer(rule=looking(lambda _p, _i: "x"))) as server,
        pytest.raises(InputError, match="several pictures, and one can be sent"),
    ):
        asked(rows, tmp_path / "out2", server.url)


def test_a_folder_of_images_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """It is the folder that is wrong, and not each picture."""
    rows = made_set(tmp_path, 2)
    where = tmp_path / "nodir"
    given = ("--images", where, "--model", "m", "--base-url", NOWHERE)
    done = instraug_here("predict", rows, "-o", tmp_path / "out", *given)
    failed(done, 1, f"{where}: does not exist; give the folder that image paths start from")
