"""MultiInstruct's templates are read as syntax, mapped exactly, and never guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import InputError, StorageError
from instraug.tasks.importers.multiinstruct import catalog, source, table
from instraug.tasks.importers.multiinstruct.elements import MappedTemplate
from instraug.tasks.importers.multiinstruct.templates import Imported, read_templates
from instraug.tasks.placeholders import escape
from instraug.tasks.records import Task
from instraug.tasks.rendering import renderer

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TABLE = SHARED / "multiinstruct_templates.tsv"
CHECKOUT = os.environ.get("MULTIINSTRUCT_CHECKOUT")

PREAMBLE = """
import random

def build_instruction(task, text=None, options=None, meta_data=None, instruction_id=-1):
    image_token = "image"
    options_token = "\\n\\n[Options]:"
    split_token = "||||"
    region_split_token = "||||"
    if options:
        random.shuffle(options)
        options_str = f"{options_token} {split_token.join(options)}"
"""


def python(tmp_path: Path, *branches: str) -> Imported:
    """Import a file with the given branches: ``NAME`` and an indented body each, by a newline."""
    chain = "    if task == 'never':\n        instructs = ['x']\n"
    for branch in branches:
        name, _, body = branch.partition("\n")
        chain += f"    elif task == '{name}':\n{body}\n"
    chain += "    else:\n        raise NotImplementedError\n"
    file = tmp_path / "instruction_templates.py"
    file.write_text(PREAMBLE + chain, encoding="utf-8")
    return read_templates(file)


def texts(imported: Imported, name: str) -> list[str]:
    return [t.text for task in imported.tasks if task.name == name for t in task.templates]


def task(imported: Imported, name: str) -> Task:
    return next(task for task in imported.tasks if task.name == name)


def tsv(tmp_path: Path, *rows: tuple[str, str]) -> Imported:
    quoted = [(n, t.replace('"', '""')) for n, t in rows]
    file = tmp_path / "templates.tsv"
    lines = ["task_name\tinstructions", *(f'{n}\t"{t}"' for n, t in quoted)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_templates(file)


@pytest.mark.parametrize(
    ("expression", "ours"),
    [
        ("text", "{text}"),
        (" question ", "{question}"),
        ("context", "{context}"),
        ("answer", "{answer}"),
        ("options_token", "{options_token}"),
        ("region_token", "{region_token}"),
        ("image_token", "{image_token}"),
        ("split_token.join(options)", "{options}"),
        ("split_token. join(options)", "{options}"),
        ("options_str", "{options_token} {options}"),
        ("region_split_token.join(region)", "{region}"),
        ("split_token.join(region)", "{region}"),
        ("region", "{region}"),
        ("region[0]", "{region[0]}"),
        ("region[-1]", "{region[-1]}"),
        ("meta_data['relation']", "{meta_data.relation}"),
        ('meta_data["a"]["b"]', "{meta_data.a.b}"),
        ("given_region", "{given_region}"),
        ("region_info", "{region_info}"),
        ("' '.join(dial_history)", "{dialog_history}"),
        ("dial_history[-1]", "{dialog_history[-1]}"),
    ],
)
def test_every_known_expression_has_its_placeholder(
    tmp_path: Path, expression: str, ours: str
) -> None:
    """An expression of the release becomes the placeholder that renders the same."""
    imported = tsv(tmp_path, ("some_task", f"Look at {{{expression}}} now"))
    assert texts(imported, "some_task") == [f"Look at {ours} now"]


@pytest.mark.parametrize(
    "expression",
    [
        "options",
        "meta_data",
        "dial_history",
        "text[0]",
        "text.upper()",
        "text!r",
        "text:>9",
        "text + question",
        "', '.join(text)",
        "split_token.join(options, region)",
        "split_token.join(sorted(options))",
        "split_token.join(*options)",
        "split_token.split(options)",
        "text.join(options)",
        "region[not 1]",
        "region[0:2]",
        "region[True]",
        "region[0]['x']",
        "region['x']",
        "meta_data[0]",
        "meta_data['a b']",
        "meta_data['__class__']",
        "meta_data['a'][0]",
        "given_region[0]",
        "premise",
        "__import__('os').system('true')",
        "lambda: 0",
        "",
        "1",
        "(" * 250,
        "text" + "." * 400,
    ],
)
def test_any_other_expression_is_reported_and_left_out(tmp_path: Path, expression: str) -> None:
    """What has no known meaning is one line with file, line and task, and no template."""
    imported = tsv(tmp_path, ("kept", "Say {text}"), ("odd", f"Look at {{{expression}}} now"))
    assert [t.name for t in imported.tasks] == ["kept"]
    (problem,) = imported.left_out
    assert problem.where.endswith("templates.tsv:3")
    assert problem.what.startswith("task odd: cannot map")
    assert problem.fix == "left out"


@given(st.text(alphabet="{}[]()'\"\\.:!=,+-*0aregiontxmd_ ", max_size=40))
def test_no_text_breaks_the_table_reader(text: str) -> None:
    """Whatever stands in a cell, the reader gives a template that parses, or a reason."""
    cell = '"' + text.replace('"', '""') + '"'
    (found,) = table.read(f"task_name\tinstructions\nsome_task\t{cell}\n", "t.tsv")
    if isinstance(found, MappedTemplate):
        assert callable(renderer(found.text, Task("some_task", ())))
    else:
        assert found.where == "t.tsv:2"


_LITERAL = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f")
    | st.sampled_from('{}"\\\n\t\u2028'),
    max_size=12,
).filter(lambda s: all(not 0x7F <= ord(c) <= 0x9F for c in s))
_VALUES = {
    "text": "a {text} 'x'",
    "question": "who?",
    "meta_data['relation']": "on",
    "region[1]": "5 6 7 8",
    "split_token.join(region)": "1 2 3 4||||5 6 7 8",
    "options_str": "\n\n[Options]: b||||a",
}
_ROW = {
    "text": "a {text} 'x'",
    "question": "who?",
    "meta_data": {"relation": "on"},
    "region": ["1 2 3 4", "5 6 7 8"],
    "options": ["b", "a"],
}


@given(st.lists(st.tuples(_LITERAL, st.sampled_from(sorted(_VALUES))), min_size=1, max_size=4))
def test_a_template_renders_as_the_f_string_did(parts: list[tuple[str, str]]) -> None:
    """Literal text comes out byte for byte, braces and quotes too, around the values."""
    wanted = "".join(literal + _VALUES[name] for literal, name in parts)
    quoting = str.maketrans({"\\": "\\\\", '"': '\\"'})
    body = "".join(escape(literal).translate(quoting) + f"{{{name}}}" for literal, name in parts)
    code = f'def build(task):\n    if task == "a":\n        instructs = [f"""{body}"""]\n'
    (found,) = source.read(code, "t.py")
    assert isinstance(found, MappedTemplate), found
    made = Task("a", (), constants=found.constants, separators=found.separators)
    assert renderer(found.text, made)(_ROW) == wanted


def test_the_python_file_is_never_run(tmp_path: Path) -> None:
    """Code at the top of the file, in the function and in a placeholder has no effect."""
    witness = tmp_path / "witness"
    evil = f"open({str(witness)!r}, 'w')"
    file = tmp_path / "instruction_templates.py"
    file.write_text(
        f"{evil}\ndef build(task, d={evil}):\n    if task == 'a':\n        {evil}\n"
        f"        instructs = ['Look.', f\"{{{evil}}}\"]\n",
        encoding="utf-8",
    )
    imported = read_templates(file)
    assert texts(imported, "a") == ["Look."]
    assert imported.left_out[0].what.startswith("task a: cannot map open(")
    assert not witness.exists()


def test_a_folder_stands_for_its_file(tmp_path: Path) -> None:
    """A checkout is read by the name of the release's file."""
    python(tmp_path, "a\n        instructs = ['Look.']")
    assert texts(read_templates(tmp_path), "a") == ["Look."]


