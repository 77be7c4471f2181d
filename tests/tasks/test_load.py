"""Task folders: what is read, and that every problem of every file is told at once."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.errors import InputError
from instraug.files.strict_yaml import dump
from instraug.tasks.load import load_tasks, read_tasks
from instraug.tasks.placeholders import escape
from instraug.tasks.records import Task, TaskKeys
from instraug.tasks.rendering import renderer
from instraug.tasks.save import write as save

DOCS = Path(__file__).resolve().parents[2] / "docs" / "task-folder.md"

FULL = """\
name: object_region_match
category: Grounded Matching
split: eval
output: label
instructions:
  - 'Is the object "{text}" in {region}? {options_token} {options}'
  - |-
    Look at {meta_data.relation[-1]}, {{literally}}.

    Which holds?
constants: {options_token: "\\n\\n[Options]:"}
separators: {region: "||||", meta_data.relation: " "}
defaults: {options: [next, previous], region: 3}
fields: [text, region, options, meta_data]
labels: ["yes", "no"]
answers: index0
fixed_options: true
answer_form: choice
sources: [vqav2]
"""


def write(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for i, text in enumerate(texts):
        (folder / f"{i}.yaml").write_text(text)
    return folder


def told(folder: Path) -> list[str]:
    """All problems, without the folder's own path."""
    return [str(p).replace(f"{folder}{os.sep}", "") for p in read_tasks(folder)[1]]


def told_of(folder: Path, text: str) -> list[str]:
    return told(write(folder, text))


def with_instruction(text: str, **more: Any) -> str:
    return dump({"name": "a", "instructions": [text], **more})


def test_every_key_of_a_task_file_is_read(tmp_path: Path) -> None:
    """A file that uses every key becomes the Task it describes, text by text."""
    (task,) = load_tasks(write(tmp_path / "t", FULL))
    texts = (
        'Is the object "{text}" in {region}? {options_token} {options}',
        "Look at {meta_data.relation[-1]}, {{literally}}.\n\nWhich holds?",
    )
    assert task == Task(
        name="object_region_match",
        instructions=texts,
        category="Grounded Matching",
        split="eval",
        output="label",
        constants={"options_token": "\n\n[Options]:"},
        separators={"region": "||||", "meta_data.relation": " "},
        defaults={"options": ["next", "previous"], "region": 3},
        fields=("text", "region", "options", "meta_data"),
        labels=("yes", "no"),
        answers="index0",
        fixed_options=True,
        answer_form="choice",
        sources=("vqav2",),
        source=str(tmp_path / "t" / "0.yaml"),
    )


def test_only_name_and_instructions_are_required(tmp_path: Path) -> None:
    """The rest has its defaults, and any field may be named."""
    (task,) = load_tasks(write(tmp_path / "t", "name: a\ninstructions: ['x {anything.at[0]}']\n"))
    assert (task.category, task.split, task.output) == ("Miscellaneous", "train", "text")
    assert (task.constants, task.separators, task.defaults) == ({}, {}, {})
    assert (task.fields, task.labels) == (None, ())


def test_tasks_come_sorted_by_path_from_subfolders_too(tmp_path: Path) -> None:
    """The order is that of the paths, whatever the names of the tasks."""
    for path, name in [("b.yaml", "first"), ("a/z.yml", "second"), ("c/d/e.yaml", "third")]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"name: {name}\ninstructions: [x]\n")
    assert [t.name for t in load_tasks(tmp_path)] == ["second", "first", "third"]


