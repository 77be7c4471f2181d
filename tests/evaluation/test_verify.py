"""verify and diff, on the output of a real run: sound it passes, anything off is named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from instraug.chain.refilter import refilter
from instraug.errors import InputError, StorageError, printable
from instraug.evaluation.diff import diff
from instraug.evaluation.verify import verify
from instraug.files import jsonl
from instraug.rewriting.config import Rules
from instraug.tasks.records import instruction_id
from tests.commandline import EXAMPLES, failed, instraug
from tests.fakeserver import FakeServer, running

Row = dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a real run of two rounds."""
    out = tmp_path_factory.mktemp("run") / "out"
    with running(FakeServer()) as server:
        where = ["--base-url", server.url, "--model", "m"]
        more = ["--variant", "iterative", "--rewrites", 2, "--only", "c*"]
        done = instraug("expand", EXAMPLES / "tasks", "-o", out, *where, *more)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


def rows(out: Path) -> list[Row]:
    return [json.loads(line) for line in (out / "instructions.jsonl").read_text().splitlines()]


def rewrite(out: Path, change: Callable[[list[Row]], object]) -> None:
    """Change the rows and forge the manifest's hash, so that only the proofs can tell."""
    found = rows(out)
    change(found)
    path = out / "instructions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["outputs"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest))


def problems(out: Path) -> list[str]:
    return [str(p) for check in verify(out) for p in check.problems]


def generated(found: list[Row]) -> Row:
    """A rewrite of a template with at least one placeholder, which nothing was rewritten from."""
    parents = {row["parent"] for row in found}
    return next(
        row
        for row in found
        if row["source"] == "generated" and "{" in row["instruction"] and row["id"] not in parents
    )


def test_rows_are_judged_by_task_whatever_their_order(out: Path) -> None:
    """Rows of all tasks mixed: each task still finds its originals, parents and copies."""
    before = [c.name for c in verify(out)]
    rewrite(out, lambda found: found.sort(key=lambda row: row["id"]))
    assert problems(out) == []
    assert [c.name for c in verify(out)] == before
    rewrite(out, lambda found: found.append(generated(found)))
    assert any("more than once" in problem for problem in problems(out))


def test_a_finished_run_is_sound(out: Path) -> None:
    checks = verify(out)
    assert [c.name for c in checks[:3]] == ["manifest", "journal", "instructions"]
    assert {c.name[5:] for c in checks[3:]} == {row["task"] for row in rows(out)}
    assert [p for c in checks for p in c.problems] == []
    assert any(row["iteration"] == 2 for row in rows(out))


def test_stricter_rules_may_reject_what_was_rewritten_again(out: Path, tmp_path: Path) -> None:
    """A rewrite of the second step stays, and its parent is among the rejected."""
    refilter(out, Rules(near_duplicate=0.7), tmp_path / "strict")
    found = rows(tmp_path / "strict")
    ids = {row["id"] for row in found}
    assert any(row["parent"] not in ids for row in found if row["source"] == "generated")
    assert problems(tmp_path / "strict") == []


def set_text(row: Row, text: str) -> None:
    row["instruction"], row["id"] = text, instruction_id(row["task"], text)


