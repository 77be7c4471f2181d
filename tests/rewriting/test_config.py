"""Config files: strict, every problem at once, and the command line is held to the same bounds."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.errors import InputError, UsageError
from instraug.files import presets as shipped
from instraug.files.decode import Range
from instraug.files.presets import find
from instraug.models.config import Budget, Endpoint, Prices
from instraug.rewriting.config import Config, RuleName, Rules, as_plain, load_config, with_overrides
from instraug.rewriting.judging.rules import ALWAYS, SINGLE

DOCS = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

FULL = """\
model: some-model
base_url: https://example.org/v1
variant: multi-temp
rewrites: 30
temperatures: [0, 0.5, 2]
top_p: 1
samples: 4
choices: 2
answer_tokens: 256
seed: 7
include_eval: true
only: ["VQA_*"]
meta_prompts: mine.yaml
rules:
  off: [length, near_duplicate]
  min_length: 0
  max_length: 3
  near_duplicate: 0.9
  semantic: 0.7
  language: de
endpoint: {concurrency: 4, timeout: 1.5, rpm: 60, allow_http: true, sends: [n, seed]}
budget: {max_requests: 10, max_tokens: 1000, max_cost: 1e-1}
prices:
  some-model: {input: 0.5, output: 1}
"""


def loaded(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load_config(path)


def told(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    """Each value lands in its field, whole numbers where a fraction may stand included."""
    endpoint = Endpoint(concurrency=4, timeout=1.5, rpm=60, allow_http=True, sends=("n", "seed"))
    assert loaded(tmp_path, FULL) == Config(
        model="some-model",
        base_url="https://example.org/v1",
        variant="multi-temp",
        rewrites=30,
        temperatures=(0.0, 0.5, 2.0),
        top_p=1.0,
        samples=4,
        choices=2,
        answer_tokens=256,
        seed=7,
        include_eval=True,
        only=("VQA_*",),
        meta_prompts="mine.yaml",
        rules=Rules(("length", "near_duplicate"), 0.0, 3.0, 0.9, 0.7, "de"),
        endpoint=endpoint,
        budget=Budget(10, 1000, 0.1),
        prices={"some-model": Prices(0.5, 1.0)},
    )


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    """A file of one setting changes one setting; a null is a setting's own None."""
    assert loaded(tmp_path, "seed: 3\n") == Config(seed=3)
    assert loaded(tmp_path, "temperatures: null\nbudget: {max_cost: null}\n") == Config()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rewrite: 5", "unknown key 'rewrite'; did you mean 'rewrites'?"),
        ("max_cost: 5", "unknown key 'max_cost'; use one of: answer_tokens, base_url"),
        ("rules: {min_len: 1}", "unknown key 'min_len'; did you mean 'min_length'?"),
        ("prices: {m: {input: 1, out: 2, output: 3}}", "unknown key 'out'; did you mean 'output'?"),
        ("prices: {m: {input: 1}}", "prices.m lacks the key 'output'; add it"),
        ("rewrites: 0", "rewrites is 0; give a number of at least 1 and at most 1000"),
        ("rewrites: 1001", "rewrites is 1001; give a number of at least 1 and at most 1000"),
        ("rewrites: 2.5", "rewrites is 2.5; give a whole number"),
        ("rewrites: '5'", "rewrites is '5'; give a whole number"),
        ("rewrites: true", "rewrites is true; give a whole number"),
        ("top_p: 0", "top_p is 0.0; give a number above 0 and at most 1"),
        ("top_p: high", "top_p is 'high'; give a number"),
        ("top_p: false", "top_p is false; give a number"),
        ("temperatures: 0.5", "temperatures is 0.5; give a list"),
        ("temperatures: []", "temperatures is an empty list; give at least one"),
        ("temperatures: [1, 2.1]", "temperatures[1] is 2.1; give a number of at least 0 and at"),
        ("temperatures: [-0.1]", "temperatures[0] is -0.1; give a number of at least 0"),
        ("variant: multi_temp", "variant is 'multi_temp'; did you mean 'multi-temp'?"),
        ("model: ''", "model is ''; give at least one, or leave the setting out"),
        ("model: 4", "model is 4; put it in quotes"),
        ("include_eval: 1", "include_eval is 1; write true or false"),
        ("include_eval: yes", "unquoted 'yes' does not mean the same to every reader of YAML"),
        ("seed: 010", "unquoted '010' does not mean the same to every reader of YAML"),
        ("seed:", "seed is empty; give a value, or leave it out"),
        ("only: a*", "only is 'a*'; give a list"),
        ("rules: {off: [lenght]}", "rules.off[0] is 'lenght'; did you mean 'length'?"),
        ("rules: {off: [placeholders]}", "rules.off[0] is 'placeholders'; use one of: contraction"),
        ("rules: {near_duplicate: 1.1}", "rules.near_duplicate is 1.1; give a number of at least"),
        ("rules: {min_length: 2}", "rules.min_length is not below rules.max_length (1.5)"),
        ("rules: [length]", "rules is a list of one, 'length'; give a mapping"),
        ("rules:", "rules is empty; give a value, or leave it out"),
        ("endpoint: {concurrency: 0}", "endpoint.concurrency is 0; give a number of at least 1"),
        ("endpoint: {sends: [logprobs]}", "endpoint.sends[0] is 'logprobs'; use one of: n, seed"),
        ("budget: {max_cost: 0}", "budget.max_cost is 0.0; give a number above 0"),
        ("budget: {max_cost: .inf}", "unquoted '.inf' does not mean the same"),
        ("prices: {m: {input: -1, output: 0}}", "prices.m.input is -1.0; give a number of at"),
        ("- seed: 1", "the file is a list of one, a mapping; give a mapping"),
    ],
)
def test_each_fault_is_one_line_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    """Unknown keys, wrong types and numbers out of range are told at their line, with a fix."""
    (only,) = told(tmp_path, f"# a comment\n{text}\n")
    assert only.startswith(f"c.yaml:2: {problem}")