def test_a_repeated_instruction_is_kept(tmp_path: Path) -> None:
    """MultiInstruct repeats instructions in a task: each keeps its place, none is a problem."""
    (task,) = load_tasks(write(tmp_path / "t", "name: a\ninstructions: ['{q}', '{q}', x]\n"))
    assert [(t.text, t.origin) for t in task.templates] == [("{q}", 0), ("{q}", 1), ("x", 2)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("instructions: [x]", "0.yaml:1: the file lacks the key 'name'; add it"),
        ("name: a", "0.yaml:1: the file lacks the key 'instructions'; add it"),
        ("name: a\ninstructions: []", "0.yaml:2: instructions is an empty list; give at least one"),
        ("name: a\ninstructions: x", "0.yaml:2: instructions is 'x'; give a list"),
        ("name: a\ninstructions:", "0.yaml:2: instructions is empty; give a value"),
        ("name: a\ninstructions: ['']", "0.yaml:2: instructions[0] is ''; write it, or remove it"),
        ("name: a\ninstructions:\n - ' '", "0.yaml:3: instructions[0] is ' '; write it"),
        ("name: a\ninstructions:\n - x\n -", "0.yaml:4: instructions[1] is empty"),
        ("name: a\ninstructions:\n - 10", "0.yaml:3: instructions[0] is 10; put it in quotes"),
        ("name: a\ninstructions: [true]", "0.yaml:2: instructions[0] is true; put it in quotes"),
        ("name: a\ninstructions: [{text}]", "instructions[0] is a mapping; put it in quotes"),
        (
            "name: a\ninstructions: [[Options]]",
            "[0] is a list of one, 'Options'; write what is in the list",
        ),
        ("name: [a]\ninstructions: [x]", "0.yaml:1: name is a list of one, 'a'; write what is in"),
        (
            "name: {a: b}\ninstructions: [x]",
            "name is a mapping; write the text alone, without the key",
        ),
        (
            "name: a\ninstructions: '[\"x\"]'",
            "instructions is '[\"x\"]'; take the quotes around the",
        ),
        ("name: a\ninstructions: [[x, y]]", "[0] is a list; write each of its 2 items after"),
        ("name: a\ninstructions:\n- text: x", "write the text alone, without the key 'text'"),
        ("name: [no]\ninstructions: [x]", "0.yaml:1: unquoted 'no' does not mean the same"),
        ("name: a\ninstructions: [[no, x]]", "0.yaml:2: unquoted 'no' does not mean the same"),
        ("name: a\ninstruction: [x]", "unknown key 'instruction'; did you mean 'instructions'?"),
        ("Name: a\ninstructions: [x]", "unknown key 'Name'; did you mean 'name'?"),
        ("tasks:\n - name: a", "0.yaml:1: unknown key 'tasks'; use one of: answer_form"),
        ("name: 7\ninstructions: [x]", "0.yaml:1: name is 7; put it in quotes"),
        ("name: ' a'\ninstructions: [x]", "0.yaml:1: name is ' a'; give one line of text"),
        ('name: "a\\nb"\ninstructions: [x]', "name is 'a\\nb'; give one line of text"),
        ("name: ''\ninstructions: [x]", "name is ''; give one line of text"),
        ("name: no\ninstructions: [x]", "0.yaml:1: unquoted 'no' does not mean the same"),
        ("- a\n- b", "0.yaml:1: the file is a list; give a mapping"),
        (
            "name: a\ntemplates: [x]",
            "unknown key 'templates'; did you mean 'instructions', which is missing?",
        ),
        ("name: a\ninstructions:\n\t- x", "a tab in the indentation; indent with spaces"),
        ("just text", "0.yaml:1: the file is 'just text'; give a mapping"),
    ],
)
def test_what_every_task_needs(tmp_path: Path, text: str, problem: str) -> None:
    """A name and instructions that are missing, empty or of the wrong type, at their line."""
    (only,) = told_of(tmp_path / "t", text)
    assert problem in only


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("instruction: [x]", "unknown key 'instruction'; did you mean 'instructions'?"),
        ("LABELS: [x]", "unknown key 'LABELS'; did you mean 'labels'?"),
        ("zzz: 1", "unknown key 'zzz'; use one of: answer_form, answers, category, constants"),
        ("split: test", "split is 'test'; use one of: eval, train"),
        ("split: Train", "split is 'Train'; did you mean 'train'?"),
        ("output: region!", "output is 'region!'; did you mean 'region'?"),
        ("output: 3", "output is 3; use one of: label, region, text"),
        ("category: [VQA]", "category is a list of one, 'VQA'; write what is in the list"),
        ("constants: {t: 3}", "constants.t is 3; put it in quotes"),
        ("constants: {t: [x]}", "constants.t is a list of one, 'x'; write what is in the list"),
        (
            "constants: [t]",
            "constants is a list of one, 't'; give a mapping, each line 'name: value'",
        ),
        ("constants: {'a b': x}", "constants names 'a b', which no placeholder can"),
        ("constants: {a.b: x}", "constants names 'a.b', which no placeholder can"),
        ("separators: {region: 1}", "separators.region is 1; put it in quotes"),
        ("separators: {'{region}': x}", "separators names '{region}', which no placeholder can"),
        ("separators: {'a} {b': x}", "separators names 'a} {b', which no placeholder can"),
        ("separators: {x y: z}", "separators names 'x y', which no placeholder can"),
        ("defaults: {a.b: x}", "defaults names 'a.b', which no placeholder can"),
        ("defaults: {options: }", "the default of 'options' is empty; give a value"),
        ("defaults: {options: [yes]}", "unquoted 'yes' does not mean the same"),
        ("answers: index2", "answers is 'index2'; did you mean 'index0'?"),
        ("answers: 1", "answers is 1; use one of: index0, index1, letter, text"),
        ("fixed_options: 'true'", "fixed_options is 'true'; write true or false"),
        ("labels: [1]", "labels[0] is 1; put it in quotes"),
        ("labels: [no]", "unquoted 'no' does not mean the same"),
        ("labels: ['']", "labels[0] is ''; write it, or remove it"),
        ("fields: [a b]", "fields[0] is 'a b'; a name is letters, digits and _ after a letter"),
        ("fields: text", "fields is 'text'; give a list"),
        ("fields: '[\"a\"]'", "fields is '[\"a\"]'; take the quotes around the list off"),
        ("labels: 3", "labels is 3; give a list"),
        ("split: [train]", "split is a list of one, 'train'; did you mean 'train'?"),
        ("fields: [1]", "fields[0] is 1; put it in quotes"),
        ("category: [yes]", "unquoted 'yes' does not mean the same"),
        ("fixed_options: [yes]", "unquoted 'yes' does not mean the same"),
        ("answers: [on]", "unquoted 'on' does not mean the same"),
        ("split: [a, off]", "unquoted 'off' does not mean the same"),
        ("constants: [1:30]", "unquoted '1:30' does not mean the same"),
    ],
)
def test_each_other_key_has_its_type(tmp_path: Path, text: str, problem: str) -> None:
    """An unknown key, or a value of the wrong type or spelling, is one problem at its line."""
    (only,) = told_of(tmp_path / "t", f"name: a\n{text}\ninstructions: [x]\n")
    assert only.startswith("0.yaml:2: ")
    assert problem in only