FORGERIES: dict[str, tuple[Callable[[list[Row]], object], str]] = {
    "a placeholder lost": (
        lambda found: set_text(generated(found), "What is it?"),
        "placeholders differ from its original's: lost [",
    ),
    "a placeholder invented": (
        lambda found: set_text(r := generated(found), r["instruction"] + " {x}"),
        "new ['x']",
    ),
    "a placeholder twice": (
        lambda found: set_text(r := generated(found), r["instruction"] * 2),
        "placeholders differ",
    ),
    "a stray brace": (
        lambda found: set_text(r := generated(found), r["instruction"] + "{"),
        "it does not parse: malformed placeholder",
    ),
    "an id of another text": (
        lambda found: generated(found).update(id="0" * 12),
        "the id is not the hash of task and instruction",
    ),
    "a parent that is not there": (
        lambda found: generated(found).update(parent="0" * 12),
        "its parent is missing",
    ),
    "no parent": (lambda found: generated(found).update(parent=None), "its parent is missing"),
    "an original that is not there": (
        lambda found: generated(found).update(origin=99),
        "its original, number 99 of the task, is missing",
    ),
    "a reply nobody bought": (
        lambda found: generated(found).update(reply="0" * 64),
        "its reply is missing from the journal",
    ),
    "no reply": (
        lambda found: generated(found).update(reply=None),
        "its reply is missing from the journal",
    ),
    "a choice the reply lacks": (
        lambda found: generated(found).update(choice=7),
        "its reply has no choice 7",
    ),
    "a row twice": (
        lambda found: found.append(generated(found)),
        "the instruction occurs more than once in its task",
    ),
    "an original taken out": (lambda found: found.pop(0), "the hand-written instruction 0 is mis"),
    "a task taken out": (
        lambda found: found.__setitem__(
            slice(None), [r for r in found if r["task"] != found[0]["task"]]
        ),
        "the hand-written instruction 0 is missing",
    ),
    "a wrong type": (
        lambda found: generated(found).update(origin="0"),
        "missing or wrong: origin",
    ),
    "an unknown source": (
        lambda found: generated(found).update(source="model"),
        "missing or wrong: source",
    ),
    "a key left out": (lambda found: generated(found).pop("choice"), "missing or wrong: choice"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_every_forgery_is_told_even_with_a_forged_hash(out: Path, name: str) -> None:
    change, said = FORGERIES[name]
    rewrite(out, lambda _: None)
    assert problems(out) == []
    rewrite(out, change)
    found = problems(out)
    assert any(said in p for p in found), found
    assert all(p.startswith(f"{out}/instructions.jsonl") for p in found)
    assert all("; run the same `instraug expand` again" in p for p in found)


def append(name: str, data: bytes) -> Callable[[Path], object]:
    def spoil(out: Path) -> None:
        with (out / name).open("ab") as file:
            file.write(data)

    return spoil


def relist(outputs: object) -> Callable[[Path], object]:
    return lambda out: (out / "manifest.json").write_text(json.dumps({"outputs": outputs}))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file changed": (
        append("rejected.jsonl", b"{}\n"),
        "rejected.jsonl: the file is not the one that the manifest describes",
    ),
    "a file gone": (
        lambda out: (out / "rejected.jsonl").unlink(),
        "rejected.jsonl: the file is missing",
    ),
    "no instructions": (
        lambda out: (out / "instructions.jsonl").unlink(),
        "instructions.jsonl: the file is missing",
    ),
    "a broken line": (append("instructions.jsonl", b"{"), "invalid JSON at column"),
    "a key twice": (append("instructions.jsonl", b'{"a":1,"a":1}\n'), "occurs twice in one object"),
    "no manifest": (lambda out: (out / "manifest.json").unlink(), "there is no manifest"),
    "a cut manifest": (append("manifest.json", b"{"), "the manifest is damaged"),
    "a manifest of nothing": (relist({}), "the manifest lists no output files"),
    "a manifest of a list": (relist(["x"]), "the manifest lists no output files"),
    "a manifest that looks elsewhere": (relist({"../x": ""}), "not in this folder"),
    "no journal": (lambda out: (out / "replies.jsonl").unlink(), "there is no journal"),
    "a torn journal": (append("replies.jsonl", b'{"crc":"0'), "9 bytes are not an intact record"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_every_damage_to_a_file_is_told(out: Path, name: str) -> None:
    spoil, said = SPOILED[name]
    spoil(out)
    found = problems(out)
    assert any(said in p for p in found), found


def test_one_flipped_byte_of_a_reply_is_told_at_its_line_and_by_who_needs_it(out: Path) -> None:
    key = generated(rows(out))["reply"]
    lines = (out / "replies.jsonl").read_bytes().splitlines(True)
    hit = next(n for n, line in enumerate(lines) if f'"reply":"{key}"'.encode() in line)
    lines[hit] = lines[hit].replace(b'"model"', b'"modem"')
    (out / "replies.jsonl").write_bytes(b"".join(lines))
    found = problems(out)
    assert any(f"replies.jsonl:{hit + 1}: " in p for p in found)
    assert any("its reply is missing from the journal" in p for p in found)


def test_instructions_that_cannot_be_read_to_their_end_are_told(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "LINE_CAP", 20)
    assert any("instructions.jsonl:1: the line is longer than 20 bytes" in p for p in problems(out))


def test_verifying_changes_nothing(out: Path) -> None:
    append("replies.jsonl", b"torn")(out)
    before = {p: p.read_bytes() for p in out.iterdir()}
    assert problems(out)
    assert {p: p.read_bytes() for p in out.iterdir()} == before


def test_the_command_ends_0_and_says_so(out: Path) -> None:
    done = instraug("verify", out, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["ok"] is True
    assert {"name": "journal", "problems": []} in summary["checks"]
    assert done.stderr.endswith(f"{len(summary['checks'])} checks, 0 problems\n")


def test_the_command_ends_1_and_lists_everything_on_stderr_json_and_junit(out: Path) -> None:
    rewrite(out, lambda found: set_text(generated(found), "What\x1b[2J is \ufffe it?"))
    (out / "rejected.jsonl").unlink()
    done = instraug("verify", out, "--json", "--junit", out / "junit.xml")
    assert done.returncode == 1
    listed = done.stderr.splitlines()
    assert len(listed) == 3
    assert all(line.isprintable() for line in listed)
    summary = json.loads(done.stdout)
    assert summary["ok"] is False
    told = [p for c in summary["checks"] for p in c["problems"]]
    assert [p["where"].rpartition("/")[2].partition(":")[0] for p in told] == [
        "rejected.jsonl",
        "instructions.jsonl",
    ]
    suite = ElementTree.parse(out / "junit.xml").getroot()  # noqa: S314 - our own file
    assert (suite.tag, suite.get("failures")) == ("testsuite", "2")
    assert suite.get("tests") == str(len(summary["checks"])) == str(len(suite))
    texts = [str(f.text) for f in suite.iter("failure")]
    assert texts == [line for line in listed if not line.endswith("problems")]


def test_a_shared_journal_is_found_by_the_manifest_or_by_the_option(
    out: Path, tmp_path: Path
) -> None:
    (out / "replies.jsonl").rename(tmp_path / "elsewhere.jsonl")
    failing = instraug("verify", out)
    assert failing.returncode == 1
    assert "give it by --journal PATH" in failing.stderr
    assert instraug("verify", out, "--journal", tmp_path / "elsewhere.jsonl").returncode == 0
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["journal"] = "../elsewhere.jsonl"
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert instraug("verify", out).returncode == 0


# ── diff ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def other(finished: Path, tmp_path: Path) -> Path:
    """Another run's folder, the same so far."""
    return Path(shutil.copytree(finished, tmp_path / "other"))


def test_equal_runs_do_not_differ(out: Path, other: Path) -> None:
    assert diff(out, other) == {}
    done = instraug("diff", out, other / "instructions.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(instraug("diff", out, other, "--json").stdout) == {"same": True, "tasks": {}}


def test_added_removed_and_changed_are_told_by_task(out: Path, other: Path) -> None:
    row = generated(rows(out))
    old = dict(row)

    def change(found: list[Row]) -> None:
        set_text(generated(found), "new\ntext")
        first = next(r for r in found if r["task"] != row["task"])
        first["model"] = "another"

    rewrite(other, change)
    found = diff(out, other)
    assert list(found) == sorted(found)
    assert len(found) == 2
    mine = found.pop(row["task"])
    assert [r.instruction for r in mine.added] == ["new\ntext"]
    assert [r.as_json() for r in mine.removed] == [old]
    assert not mine.changed
    (theirs,) = found.values()
    ((before, after),) = theirs.changed
    assert (before.model, after.model) == (None, "another")

    done = instraug("diff", out, other)
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"  - {old['id']} {printable(old['instruction'])}\n" in done.stdout
    assert "new\\ntext" in done.stdout
    assert f"  ~ {before.id} model None -> 'another'\n" in done.stdout
    as_json = json.loads(instraug("diff", out, other, "--json").stdout)
    assert as_json["same"] is False
    assert as_json["tasks"][row["task"]]["removed"] == [old]


def test_another_order_and_a_task_that_is_gone_are_differences(out: Path, other: Path) -> None:
    task = rows(out)[0]["task"]
    rewrite(other, lambda found: found.reverse())
    assert all(d.reordered and not d.added for d in diff(out, other).values())
    assert "reordered" in instraug("diff", out, other).stdout
    rewrite(
        other, lambda found: found.__setitem__(slice(None), [r for r in found if r["task"] != task])
    )
    assert len(diff(out, other)[task].removed) == sum(r["task"] == task for r in rows(out))


def test_what_is_no_instructions_file_is_one_line(out: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"bad\.jsonl:1: .*missing or wrong: id, task"):
        diff(out, tmp_path / "bad.jsonl")
    with pytest.raises(StorageError, match="cannot read"):
        diff(out, tmp_path)
    failed(
        instraug("diff", out, tmp_path / "bad.jsonl"),
        1,
        "bad.jsonl:1: this row is not an instruction: missing or wrong",
    )
    assert instraug("verify", tmp_path / "none").returncode == 2