def test_computed_locals_become_named_fields(tmp_path: Path) -> None:
    """A local with a known definition is our computed field; the target's region never shows."""
    regions = "meta_data['object_regions']"
    imported = python(
        tmp_path,
        f"""visual_subject_region
        region =  region_split_token.join({regions}["object"])
        instructs = [f"Near {{region}}?"]""",
        f"""visual_object_region
        region = region_split_token.join({regions}['subject'])
        instructs = [f"Near {{region}}?"]""",
        f"""overlap
        given_region = region_split_token.join({regions}['given_region'])
        instructs = [f"Which meets {{given_region}}? {{region[0]}}"]""",
        """wikihow_next_step
        context = '\\n'.join(context) if len(context)>0 else '\\"nothing\\"'
        instructs = [f"Done: {context}"]""",
    )
    assert texts(imported, "visual_subject_region") == ["Near {object_region}?"]
    assert texts(imported, "visual_object_region") == ["Near {subject_region}?"]
    assert texts(imported, "overlap") == ["Which meets {given_region}? {region[0]}"]
    assert texts(imported, "wikihow_next_step") == ["Done: {previous_steps}"]
    assert task(imported, "wikihow_next_step").separators == {"previous_steps": "\n"}
    assert imported.left_out == ()


@pytest.mark.parametrize(
    "computing",
    [
        "region = region_split_token.join(meta_data['object_regions']['target'])",
        "region = ', '.join(meta_data['object_regions']['subject'])",
        "region = meta_data['object_regions']['subject']",
        "for region in meta_data: pass",
        "region += 'x'",
        "region.append('x')",
        "if meta_data: region = text",
    ],
)
def test_a_local_computed_otherwise_is_not_guessed(tmp_path: Path, computing: str) -> None:
    """A definition that the release does not have leaves out the templates that use it."""
    body = f"""visual_object_region
        {computing}
        instructs = [f"In {{region}}?", f"What is {{text}}?"]"""
    imported = python(tmp_path, body)
    assert texts(imported, "visual_object_region") == ["What is {text}?"]
    (problem,) = imported.left_out
    assert problem.what == "task visual_object_region: cannot map region"


