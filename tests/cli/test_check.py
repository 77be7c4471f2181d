"""`instraug check`: problems on stdout, counts on stderr, exit 1 where there is any."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.commandline import EXAMPLES, instraug

SOUND = "name: b\ninstructions: [x, y]\n"
BROKEN = "name: a\ninstructions: ['{', '}']\n"


def test_check_prints_every_problem_and_ends_1(tmp_path: Path) -> None:
    """Problems, one a line, on stdout; the counts on stderr; exit 1."""
    (tmp_path / "0.yaml").write_text(BROKEN)
    (tmp_path / "1.yaml").write_text(SOUND)
    done = instraug("check", tmp_path)
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [
        f"{tmp_path}/0.yaml:2"
    ] * 2
    assert done.stderr == "1 task, 2 instructions, 2 problems\n"


def test_check_ends_0_on_a_sound_folder() -> None:
    """The examples that ship have no problem: nothing on stdout, the counts on stderr."""
    done = instraug("check", EXAMPLES / "tasks")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "13 tasks, 65 instructions, 0 problems\n"


def test_check_prints_one_json_object(tmp_path: Path) -> None:
    """`--json` gives counts and problems by part; a file name that is no text is escaped."""
    (tmp_path / os.fsdecode(b"\xff\n.yaml")).write_text("name: a\ninstructions: [x]\nx: 1\n")
    done = instraug("check", tmp_path, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    summary = json.loads(done.stdout)
    (problem,) = summary.pop("problems")
    assert summary == {"tasks": 0, "instructions": 0}
    assert problem["where"] == f"{tmp_path}/\udcff\n.yaml:3"
    assert (problem["what"], problem["fix"][:11]) == ("unknown key 'x'", "use one of:")
    lines = instraug("check", tmp_path).stdout.splitlines()
    assert [line.split("; ")[0] for line in lines] == [
        f"{tmp_path}/\\udcff\\n.yaml:3: unknown key 'x'"
    ]


def test_the_documented_task_and_output_are_true(tmp_path: Path) -> None:
    """The example of docs/task-folder.md is sound, and its table has every key there is."""
    text = (EXAMPLES.parent / "docs" / "task-folder.md").read_text()
    task = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "a.yaml").write_text(task)
    assert instraug("check", tmp_path).stderr == "1 task, 2 instructions, 0 problems\n"
    (tmp_path / "a.yaml").write_text(f"{task}zzz: 1\n")
    known = instraug("check", tmp_path).stdout.partition("use one of: ")[2].strip().split(", ")
    assert [key for key in known if f"| `{key}` |" not in text] == []


def test_check_of_no_folder_ends_1(tmp_path: Path) -> None:
    """A missing folder is a problem like any other: one line, exit 1, no traceback."""
    done = instraug("check", tmp_path / "missing")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stdout.startswith(f"{tmp_path}/missing: does not exist; ")


def test_a_text_cut_off_by_a_number_sign_is_found_in_every_yaml_file(tmp_path: Path) -> None:
    """Task, meta-prompt and config files name the line and both fixes."""
    tasks, meta, config = tmp_path / "tasks", tmp_path / "meta.yaml", tmp_path / "c.yaml"
    tasks.mkdir()
    (tasks / "a.yaml").write_text("name: a\ninstructions:\n- Count the # of objects in {x}.\n")
    meta.write_text("id: m\ntitle: M\nkind: direct\ntext: Reword # it.\n")
    config.write_text("model: gpt-4o # cheap\n")
    (tmp_path / "sound").mkdir()
    (tmp_path / "sound" / "b.yaml").write_text(SOUND)
    commands = [
        (("check", tasks), "a.yaml:3"),
        (("meta-prompts", "list", "--meta-prompts", meta), "meta.yaml:4"),
        (("expand", tmp_path / "sound", "-o", tmp_path / "out", "-c", config), "c.yaml:1"),
    ]
    for command, where in commands:
        done = instraug(*command)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert f"{where}: a # behind one space cuts the unquoted text off" in said
        assert "put the text in quotes, or two spaces before the #" in said
    assert not (tmp_path / "out").exists()