@pytest.mark.parametrize(
    "brace",
    [
        *["{}", "{0}", "{ text }", "{text!r}", "{text:>900000000}", "{text.__class__}", "{_x}"],
        *["{te", "x}", "{a[b]}", "{a['b']}", "{a.}", "{{a}", "{'json': 1}", "{a[9999999999]}"],
    ],
)
def test_a_brace_that_is_no_placeholder_is_told_with_its_line(tmp_path: Path, brace: str) -> None:
    """Nothing is evaluated or guessed: file, line, column of the instruction, and the fix."""
    text = f"name: a\ninstructions:\n  - fine\n  - |\n    So:\n    {brace}\n"
    (only,) = told_of(tmp_path / "t", text)
    assert only.startswith("0.yaml:4: malformed placeholder ")
    assert " at column " in only
    assert "or double the brace ({{ or }}) for a literal one" in only


def test_every_malformed_placeholder_of_a_line_is_told(tmp_path: Path) -> None:
    """A line with three faults gives three problems, JSON and all that it encloses one."""
    found = told_of(tmp_path / "t", with_instruction('{a b} {c-d} {"e": {"f": 1}} {text} }'))
    seen = [line.partition("malformed placeholder ")[2].partition(";")[0] for line in found]
    assert seen == [
        "'{a b}' at column 1",
        "'{c-d}' at column 7",
        """'{"e": {"f": 1}}' at column 13""",
        "'}' at column 36",
    ]


