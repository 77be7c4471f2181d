"""Each option that takes a file: a FIFO, a device, a folder or an odd name is one line, no hang."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from instraug.chain import build, expand, join, mix, predict, refilter  # noqa: F401 - before any fork
from instraug.cli import cli, main
from tests.commandline import EXAMPLES
from tests.faults.test_journal_path import tree

TASKS = EXAMPLES / "tasks"
ROWS = EXAMPLES / "instances" / "train.jsonl"
OUT = Path(__file__).parents[1] / "data" / "folder_of_0.1.0" / "out"
QUESTIONS = EXAMPLES / "mlan" / "arc.jsonl"
SET = OUT.parent / "set.jsonl"
NOBODY = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "-q")

TABLE: dict[str, tuple[object, ...]] = {
    "expand TASKS": ("expand", "{}", "-o", "new", *NOBODY),
    "expand --out": ("expand", TASKS, "-o", "{}", *NOBODY),
    "expand --journal": ("expand", TASKS, "-o", "new", "--journal", "{}", *NOBODY),
    "expand --config": ("expand", TASKS, "-o", "new", "-c", "{}", *NOBODY),
    "expand --meta-prompts": ("expand", TASKS, "-o", "new", "--meta-prompts", "{}", *NOBODY),
    "expand --api-key-file": ("expand", TASKS, "-o", "new", "--api-key-file", "{}", *NOBODY),
    "expand --model": ("expand", TASKS, "-o", "new", "--frozen", "--model", "local:{}"),
    "expand --write-requests": ("expand", TASKS, "-o", "n", "--write-requests", "{}", *NOBODY),
    "expand --read-replies": ("expand", TASKS, "-o", "n", "--read-replies", "{}", *NOBODY),
    "filter OUT": ("filter", "{}"),
    "filter --config": ("filter", OUT, "-o", "new", "-c", "{}"),
    "filter --out": ("filter", OUT, "-o", "{}"),
    "build TASKS": ("build", "{}", "--instances", ROWS, "-o", "new"),
    "build --instances": ("build", TASKS, "--instances", "{}", "-o", "new"),
    "build --dest": ("build", TASKS, "--instances", ROWS, "-o", "{}", "--force"),
    "build --instructions": (
        "build",
        TASKS,
        "--instances",
        ROWS,
        "-o",
        "n",
        "--instructions",
        "{}",
    ),
    "build --config": ("build", TASKS, "--instances", ROWS, "-o", "new", "-c", "{}"),
    "build --images": (
        *("build", TASKS, "--instances", ROWS, "-o", "new"),
        *("--images", "{}", "--format", "ofa-pretrain"),
    ),
    "import multiinstruct SRC": ("import", "multiinstruct", "{}", "-o", "new"),
    "import multiinstruct --out": (
        *("import", "multiinstruct", "t.tsv"),
        *("-o", "{}", "--force"),
    ),
    "check TASKS": ("check", "{}"),
    "init DIR": ("init", "{}"),
    "import natural-instructions SRC": ("import", "natural-instructions", "{}", "-o", "new"),
    "import natural-instructions --out": (
        *("import", "natural-instructions", "t.tsv"),
        *("-o", "{}", "--force"),
    ),
    "import questions FILE ...": ("import", "questions", "{}", "-o", "new"),
    "import questions --out": ("import", "questions", QUESTIONS, "-o", "{}", "--force"),
    "import questions --rationales": (
        *("import", "questions", QUESTIONS, "-o", "new"),
        *("--rationales", "{}", "--form", "rationale"),
    ),
    "join SHARDS ...": ("join", "{}", "-o", "new"),
    "join --dest": ("join", "{shard}", "-o", "{}", "--force"),
    "mix SOURCE": ("mix", "{}", "-o", "new.jsonl"),
    "mix --config": ("mix", SET, "-o", "new.jsonl", "-c", "{}"),
    "mix --dest": ("mix", SET, "-o", "{}", "--force"),
    "mix --evaluation": ("mix", SET, "-o", "new.jsonl", "--evaluation", "{}"),
    "mix --images": (
        *("mix", SET, "-o", "new.jsonl", "--by", "tokens", "--total", 1, "--images", "{}"),
        *("--image-tokens", "qwen2.5-vl"),
    ),
    "mix --tokenizer": (
        *("mix", SET, "-o", "new.jsonl", "--by", "tokens", "--total", 1),
        *("--tokenizer", "{}"),
    ),
    "show OUT": ("show", "{}"),
    "report OUT|SET|SCORES ...": ("report", "{}", "-o", "r.html"),
    "report --tasks": ("report", OUT, "-o", "r.html", "--tasks", "{}"),
    "report --plots": ("report", OUT, "-o", "r.html", "--plots", "{}"),
    "report --out": ("report", OUT, "-o", "{}"),
    "meta-prompts list --meta-prompts": ("meta-prompts", "list", "--meta-prompts", "{}"),
    "meta-prompts bootstrap --out": (
        *("meta-prompts", "bootstrap", "-o", "{}", "--force"),
        *NOBODY[:4],
    ),
    "meta-prompts bootstrap --config": ("meta-prompts", "bootstrap", "-o", "n.yaml", "-c", "{}"),
    "meta-prompts bootstrap --api-key-file": (
        *("meta-prompts", "bootstrap", "-o", "n.yaml"),
        *("--api-key-file", "{}", *NOBODY[:4]),
    ),
    "stats OUT": ("stats", "{}"),
    "stats --tasks": ("stats", ROWS, "--tasks", "{}"),
    "stats --instructions": ("stats", ROWS, "--tasks", TASKS, "--instructions", "{}"),
    "stats --evaluation": ("stats", ROWS, "--evaluation", "{}"),
    "stats --pairs": ("stats", OUT, "--near-duplicates", "--pairs", "{}"),
    "predict ROWS...": ("predict", "{}", "-o", "new", *NOBODY),
    "predict --out": ("predict", SET, "-o", "{}", *NOBODY),
    "predict --journal": ("predict", SET, "-o", "new", "--journal", "{}", *NOBODY),
    "predict --config": ("predict", SET, "-o", "new", "-c", "{}", *NOBODY),
    "predict --write-requests": ("predict", SET, "-o", "n", "--write-requests", "{}", *NOBODY),
    "predict --read-replies": ("predict", SET, "-o", "n", "--read-replies", "{}", *NOBODY),
    "predict --images": ("predict", SET, "-o", "new", "--images", "{}", *NOBODY),
    "predict --api-key-file": ("predict", SET, "-o", "new", "--api-key-file", "{}", *NOBODY),
    "score PREDICTIONS [B]": ("score", "{}"),
    "score --rows": ("score", ROWS, "--rows", "{}"),
    "score --trained-on": ("score", ROWS, "--trained-on", "{}"),
    "score --junit": ("score", ROWS, "--junit", "{}"),
    "verify OUT": ("verify", "{}"),
    "verify --journal": ("verify", OUT, "--journal", "{}"),
    "verify --junit": ("verify", OUT, "--junit", "{}"),
    "diff OUT": ("diff", "{}", OUT),
    "diff OUT2": ("diff", OUT, "{}"),
}
"""Command and option -> a command line, where ``{}`` is the file, and ``{shard}`` a sound shard."""

TAKES_FOLDERS = {
    *("expand TASKS", "expand --out", "expand --meta-prompts", "filter OUT", "filter --out"),
    *("build TASKS", "build --instances", "build --dest", "build --instructions"),
    *("build --images", "import multiinstruct SRC", "import multiinstruct --out", "check TASKS"),
    *("score PREDICTIONS [B]", "score --rows", "score --trained-on"),
    *("meta-prompts list --meta-prompts", "stats OUT", "stats --tasks", "stats --evaluation"),
    *("stats --instructions", "init DIR", "report --plots"),
    *("predict ROWS...", "predict --out", "predict --images"),
    *("verify OUT", "diff OUT", "diff OUT2"),
    *("import questions --out", "import natural-instructions --out", "mix --evaluation"),
    *("join SHARDS ...", "join --dest"),
    *("import natural-instructions SRC", "mix --images", "mix SOURCE", "mix --dest"),
}

MAKES_FOLDERS = {
    "expand --out",
    "predict --out",
    "filter --out",
    "import multiinstruct --out",
    "init DIR",
    "report --plots",
    "import questions --out",
}

MANY_LINES = {"check TASKS", "verify OUT", "verify --journal", "build --images", "mix --images"}
"""Commands that list what is wrong, and then count it; images are missed by each row."""

ODD: dict[str, Callable[[Path], object]] = {
    "fifo.jsonl": os.mkfifo,
    "fifo.yaml": os.mkfifo,
    "device.jsonl": lambda path: path.symlink_to("/dev/zero"),
    "loop.jsonl": lambda path: path.symlink_to(path.name),
    "folder.jsonl": Path.mkdir,
    "x" * 300: lambda path: None,
    "no/such/file.jsonl": lambda path: None,
    "file.jsonl/below": lambda path: path.parent.touch(),
}


def named(group: click.Group, *above: str) -> Iterator[tuple[str, click.Parameter]]:
    """Yield each parameter of each command, by the table's name for it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from named(command, *above, name)
        elif command is not None:
            for option in command.params:
                shown = max(option.opts, key=len) if isinstance(option, click.Option) else ""
                what = shown or option.make_metavar(context) or ""
                yield " ".join([*above, name, what]), option