def test_options_that_no_row_holds_become_defaults(tmp_path: Path) -> None:
    """A fixed list of options is the task's default, shuffled or not."""
    body = """ordering
        options = ['next','previous']
        random.shuffle(options)
        instructs = [f"Which? {split_token.join(options)}"]"""
    found = task(python(tmp_path, body), "ordering")
    assert found.defaults == {"options": ["next", "previous"]}
    assert found.templates[0].text == "Which? {options}"


def test_a_dialogue_task_splits_by_its_history(tmp_path: Path) -> None:
    """Templates with and without history become two tasks."""
    turns = "[ f\"{dial_turn['q']}, {dial_turn['a']};\" for dial_turn in meta_data['dialog_hist']]"
    body = f"""visual_dialog
        dial_history = {turns}
        if len(dial_history) > 0:
            instructs = [f"So far: {{' '.join(dial_history)}} {{question}}",
                         f"{{dial_history[-1]}}"]
        else:
            instructs = [f"{{question}}?"]"""
    imported = python(tmp_path, body)
    has = task(imported, "visual_dialog_has_hist")
    assert [t.text for t in has.templates] == [
        "So far: {dialog_history} {question}",
        "{dialog_history[-1]}",
    ]
    assert has.separators == {"dialog_history": " "}
    assert texts(imported, "visual_dialog_no_hist") == ["{question}?"]
    assert has.split == "eval"
    assert imported.left_out == ()


