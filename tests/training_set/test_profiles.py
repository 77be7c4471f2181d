"""One word for a model, or a model in a trainer, sets what it wants; anything given goes before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from instraug.cli import cli
from instraug.errors import InputError, UsageError
from instraug.files.jsonl import read_jsonl
from instraug.training_set.boxes.registry import FAMILIES
from instraug.training_set.config import BuildConfig, load_build_config, with_options
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.profiles import MODELS, PROFILES, find
from tests.sets import FIND, built, find_row

TASK = FIND | {"instructions": ["{text}"]}
MODEL_NAMES = (
    *("qwen3-vl", "qwen2.5-vl", "qwen2-vl", "internvl", "llava", "instructblip", "paligemma"),
    *("florence-2", "kosmos-2", "ofa"),
)


def test_every_profile_names_what_there_is() -> None:
    """Families and formats; each model by itself and in the trainers that know it."""
    assert tuple(MODELS) == MODEL_NAMES
    assert set(FAMILIES) == {*MODELS, "pixels", "ms-swift"}
    for profile in PROFILES.values():
        assert profile.boxes in FAMILIES
        assert profile.format in FORMATS


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("qwen3vl", "did you mean 'qwen3-vl'?"),
        ("Kosmos2", "did you mean 'kosmos-2'?"),
        ("qwen3-vl:swift", "did you mean 'ms-swift'?"),
        ("qwen3-vl:", "use 'qwen3-vl' without a colon"),
        ("ofa:trl", "use 'ofa'"),
        ("llava:xyz", "use one of: llama-factory, ms-swift, trl"),
    ],
)
def test_an_unknown_model_or_trainer_gets_the_nearest_one(name: str, fix: str) -> None:
    """One line; also where a config file names it."""
    with pytest.raises(UsageError, match="profile is") as caught:
        with_options(BuildConfig(), {"profile": name})
    assert fix in str(caught.value)
    with pytest.raises(UsageError) as found:
        find(name)
    assert fix in str(found.value)


def test_an_unknown_family_gets_the_nearest_one() -> None:
    """As any setting."""
    with pytest.raises(UsageError, match="did you mean 'florence-2'"):
        with_options(BuildConfig(), {"boxes": "florence2"})


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_builds_rows_of_its_format(tmp_path: Path, name: str) -> None:
    """With its own boxes, and its marker for the picture."""
    profile = PROFILES[name]
    suffix = FORMATS[profile.format].suffixes[0]
    row = find_row(1, options=["1.5 10.0 200.25 300.0"], width=640, height=480)
    built(tmp_path, [row], f"out{suffix}", profile=name)
    text = (tmp_path / f"out{suffix}").read_text()
    assert text.count("<image>") == (1 if profile.marker == "<image>" else 0)
    assert "200.25" not in text or profile.boxes == "ms-swift"
    manifest = json.loads((tmp_path / f"out{suffix}.manifest.json").read_text())
    assert manifest["config"]["profile"] == name
    assert manifest["config"]["boxes"] == profile.boxes
    assert manifest["profile"]["image_tokens"] == profile.image_tokens


def test_what_is_given_goes_before_the_profile(tmp_path: Path) -> None:
    """Format and boxes can be others."""
    row = find_row(1, width=640, height=480)
    built(tmp_path, [row], profile="paligemma", format="messages", boxes="pixels")
    ((_, found),) = read_jsonl(tmp_path / "out.jsonl")
    assert found["messages"][1]["content"][0]["text"] == "2 10 200 300"


def test_the_trainer_is_part_of_the_profile(tmp_path: Path) -> None:
    """One box, three spellings: the model's own, LLaMA-Factory's, ms-swift's."""
    row = find_row(1, region=["0 0 2000 3000"], target_txt="0 0 2000 3000", options=None)
    row |= {"width": 4000, "height": 3000}
    targets = []
    for name in ("qwen2.5-vl", "qwen2.5-vl:llama-factory", "qwen2.5-vl:ms-swift"):
        form = None if "swift" in name else "multiinstruct"
        built(tmp_path, [row], tasks=[TASK], profile=name, format=form)
        targets.append((tmp_path / "out.jsonl").read_text())
        (tmp_path / "out.jsonl").unlink()
        (tmp_path / "out.jsonl.manifest.json").unlink()
    own, factory, swift = targets
    assert '{\\"bbox_2d\\": [0, 0, 2002, 2996]}' in own
    assert '{\\"bbox_2d\\": [0, 0, 448, 672]}' in factory
    assert '"bbox":[[0,0,2000,3000]],"image_id":[0]' in swift


def test_bounds_given_are_those_of_the_trainer(tmp_path: Path) -> None:
    """--max-pixels is LLaMA-Factory's image_max_pixels there, the processor's elsewhere."""
    factory = BuildConfig(profile="qwen2.5-vl:llama-factory", max_pixels=1_000_000).box_settings()
    assert factory.before
    assert (factory.before.max_pixels, factory.max_pixels) == (1_000_000, 12_845_056)
    assert BuildConfig(profile="qwen2.5-vl", max_pixels=9999).box_settings().max_pixels == 9999


def test_a_config_file_may_name_the_profile(tmp_path: Path) -> None:
    """Under the key profile."""
    file = tmp_path / "c.yaml"
    file.write_text("profile: llava\nbox_digits: 3\n")
    assert load_build_config(file).fitted().boxes == "llava"
    file.write_text("profile: lava\n")
    with pytest.raises(InputError, match=r"c.yaml:1: .*did you mean 'llava'"):
        load_build_config(file)


def test_formats_lists_all_on_stdout() -> None:
    """As a table, and with --json as one object."""
    shown = CliRunner().invoke(cli, ["formats"])
    assert shown.exit_code == 0
    table = shown.stdout[shown.stdout.index("profile ") :]
    for name, profile in PROFILES.items():
        (line,) = [text for text in table.splitlines() if text.startswith(f"{name} ")]
        for part in (profile.boxes, profile.format, profile.options_style, profile.tokens):
            assert part in line
    for name in (*FORMATS, *FAMILIES):
        assert name in shown.stdout
    listed = json.loads(CliRunner().invoke(cli, ["formats", "--json"]).stdout)
    assert listed["profiles"]["llava"]["image_tokens"] == 576
    assert set(listed["formats"]) == set(FORMATS)