def test_every_option_that_takes_a_file_is_in_the_table() -> None:
    """A new one is tried with what is no file, too."""
    found = {
        name
        for name, option in named(cli)
        if isinstance(option.type, click.Path)
        or any(word in str(option.metavar) for word in ("FILE", "DIR", "PATH"))
    }
    assert found <= set(TABLE)


def run(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a command line in a fork of this process, which has imported everything, for 30 s."""
    outputs = [folder.parent / f"{folder.name}.{name}" for name in ("out", "err")]
    pid = os.fork()
    if not pid:
        code = 99
        try:
            signal.alarm(30)
            os.chdir(folder)
            for number, path in enumerate(outputs, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = ["instraug", *command]
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException:  # noqa: BLE001 - whatever it is, the test sees it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    out, err = (path.read_text() for path in outputs)
    return os.waitstatus_to_exitcode(status), out, err


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of a build, which is the whole of it; named so that a file of rows may be joined."""
    path = tmp_path_factory.mktemp("shards") / "one.jsonl"
    code, _, err = run(
        ["build", str(TASKS), "--instances", str(ROWS), "-o", str(path), "--shard", "1/1"],
        path.parent,
    )
    assert code == 0, err
    return path


@pytest.mark.parametrize("option", TABLE)
@pytest.mark.fault(100, 101)
def test_what_is_no_file_is_one_line(
    option: str, shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hang, no traceback, no success on a device, and nothing changed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "here"
    folder.mkdir()
    for name, make in ODD.items():
        path = folder / name
        make(path)
        (folder / "t.tsv").write_text("task_name\tinstructions\nVG\tFind {text}.\n")
        before = tree(folder)
        words = [str(part).replace("{shard}", str(shard)) for part in TABLE[option]]
        code, out, err = run([word.replace("{}", str(path)) for word in words], folder)
        seen = f"{name}: {code} {out} {err}"
        assert "Traceback" not in err, seen
        if name == "folder.jsonl" and option in TAKES_FOLDERS:
            continue
        if name == "no/such/file.jsonl" and option in MAKES_FOLDERS:
            continue
        assert code in (1, 2), seen
        said = (out + err).splitlines()
        assert said if option in MANY_LINES else len(said) == 1, seen
        assert option == "expand --model" or tree(folder) == before, seen