def test_a_question_rewritten_from_some_template_on_is_a_field_of_its_own(tmp_path: Path) -> None:
    """From the position the source names, the question with regions stands for the question."""
    body = """commonsense_VQA
        if instruction_id >= 1:
            for k, v in meta_data['object_regions'].items():
                if k in question:
                    question = question.replace(k, f"the {k} in {' '.join(v)}")
        instructs = [f"1 {question}", f"2 {question}", f"3 {question}"]"""
    imported = python(tmp_path, body)
    assert texts(imported, "commonsense_VQA") == [
        "1 {question}",
        "2 {question_with_regions}",
        "3 {question_with_regions}",
    ]
    other = body.replace("'the ", "'this ").replace('"the ', '"this ')
    assert other != body
    assert texts(python(tmp_path, other), "commonsense_VQA") == []


def test_a_table_knows_the_same_positions_and_locals(tmp_path: Path) -> None:
    """Where a table shows no code, the catalog says what its names mean in which task."""
    imported = tsv(
        tmp_path,
        *[("commonsense_VQA", f"{i} {{question}}") for i in range(3)],
        ("visual_subject_region", "Near {region}?"),
        ("wikihow_next_step", "Done: {context}"),
        ("other", "Near {region}? {context}"),
        ("wikihow_text_image_step_order", "Which? {split_token.join(options)}"),
    )
    assert texts(imported, "commonsense_VQA")[1:] == ["1 {question}", "2 {question_with_regions}"]
    assert texts(imported, "visual_subject_region") == ["Near {object_region}?"]
    assert texts(imported, "wikihow_next_step") == ["Done: {previous_steps}"]
    assert texts(imported, "other") == ["Near {region}? {context}"]
    ordering = task(imported, "wikihow_text_image_step_order")
    assert ordering.defaults == {"options": ["next", "previous"]}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("instructs = [f'One {text}.' f'Two.']", "2 texts in one"),
        ("instructs = ['One.'\n            'Two.']", "2 texts in one"),
        ("instructs = [f\"{meta_data['a']} é\" f'{text}']", "2 texts in one"),
        ("raise NotImplementedError", "an error is raised"),
        ("pass", "no list of templates"),
        ("instructs = 'Look.'", "not a list of templates"),
        ("instructs = make()", "not a list of templates"),
        ("instructs = ['Look.' + text]", "cannot map 'Look.' + text"),
        ("instructs = ['Look %s.' % text]", "cannot map"),
        ("instructs = [f'{text!r}']", "with a conversion or a format"),
        ("instructs = [f'{text:>5}']", "with a conversion or a format"),
        ("instructs = ['']", "an empty template"),
        ("instructs = ['a\\x07b']", "U+0007 is not printable text"),
        ("instructs = ['a\\ud800b']", "U+D800 is not printable text"),
        ("instructs = [f'{region[9999999999]}']", "malformed placeholder"),
        ("instructs = [f\"{' '.join(region)} {split_token.join(region)}\"]", "in two ways"),
        ("if text:\n            instructs = ['Look.']", "cannot read the condition text"),
    ],
)
def test_what_is_no_plain_template_is_reported(tmp_path: Path, body: str, why: str) -> None:
    """Glued texts, missing lists, code and unprintable text are named with their line."""
    imported = python(tmp_path, f"odd\n        {body}")
    (problem,) = imported.left_out
    assert problem.what.startswith("task odd: ")
    assert why in problem.what
    file = tmp_path / "instruction_templates.py"
    lines = file.read_text(encoding="utf-8").split("\n")
    start, end = lines.index("    elif task == 'odd':"), lines.index("    else:")
    assert start < int(problem.where.rpartition(":")[2]) <= end
    assert "odd" not in [t.name for t in imported.tasks]


def test_later_changes_of_a_list_are_reported(tmp_path: Path) -> None:
    """A list that is given twice, or added to, keeps its first templates and says so."""
    imported = python(
        tmp_path,
        "a\n        instructs = ['One.']\n        instructs = ['Two.']",
        "b\n        instructs = ['One.']\n        instructs += ['Two.']",
        "a\n        instructs = ['Three.']",
    )
    assert texts(imported, "a") == texts(imported, "b") == ["One."]
    assert [p.what for p in imported.left_out] == [
        "task a: a second list of templates",
        "task b: the list of templates is changed later",
        "task a: a second branch of that name",
    ]