def test_all_faults_are_told_at_once_by_line(tmp_path: Path) -> None:
    """Faults of the YAML and of the settings come together, in the order of the file."""
    text = "rules:\n  mni_length: 1\n  off: [no]\nsede: 1\ntop_p: 7\nseed: &a 1\ntop_p: 1\n"
    assert [line.split(":")[1] for line in told(tmp_path, text)] == ["2", "3", "4", "5", "6", "7"]


def test_overrides_go_over_the_file(tmp_path: Path) -> None:
    """Given options replace settings, sections in part; None and () leave them as they are."""
    base = loaded(tmp_path, "seed: 3\ntemperatures: [0.5]\nbudget: {max_tokens: 9}\n")
    budget = {"max_cost": 2.5, "max_tokens": None}
    changed = with_overrides(
        base, rewrites=2, model=None, temperatures=(), only=("a", "b"), budget=budget
    )
    assert changed == dataclasses.replace(
        base, rewrites=2, only=("a", "b"), budget=Budget(max_tokens=9, max_cost=2.5)
    )
    assert with_overrides(base) == base


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"temperatures": (3.0,)}, "temperatures[0] is 3.0; give a number of at least 0"),
        ({"temperatures": (float("nan"),)}, "temperatures[0] is nan; give a number"),
        ({"budget": {"max_cost": float("inf")}}, "budget.max_cost is inf; give a number"),
        ({"budget": {"max_cost": 10**400}}, "budget.max_cost is 1000"),
        ({"rewrites": 0}, "rewrites is 0; give a number of at least 1 and at most 1000"),
        ({"endpoint": {"rpm": -1}}, "endpoint.rpm is -1; give a number of at least 1"),
        ({"nonsense": 1}, "unknown key 'nonsense'"),
    ],
)
def test_overrides_are_held_to_the_same_bounds(values: dict[str, Any], problem: str) -> None:
    """A bad option is a usage error (exit 2) of one line."""
    with pytest.raises(UsageError) as caught:
        with_overrides(Config(), **values)
    assert str(caught.value).startswith(f"command line: {problem}")
    assert caught.value.exit_code == 2


