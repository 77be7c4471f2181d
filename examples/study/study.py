"""Does training on more wordings make a model waver less? The question is in docs/study.md.

python examples/study/study.py run demo       two arms, three seeds; go on with the same command
python examples/study/study.py run paired     all arms; the main two with eight seeds
python examples/study/study.py run whole      all arms on one GPU, at full size
python examples/study/study.py draw small     the table and the figure, from the shipped scores
python examples/study/study.py repeat small hand-5 0      a run again; are its scores the same?
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from plans import ARMS, HERE, PLANS, SIZES

RESULTS = HERE / "results"


def run(
    size: str, runs: Sequence[tuple[str, int]], work: Path, threads: int, results: Path | None
) -> None:
    """Do the runs that are not done, and gather after each what there is, if results are wanted."""
    from runs import about, prepare, write
    from runs import run as one_run

    work.mkdir(parents=True, exist_ok=True)
    prepare(work, SIZES[size])
    missing = [one for one in runs if not (work / f"{one[0]}-{one[1]}" / "run.json").exists()]
    if missing:
        import torch
        from model import Model

        torch.set_num_threads(threads)
        model = Model(SIZES[size].trained, SIZES[size].answered, SIZES[size].device)
    for number, (arm, seed) in enumerate(missing, 1):
        print(f"{number} of {len(missing)}: {arm}, seed {seed}", file=sys.stderr, flush=True)
        one_run(work, SIZES[size], arm, seed, model)
        if results:
            gather(work, results)
            common = json.dumps(about(work, SIZES[size], threads), indent=1)
            write(results / "manifest.json", common + "\n")


def gather(work: Path, results: Path) -> None:
    """Copy the scores and facts of all finished runs to the results."""
    from runs import write

    results.mkdir(parents=True, exist_ok=True)
    done = sorted(path.parent for path in work.glob("*/run.json"))
    for name, kept in (("scores.jsonl", "scores.jsonl"), ("run.json", "runs.jsonl")):
        lines = [line for folder in done for line in (folder / name).read_text().splitlines()]
        write(results / kept, "".join(f"{line}\n" for line in lines))


def repeat(size: str, arm: str, seed: int, work: Path, threads: int) -> bool:
    """Do a run again in a new folder, and return whether its scores are the shipped ones."""
    shutil.rmtree(work, ignore_errors=True)
    run(size, [(arm, seed)], work, threads, None)
    shipped = (RESULTS / size / "scores.jsonl").read_text("utf-8").splitlines()
    of = [line for line in shipped if json.loads(line)["seed"] == seed]
    before = [line for line in of if json.loads(line)["arm"] == arm]
    again = (work / f"{arm}-{seed}" / "scores.jsonl").read_text("utf-8").splitlines()
    return before == again


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_AsWritten)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "draw", "repeat"):
        commands.add_parser(name)
    commands.choices["run"].add_argument("plan", choices=PLANS)
    commands.choices["draw"].add_argument("size", choices=SIZES)
    commands.choices["repeat"].add_argument("size", choices=SIZES)
    commands.choices["repeat"].add_argument("arm", choices=ARMS)
    commands.choices["repeat"].add_argument("seed", type=int)
    for name in ("run", "repeat"):
        commands.choices[name].add_argument("--work", type=Path, default=Path("out/study"))
        commands.choices[name].add_argument("--threads", type=int, default=os.cpu_count())
    part = "do the I-th of N runs only, so that N commands share the work"
    commands.choices["run"].add_argument("--part", metavar="I/N", default="1/1", help=part)
    given = parser.parse_args()
    if given.command == "draw":
        from results import draw

        draw(RESULTS / given.size)
    elif given.command == "run":
        plan = PLANS[given.plan]
        folder = RESULTS / plan.size
        part, parts = map(int, given.part.split("/"))
        runs = plan.runs()[part - 1 :: parts]
        run(plan.size, runs, given.work / plan.size, given.threads, folder)
    else:
        place = given.work / f"again-{given.size}"
        same = repeat(given.size, given.arm, given.seed, place, given.threads)
        print("the same scores" if same else "other scores")
        raise SystemExit(not same)


_AsWritten = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