def test_a_condition_on_more_than_the_name_is_reported(tmp_path: Path) -> None:
    """A branch that does not test for one task name is left out with its line."""
    file = tmp_path / "t.py"
    file.write_text(
        "def build(task):\n    if task == 'a':\n        instructs = ['Look.']\n"
        "    elif task in ('b', 'c'):\n        instructs = ['See.']\n",
        encoding="utf-8",
    )
    (problem,) = read_templates(file).left_out
    assert str(problem) == (
        f"{file}:4: task of that branch: cannot read the condition task in ('b', 'c'); left out"
    )


def test_comments_hold_no_templates(tmp_path: Path) -> None:
    """Commented code is ignored."""
    body = "a\n        # instructs = ['Old.']\n        instructs = ['New.', # 'Old.',\n        ]"
    assert texts(python(tmp_path, body), "a") == ["New."]


def test_constants_are_the_sources_own(tmp_path: Path) -> None:
    """A source that spells its constants otherwise is followed, and unused ones stay away."""
    file = tmp_path / "t.py"
    file.write_text(
        "options_token = ' Choose:'\ndef build(task):\n    split_token = ' / '\n"
        "    if task == 'a':\n        instructs = [f'Pick.{options_str}']\n",
        encoding="utf-8",
    )
    found = task(read_templates(file), "a")
    assert found.constants == {"options_token": " Choose:"}
    assert found.separators == {"options": " / "}
    assert renderer(found.templates[0].text, found)({"options": ["b", "a"]}) == (
        "Pick. Choose: b / a"
    )


def test_one_list_joined_in_two_ways_is_left_out(tmp_path: Path) -> None:
    """A task has one separator a list; a template that wants another is named."""
    imported = tsv(
        tmp_path, ("a", "One {split_token.join(region)}"), ("a", "Two {' '.join(region)}")
    )
    assert texts(imported, "a") == ["One {region}"]
    assert "joins {region} otherwise" in imported.left_out[0].what


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b", "x" * 101])
def test_a_name_that_fits_no_file_is_left_out(tmp_path: Path, name: str) -> None:
    """A task's name becomes a file name, so it may hold nothing that leads elsewhere."""
    imported = tsv(tmp_path, ("good", "Look."), (name, "Look."))
    assert [t.name for t in imported.tasks] == ["good"]
    assert "no name for a file" in imported.left_out[0].what


def test_separators_other_than_a_line_feed_are_text(tmp_path: Path) -> None:
    """U+2028 stays inside a template; Windows line ends are no part of one."""
    file = tmp_path / "t.tsv"
    file.write_bytes(
        '\ufefftask_name\tinstructions\r\na\tOne\u2028two\r\n\r\nb\t"x\r\ny"\r\n'.encode()
    )
    imported = read_templates(file)
    assert texts(imported, "a") == ["One\u2028two"]
    assert texts(imported, "b") == ["x\ny"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.tsv", b"", "t.tsv:1: not a table of templates"),
        ("t.tsv", b"task\ttext\na\tb\n", "t.tsv:1: not a table of templates"),
        ("t.tsv", b'task_name\tinstructions\na\tb\na\t"open\n', "t.tsv:3: broken table"),
        ("t.tsv", b"task_name\tinstructions\na\tx\ry\n", "t.tsv:2: broken table"),
        ("t.tsv", b"task_name\tinstructions\na\tcaf\xe9\n", "t.tsv:2: byte 28 is not UTF-8"),
        ("t.tsv", b"task_name\tinstructions\na\tx\0y\n", "t.tsv:2: a NUL character"),
        ("t.tsv", b"task_name\tinstructions\na\t{x}\n", "no template could be mapped"),
        ("t.tsv", b"task_name\tinstructions\na\tb\tc\n", "3 columns instead of 2"),
        ("t.py", b"def build(:\n", "t.py:1: not Python"),
        ("t.py", b"x = 1\n", "no branch of the form if task == 'NAME'"),
        ("t.py", b"x = " + b"(" * 5000, "not Python"),
        ("t.py", b"x = " + b"-" * 100_000 + b"1\n", "not Python"),
    ],
)
def test_a_source_of_no_use_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    """A file that cannot be read ends with its file, line and fix, and no traceback."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_templates(file)
    assert complaint in str(caught.value)
    assert all(p.fix for p in caught.value.problems)


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    """A missing file, a pipe and a folder without the release's file are refused unread."""
    os.mkfifo(tmp_path / "pipe.tsv")
    for path in (tmp_path / "none.tsv", tmp_path / "pipe.tsv", tmp_path):
        with pytest.raises(InputError, match=r"does not exist|is not a regular file"):
            read_templates(path)


