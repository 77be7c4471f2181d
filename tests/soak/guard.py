"""An audit hook that ends the process where anything reaches for the canary or another host.

``python -m tests.soak.guard CANARY PORT COMMAND...``: COMMAND is ``check FOLDER``, which reads and
renders every task file of a folder by itself, or arguments of ``instraug``.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CAUGHT = 99
"""The exit status of a process that was caught."""
_STARTS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.", "pty.")


def guard(canary: str, port: int) -> None:
    """From now on allow no canary, no new process, and no socket but to that port of loopback."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        bad = event.startswith(_STARTS)
        if event in ("open", "import", "compile", "exec", "os.listdir", "ctypes.dlopen"):
            bad = canary in str(args[0]) or "canary_module" in str(args[0])
        elif event == "socket.connect":
            bad = args[1][:2] != ("127.0.0.1", port)
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            bad = args[0] not in ("127.0.0.1", b"127.0.0.1")
        if bad:
            os.write(2, f"caught: {event} {args!r}\n".encode())
            os._exit(CAUGHT)

    sys.addaudithook(hook)


class Canary(str):
    """A field's value; whoever asks it for an attribute of that name is caught."""

    @property
    def canary(self) -> str:
        """Never asked for."""
        os._exit(CAUGHT)


def check(folder: Path) -> None:
    """Read each file as a task of its own, and render, mask and prove what is accepted."""
    from instraug.errors import BadRow
    from instraug.tasks.load import read_tasks
    from instraug.tasks.placeholders import mask, restore
    from instraug.tasks.rendering import prove, renderer

    value = Canary("{text.canary} {options} ${x}")
    fields = dict.fromkeys(("text", "region", "options", "x", "self", "config", "A"), value)
    for path in sorted(folder.iterdir()):
        found, problems = read_tasks(path)
        for problem in problems:
            assert str(problem).isprintable(), problem
        for task in found:
            for template in task.templates:
                with suppress(BadRow):
                    rendered = renderer(template.text, task)(fields)
                    assert len(rendered) < 10_000
                masked = mask(template.text)
                assert restore(masked.text, masked).instruction is not None
                assert prove(template.text, template.text) is None
        print(len(found), len(problems))  # noqa: T201 - counted by the test


def main() -> None:
    """Run the command under guard."""
    canary, port, *command = sys.argv[1:]
    from instraug.cli import main as instraug

    guard(canary, int(port))
    if command[0] == "check":
        check(Path(command[1]))
    else:
        sys.argv = ["instraug", *command]
        instraug()


if __name__ == "__main__":
    main()
