"""GBNF, the grammar notation of llama.cpp: a choice among finished texts, and among tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ROOT = "root ::= "

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)

_CHOICE = re.compile(rf"{_ROOT}{_LITERAL.pattern}(?: \| {_LITERAL.pattern})*\n", re.DOTALL)


def one_of(texts: Iterable[str]) -> str:
    """Return the grammar of a choice among texts."""
    return f"{_ROOT}{' | '.join(map(literal, texts))}\n"


def texts_of(grammar: str) -> list[str] | None:
    """Return the texts of a grammar that `one_of` wrote; None for any other one."""
    if not _CHOICE.fullmatch(grammar):
        return None
    return [_text(m[0]) for m in _LITERAL.finditer(grammar)]


def literal(text: str) -> str:
    """Return a text as a string of the notation."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _text(spelled: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], spelled[1:-1], flags=re.DOTALL)


_Tree = dict[int, "_Tree"]


def of_tokens(texts: Iterable[Sequence[int]]) -> str:
    """Return the grammar of a choice among texts that are given as token ids.

    Under it a text is spelled by these tokens only; a grammar of letters lets a model spell it by
    any tokens that add up to it. Common beginnings are written once.
    """
    tree: _Tree = {}
    for tokens in texts:
        node = tree
        for token in tokens:
            node = node.setdefault(token, {})
        node[-1] = {}
    rules: list[str] = []
    _rule(tree, rules)
    rules[-1] = "root" + rules[-1][rules[-1].index(" ") :]
    return "\n".join(reversed(rules)) + "\n"


def _rule(node: _Tree, rules: list[str]) -> str:
    """Write a rule for each fork of the tree; return the name of this one's."""
    ways = []
    for first in sorted(node.keys() - {-1}):
        run, below = [f"<[{first}]>"], node[first]
        while len(below) == 1 and -1 not in below:
            ((token, below),) = below.items()
            run.append(f"<[{token}]>")
        if below.keys() - {-1}:
            name = _rule(below, rules)
            run.append(f"{name}?" if -1 in below else name)
        ways.append(" ".join(run))
    rules.append(f"f{len(rules)} ::= {' | '.join(ways)}")
    return f"f{len(rules) - 1}"