def test_what_the_system_refuses_is_an_error() -> None:
    """What cannot even be looked up is one line, not a traceback."""
    with pytest.raises(StorageError, match="cannot read: File name too long"):
        read_templates(Path("x" * 300 + ".tsv"))


def test_doubled_braces_in_a_table_are_literal(tmp_path: Path) -> None:
    """A table spells literal braces as an f-string does; a stray one is reported."""
    imported = tsv(tmp_path, ("a", "A {{set}} of {text}"), ("a", "A } of {text}"))
    assert texts(imported, "a") == ["A {{set}} of {text}"]
    assert imported.left_out[0].what == "task a: a stray }"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """A file beyond the cap is not read to its end."""
    file = tmp_path / "t.tsv"
    with file.open("wb") as stream:
        stream.truncate(17 << 20)
    with pytest.raises(InputError, match="holds more than"):
        read_templates(file)


def test_the_catalog_covers_the_paper() -> None:
    """Ten categories, and the paper's nine evaluation tasks are held out."""
    assert len({f.category for f in catalog.FACTS.values()}) == 10
    held_out = (
        "text_vqa grounded_VQA visual_spatial_reasoning natural_language_visual_reasoning "
        "visual_nli commonsense_VQA visual_text_extraction visual_dialog medic_disaster_types"
    )
    assert {catalog.FACTS[name].split for name in held_out.split()} == {"eval"}
    assert all(catalog.FACTS[name].output == "label" for name in catalog.LABELS)
    assert catalog.LABELS.keys() <= catalog.FACTS.keys()


@pytest.mark.skipif(not TABLE.is_file(), reason="the table of templates is not here")
def test_the_whole_table_imports() -> None:
    """All 283 templates of the 56 tasks map, each in a category of the paper."""
    imported = read_templates(TABLE)
    assert imported.left_out == ()
    assert len(imported.tasks) == 56
    assert sum(len(t.templates) for t in imported.tasks) == 283
    assert all(t.name in catalog.FACTS and t.split == "train" for t in imported.tasks)
    assert {root for t in imported.tasks for root in t.fields or ()} == {
        *("context", "given_region", "meta_data", "object_region", "options", "previous_steps"),
        *("question", "region", "subject_region", "text"),
    }


@pytest.mark.skipif(not CHECKOUT, reason="MULTIINSTRUCT_CHECKOUT names no checkout")
def test_the_public_repository_imports() -> None:
    """All 75 tasks map; what is left out is two raising branches and two glued texts."""
    imported = read_templates(Path(CHECKOUT or ""))
    assert len(imported.tasks) == 75
    assert sum(len(t.templates) for t in imported.tasks) == 373
    assert [p.what.partition(": ")[0] for p in imported.left_out] == [
        "task ok_vqa",
        "task purpose_driven_affordance",
        "task hateful_content_detection",
        "task image_generation",
    ]
    assert all(t.name in catalog.FACTS for t in imported.tasks)