@pytest.mark.parametrize(
    ("text", "more", "doubled"),
    [
        ("Is {{text}} so?", {"fields": ["text"]}, ["{{text}}"]),
        ("Is {{ text }} so, {{text.a[0]}}?", {"fields": ["text"]}, ["{{text}}", "{{text.a[0]}}"]),
        ("Is {{text | upper}} so?", {"defaults": {"text": "x"}}, ["{{text}}"]),
        ("Is {text} or {{text}} so?", {}, ["{{text}}"]),
        ("Is {{opt}} so?", {"constants": {"opt": "x"}}, ["{{opt}}"]),
        ("Is {{x}} so?", {"separators": {"x[0]": "y"}}, ["{{x}}"]),
        ("Is {{a}} so, or {{b}}?", {}, ["{{a}}", "{{b}}"]),
        ("Is {{{text}}} so, {{other}}?", {"fields": ["text"]}, []),
        ("Is {text} so, {{literally}} {{text of it}}?", {}, []),
        ("Is {text} like {shown}?", {"constants": {"shown": "{text}"}}, []),
        ("Say {{yes}}.", {"fields": []}, []),
    ],
)
def test_doubled_braces_around_a_field_are_a_problem(
    tmp_path: Path, text: str, more: dict[str, Any], doubled: list[str]
) -> None:
    """Who comes from Jinja learns how a field is written, and how a literal one is."""
    found = told_of(tmp_path / "t", with_instruction(text, **more))
    assert [line.split()[1] for line in found] == doubled
    assert all(
        "in constants" in line and f"write {d[1:-1]};" in line
        for line, d in zip(found, doubled, strict=True)
    )


def test_a_constant_spells_a_literal_field(tmp_path: Path) -> None:
    """What the problem advises renders the braces as they are."""
    text = with_instruction("Is {text} like {shown}?", constants={"shown": "{text}"})
    (task,) = load_tasks(write(tmp_path / "t", text))
    assert renderer(task.templates[0].text, task)({"text": "x"}) == "Is x like {text}?"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{texr}", "unknown field {texr}; list it in fields, or did you mean 'text'?"),
        ("{TEXT}", "unknown field {TEXT}; list it in fields, or did you mean 'text'?"),
        ("{zzz.y[0]}", "unknown field {zzz.y[0]}; list it in fields, or use one of: opt, text"),
        ("{opt.x}", "{opt.x} asks for a part of the constant 'opt'; write {opt}"),
    ],
)
def test_an_unknown_field_is_told_with_the_nearest(tmp_path: Path, text: str, problem: str) -> None:
    """With `fields`, a placeholder names one of them or a constant; the same one is told once."""
    file = with_instruction(f"{text} {text}", fields=["text"], constants={"opt": "x"})
    assert told_of(tmp_path / "t", file) == [f"0.yaml:3: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fields: [t]\nconstant: {k: x}", "2: unknown key 'constant'; did you mean 'constants'?"),
        ("fields: [t]\nconstants: ['k']", "2: constants is a list of one, 'k'; give a mapping"),
        ("fields: [t]\nconstants: [no]", "2: unquoted 'no' does not mean the same"),
        ("constants: {o: x}\nfields: [1]", "2: fields[0] is 1; put it in quotes"),
        ("constants: {o: x}\nfields: [t, no]", "2: unquoted 'no' does not mean the same"),
    ],
)
def test_a_fault_in_what_names_fields_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    """The placeholders that it makes look unknown are no faults of their own."""
    file = f"{text}\nname: a\ninstructions: ['{{t}} {{k}} {{o}}']\n"
    (only,) = told_of(tmp_path / "t", file)
    assert only.startswith(f"0.yaml:{problem}")


def test_malformed_and_unknown_placeholders_come_at_once(tmp_path: Path) -> None:
    """One that is malformed hides none of the others of its text."""
    text = "name: a\nfields: [text, region]\ninstructions:\n  - |\n    {txt}\n    {a b} {regio}\n"
    found = told_of(tmp_path / "t", text)
    assert sorted(line.split(";")[0].partition(": ")[2] for line in found) == [
        "malformed placeholder '{a b}' at column 7",
        "unknown field {regio}",
        "unknown field {txt}",
    ]


def test_known_fields_and_constants_are_no_problem(tmp_path: Path) -> None:
    """Listed fields, parts of them, and constants may be named; separators and defaults too."""
    more = {"fields": ["text"], "constants": {"opt": "x"}, "separators": {"text.x": ","}}
    file = with_instruction("{text} {text.x[1]} {opt}", **more, defaults={"text": "y"})
    assert told_of(tmp_path / "t", file) == []


