"""What a run costs before its first reply, as the task files become more.

    python -m benchmarks.start [FILES]

Two templates a file. ``check`` reads and checks them all, as every command does first; ``first`` is
a run that is allowed one request, from its start to its output folder, which holds all of them.
Prints one JSON object: processor time and peak memory of each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.million import measured

_BUDGET = 4
"""The exit code of a run whose budget is reached."""


def main() -> None:
    """Write the files, run both, print."""
    files = int(sys.argv[1]) if sys.argv[1:] else 1000
    instraug = [sys.executable, "-m", "instraug"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write = "from benchmarks.expand import write_tasks as w; import pathlib, sys"
        (folder / "tasks").mkdir()
        given = [str(folder / "tasks"), str(2 * files), "2"]
        code = f"{write}; w(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
        subprocess.run([sys.executable, "-c", code, *given], check=True)
        server = [sys.executable, "-m", "tests.fakeserver.cheap", "0"]
        with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as serving:
            assert serving.stdout
            url = serving.stdout.readline().strip()
            where = ["--base-url", url, "--model", "fake", "--max-requests", "1", "-q"]
            expand = [*instraug, "expand", given[0], "-o", str(folder / "out"), *where]
            found = {
                "check": vars(measured([*instraug, "check", given[0]])),
                "first": vars(measured(expand, code=_BUDGET)),
            }
            serving.terminate()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
