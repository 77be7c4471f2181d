"""Meta-prompts: files, folders and the shipped set are read strictly, all problems at once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from instraug.errors import InputError
from instraug.files import presets as shipped
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt, listing, load_meta_prompts

ONE = """\
id: voice
title: Use the active voice
kind: guided
text: |
  Rewrite the instruction.
examples:
  - {source: 'By what is {A} followed in {B}?', rewrite: 'In {B}, what follows {A}?'}
  - source: What is it?
    rewrite: Say what it is.
"""

TWO = """\
meta_prompts:
  - {id: b, title: B, kind: direct, text: Rephrase.}
  - {id: a, title: A, kind: guided, text: Shorten.}
"""


def told(source: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_meta_prompts(source)
    return str(caught.value).replace(f"{source.parent}/", "").splitlines()


def told_of(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "m.yaml").write_text(text)
    return told(tmp_path / "m.yaml")


def test_a_file_is_one_meta_prompt(tmp_path: Path) -> None:
    """A mapping of id, title, kind, text and examples is one meta-prompt."""
    (tmp_path / "m.yaml").write_text(ONE)
    examples = (
        Example("By what is {A} followed in {B}?", "In {B}, what follows {A}?"),
        Example("What is it?", "Say what it is."),
    )
    text = "Rewrite the instruction.\n"
    wanted = MetaPrompt("voice", "Use the active voice", "guided", text, examples)
    assert load_meta_prompts(tmp_path / "m.yaml") == (wanted,)


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path: Path) -> None:
    """Files by path, the list of a file in its own order; other files are left alone."""
    (tmp_path / "1.yaml").write_text(TWO)
    (tmp_path / "0.yml").write_text(ONE)
    (tmp_path / "README.md").write_text("no meta-prompt")
    assert listing(load_meta_prompts(tmp_path)) == [
        {"id": "voice", "kind": "guided", "title": "Use the active voice", "examples": 2},
        {"id": "b", "kind": "direct", "title": "B", "examples": 0},
        {"id": "a", "kind": "guided", "title": "A", "examples": 0},
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: voice", "id: 5", "m.yaml:1: id is 5; put it in quotes"),
        ("id: voice", "id: ' '", "m.yaml:1: id is blank; write it"),
        ("id: voice", "name: voice", "unknown key 'name'; did you mean 'id', which is missing?"),
        ("title: Use", "titel: Use", "m.yaml:2: unknown key 'titel'; did you mean 'title'?"),
        ("kind: guided", "kind: guide", "m.yaml:3: kind is 'guide'; did you mean 'guided'?"),
        ("text: |\n  Rewrite the instruction.", "text: ''", "m.yaml:4: text is blank; write it"),
        ("    rewrite: Say what it is.\n", "", "m.yaml:8: examples[1] lacks the key 'rewrite'"),
        ("What is it?", "''", "m.yaml:8: the source or the rewrite of an example is blank"),
        ("What is it?", "7", "m.yaml:8: examples[1].source is 7; put it in quotes"),
        ("follows {A}", "follows it", "m.yaml:7: the rewrite of an example lacks {A} and adds no"),
        ("In {B}, what", "In {A}, what", "lacks {B} and adds {A}; a rewrite keeps every mask"),
        ("Say what", "Say {AB} what", "m.yaml:8: the rewrite of an example lacks nothing and add"),
    ],
)
def test_each_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """What is missing, unknown, blank or of the wrong type, and masks that a rewrite loses."""
    assert old in ONE
    assert any(problem in line for line in told_of(tmp_path, ONE.replace(old, new)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("meta_prompts: 5\n", "m.yaml:1: meta_prompts is 5; give a list"),
        ("meta_prompts: []\n", "m.yaml: holds no meta-prompt; add one, or use the shipped set"),
        ("meta_prompts: [{id: a}, b]\n", "m.yaml:1: meta_prompts[1] is 'b'; give a mapping"),
        (f"{TWO}more: 1\n", "m.yaml:4: unknown key 'more'; use one of: meta_prompts"),
        ("- id: a\n", "m.yaml:1: the file is a list of one, a mapping; give"),
        ("id: &a x\n", "m.yaml:1: the anchor &a; remove it"),
        ("", "m.yaml:1: the file is empty"),
    ],
)
def test_a_file_of_another_shape_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """A file is a meta-prompt or a list of them under its key, and nothing else."""
    assert any(line.startswith(problem) for line in told_of(tmp_path, text))


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """An id that two files share names both places, beside every other problem."""
    (tmp_path / "0.yaml").write_text("id: x\ntitle: T\nkind: direct\ntext: no\n")
    (tmp_path / "1.yaml").write_text("meta_prompts:\n  - id: x\n    kind: odd\n    text: T\n")
    lines = [line.partition(f"{tmp_path.name}/")[2] for line in told(tmp_path)]
    assert [line.partition(": ")[0] for line in lines] == [
        *["0.yaml:4", "1.yaml:2", "1.yaml:2", "1.yaml:3"]
    ]
    assert any("the id 'x' is taken by " in line and "0.yaml:1; " in line for line in lines)


def test_a_missing_or_empty_source_is_told(tmp_path: Path) -> None:
    """A path to nothing, and a folder without meta-prompts, are one line each."""
    assert told(tmp_path / "no.yaml") == ["no.yaml: does not exist; give the path of a YAML file"]
    (tmp_path / "empty").mkdir()
    assert told(tmp_path / "empty") == [
        "empty: holds no meta-prompt; add one, or use the shipped set"
    ]


def test_the_shipped_set_is_the_default() -> None:
    """Without a source the shipped folder is read, and every example in it keeps its masks."""
    found = load_meta_prompts()
    assert found == load_meta_prompts(shipped.folder("meta_prompts"))
    assert {m.kind for m in found} <= {"direct", "guided"}
    for example in (e for m in found for e in m.examples):
        masks = [Counter(re.findall(r"{[A-Z]+}", t)) for t in (example.source, example.rewrite)]
        assert masks[0] == masks[1]