def test_separators_and_defaults_name_known_fields(tmp_path: Path) -> None:
    """A separator or default that could never be used is a misspelling, and told."""
    more = {"separators": {"texts[0]": ","}, "defaults": {"tex": "y"}}
    file = with_instruction("{text}", fields=["text"], **more)
    assert told_of(tmp_path / "t", file) == [
        "0.yaml:7: unknown field {texts[0]}; list it in fields, or did you mean 'text'?",
        "0.yaml:9: unknown field {tex}; list it in fields, or did you mean 'text'?",
    ]


def test_two_tasks_of_one_name_are_told_with_both_places(tmp_path: Path) -> None:
    """The second names the first, even where the first has problems of its own."""
    folder = write(tmp_path / "t", "x: 1\nname: a\n", "name: a\ninstructions: [x]\n")
    assert told(folder)[-1] == (
        f"1.yaml:1: the task name 'a' is taken by {folder}/0.yaml:2; "
        "give every task a name of its own"
    ).replace(f"{folder}/", "")


@pytest.mark.parametrize(("one", "two"), [("VG", "vg"), ("straße", "STRASSE"), ("é", "e\u0301")])
def test_names_that_are_one_file_on_some_systems_are_refused(
    tmp_path: Path, one: str, two: str
) -> None:
    """Names that differ in case or composition alone: both are named, with where the first is."""
    folder = write(
        tmp_path / "t", f"name: {one}\ninstructions: [x]\n", f"name: {two}\ninstructions: [x]\n"
    )
    (line,) = told(folder)
    assert line.startswith(f"1.yaml:1: the task name {two!r} is taken by 0.yaml:1, for {one!r} is")
    assert line.endswith(" the same file name on some systems; give every task a name of its own")


def test_all_problems_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    """Files by path, problems by line; the sound tasks beside them are still read."""
    folder = write(
        tmp_path / "t",
        "name: a\nsplit: no\ninstructions:\n  - '{'\n  - 5\n  - '{x y}'\nlabel: [x]\nlabel: 1\n",
        FULL,
        "name: [",
        "",
        "name: b\n",
    )
    sound, problems = read_tasks(folder)
    assert [t.name for t in sound] == ["object_region_match"]
    where = [p.where.replace(f"{folder}/", "") for p in problems]
    assert where == [
        *["0.yaml:2", "0.yaml:4", "0.yaml:5", "0.yaml:6", "0.yaml:7", "0.yaml:8"],
        *["2.yaml:1", "3.yaml:1", "4.yaml:1"],
    ]
    with pytest.raises(InputError) as caught:
        load_tasks(folder)
    assert caught.value.problems == problems
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"name: a\ninstructions: ['x\x00']\n", "2: U+0000 is not printable text"),
        (b"name: a\ninstructions: ['\x1b[2J']\n", "2: U+001B is not printable text"),
        (b"name: a\ninstructions: ['\xed\xa0\x80']\n", "2: byte 24 (0xed) is not UTF-8"),
        (b"name: a\ninstructions: ['\xff']\n", "2: byte 24 (0xff) is not UTF-8"),
        (b"name: a\ninstructions: " + b"[" * 5000, "2: nested deeper than 20 levels"),
        (b"name: a\nname: b\ninstructions: [x]\n", "2: the key 'name' is given twice"),
        (b"name: a\ninstructions: &a [x]\nlabels: *a\n", "2: the anchor &a"),
        (b"name: a\ninstructions: [x]\ndefaults: {a: .nan}\n", "3: unquoted '.nan'"),
        (b"name: a\ninstructions: [x]\ndefaults: {a: " + b"1" * 5000 + b"}", "3: unquoted '111"),
        (b"name: a\ninstructions: [!!python/object/new:os.system [x]]\n", "2: the tag "),
        (b"x" * (1 << 20) + b"x", " holds more than 1,048,576 bytes"),
    ],
)
def test_hostile_bytes_are_one_clear_line(tmp_path: Path, content: bytes, what: str) -> None:
    """Control characters, broken text, bombs, depth, size: told by line, never a traceback."""
    folder = write(tmp_path / "t")
    (folder / "a.yaml").write_bytes(content)
    started = time.process_time()
    assert told(folder)[0].startswith(f"a.yaml:{what}")
    assert time.process_time() - started < 1