def test_a_config_survives_json(tmp_path: Path) -> None:
    """What a manifest holds of a config is JSON, and makes the same config again."""
    config = loaded(tmp_path, FULL)
    plain = json.loads(json.dumps(as_plain(config)))
    assert plain == as_plain(config)
    assert with_overrides(Config(), **plain) == config


def test_no_problem_repeats_a_password(tmp_path: Path) -> None:
    """A URL that holds a secret is not echoed by complaints about other settings."""
    lines = told(tmp_path, "base_url: 'https://u:canary@example.org'\nseed: x\n")
    assert lines == ["c.yaml:2: seed is 'x'; give a whole number"]


@pytest.mark.parametrize("name", ["single", "multi-temp", "iterative"])
def test_shipped_presets_are_found_by_name(name: str) -> None:
    """Each variant has a preset of its name, found wherever one stands, and it is sound."""
    path = find(name)
    assert path == shipped.folder("configs") / f"{name}.yaml"
    assert load_config(path).variant == name


def test_a_path_is_taken_as_it_is() -> None:
    """What has a suffix or a slash is the user's own file, even under a preset's name."""
    assert find("single.yaml") == Path("single.yaml")
    assert find("./single") == Path("single")


def test_an_unknown_preset_is_told_with_the_nearest() -> None:
    """A bare name that nothing ships under is one line that names the nearest preset."""
    with pytest.raises(InputError) as caught:
        find("multitemp")
    assert str(caught.value) == (
        "multitemp: is not a shipped config; a file of your own needs its suffix; "
        "else did you mean 'multi-temp'?"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A config that is not there is one line, not a traceback."""
    with pytest.raises(InputError, match=r"none\.yaml: does not exist; "):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("inside", [True, False])
def test_shipped_files_are_found_in_a_wheel_and_in_a_source_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    """A wheel holds them inside the package, a source tree beside it."""
    package = tmp_path / "instraug"
    wanted = package / "_shipped" / "configs" if inside else tmp_path / "configs"
    wanted.mkdir(parents=True)
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert shipped.folder("configs") == wanted


def _settings(kind: Any = Config, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every setting with its dotted name, its type hint and its default."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from _settings(hint, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", hint, getattr(kind(), field.name)


def test_every_number_has_bounds() -> None:
    """No setting takes just any number: each int and float hint carries a Range."""
    for name, hint, _ in _settings():
        text = str(hint)
        if "int" in text or "float" in text:
            assert "Range(" in text, name
    for hint in typing.get_type_hints(Prices, include_extras=True).values():
        assert typing.get_origin(hint) is Annotated


def test_the_default_config_keeps_its_own_bounds() -> None:
    """Every default would be accepted from a file."""
    assert with_overrides(Config(), **as_plain(Config())) == Config()


def test_rule_names_are_those_of_the_rules() -> None:
    """`rules.off` takes exactly the rules that may be turned off."""
    among_others = ("duplicate", "near_duplicate", "semantic")
    assert set(typing.get_args(RuleName)) == {*SINGLE, *among_others} - ALWAYS


def test_the_docs_name_every_setting_and_its_default() -> None:
    """The table in docs/configuration.md has one row a setting, with its current default."""
    rows = [line.split("|")[1:3] for line in DOCS.read_text().splitlines() if "| `" in line[:3]]
    documented = {name.strip(" `"): default.strip(" `") for name, default in rows}
    plain = as_plain(Config())
    wanted = {}
    for name, _, _ in _settings():
        value: Any = plain
        for step in name.split("."):
            value = value[step]
        wanted[name] = json.dumps(value)
    assert documented == wanted


@settings(deadline=None)
@given(st.floats(allow_nan=True) | st.integers(), st.floats(-5, 5), st.booleans())
def test_a_range_says_yes_exactly_inside(value: float, low: float, above: bool) -> None:
    """Inside is None, outside (NaN too) is a fix that names the bounds."""
    inside = low < value <= low + 1 if above else low <= value <= low + 1
    fix = Range(low, low + 1, above)(value)
    assert (fix is None) == inside
    assert fix is None or f"{low:g}" in fix
