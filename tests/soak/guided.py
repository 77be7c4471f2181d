"""``python -m tests.soak.guided TARGET FOLDER RUNS``: atheris, led by coverage, on one parser."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]


def main() -> None:
    """Fuzz; atheris ends the process, with a status other than 0 where something was found."""
    name, folder, runs = sys.argv[1:]
    with atheris.instrument_imports(include=["instraug"]):
        from instraug.errors import InstraugError
        from tests.soak.targets import TARGETS
    from tests.soak.corpus import seeds

    work = Path(folder)
    for directory in ("corpus", "work"):
        (work / directory).mkdir()
    for number, seed in enumerate(seeds(name)):
        (work / "corpus" / str(number)).write_bytes(seed)

    def one(data: bytes) -> Any:
        with suppress(InstraugError):
            TARGETS[name](data, work / "work")

    limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", f"-artifact_prefix={work}/"]
    atheris.Setup(["guided", f"-atheris_runs={runs}", *limits, str(work / "corpus")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