def test_bom_crlf_and_line_separators_are_read(tmp_path: Path) -> None:
    """A file as Windows editors write it is the same task; U+2028 stays in its instruction."""
    folder = write(tmp_path / "t")
    text = "\ufeffname: a\r\ninstructions:\r\n  - 'x \u2028 {y}'\r\n  - '{'\r\n"
    (folder / "a.yaml").write_bytes(text.encode())
    (only,) = told(folder)
    assert only.startswith("a.yaml:4: ")
    (folder / "a.yaml").write_bytes(text.replace("'{'", "z").encode())
    assert [t.text for t in load_tasks(folder)[0].templates] == ["x \u2028 {y}", "z"]


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    """Links (to a file, a folder, upwards), a FIFO and a device are problems, not followed."""
    folder = write(tmp_path / "t", FULL)
    write(tmp_path / "outside", "name: secret\ninstructions: [x]\n")
    (folder / "link.yaml").symlink_to(tmp_path / "outside" / "0.yaml")
    (folder / "up").symlink_to("..")
    (folder / "abs").symlink_to(tmp_path / "outside")
    (folder / "null.yml").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.yaml")
    sound, _ = read_tasks(folder)
    assert [t.name for t in sound] == ["object_region_match"]
    names = [line.split(":")[0] for line in told(folder)]
    assert names == ["abs", "link.yaml", "null.yml", "pipe.yaml", "up"]


def test_a_folder_given_through_a_link_is_read(tmp_path: Path) -> None:
    """The folder that the user names may itself be a link; only what is in it may not."""
    (tmp_path / "link").symlink_to(write(tmp_path / "t", FULL))
    assert len(load_tasks(tmp_path / "link")) == 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("missing", "does not exist; give the folder that holds the task files"),
        ("file.yaml", "is not a folder; give the folder that holds the task files"),
        ("empty", "holds no task file; put one .yaml file a task into it"),
    ],
)
def test_what_is_no_task_folder_is_told(tmp_path: Path, name: str, what: str) -> None:
    """A missing folder, a file and an empty folder each end in one clear line."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("no task")
    (tmp_path / "file.yaml").write_text(FULL)
    with pytest.raises(InputError) as caught:
        load_tasks(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {what}"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn"))), min_size=1))
def test_any_text_survives_a_task_file(texts: list[str]) -> None:
    """Whatever stands in an instruction, a written task file gives it back unchanged."""
    instructions = [f"{{text}}{escape(t)}" for t in texts]
    with tempfile.TemporaryDirectory() as folder:
        text = dump({"name": "a", "instructions": instructions})
        (Path(folder) / "a.yaml").write_bytes(text.encode())
        (task,) = load_tasks(Path(folder))
    assert [t.text for t in task.templates] == instructions


def test_a_file_of_nothing_but_faults_stays_cheap(tmp_path: Path) -> None:
    """24,000 unknown fields against 24,000 known ones end within seconds, each told."""
    fields = [f"f{i}" for i in range(24_000)]
    text = dump({"name": "a", "fields": fields, "instructions": [f"{{g{f}}}" for f in fields]})
    started = time.process_time()
    problems = told_of(tmp_path / "t", text)
    assert time.process_time() - started < 10
    assert Counter(p.partition("; ")[2] for p in problems) == {
        "list it in fields, or remove it": 24_000
    }


def test_the_documentation_names_every_key_and_no_other() -> None:
    """docs/task-folder.md has a row for each key, and its example uses them all, in that order."""
    text = DOCS.read_text(encoding="utf-8")
    keys = [field.name for field in dataclasses.fields(TaskKeys)]
    table = text.partition("## Placeholders")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(keys)
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert re.findall(r"^(\w+):", example, re.MULTILINE) == keys


def test_a_saved_task_is_read_back_key_by_key(tmp_path: Path) -> None:
    """What the file of every key says is what is written of it, and read again."""
    (task,) = load_tasks(write(tmp_path / "t", FULL))
    save([task], tmp_path / "again")
    (again,) = load_tasks(tmp_path / "again")
    assert again.keys() == task.keys()
    assert all(task.keys().values())
