"""A reader of GBNF for tests, written from the format's description: samples and matches texts."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(
    r'\s*(?:"((?:\\.|[^"\\])*)"|\[((?:\\.|[^\]\\])*)\]|([A-Za-z][A-Za-z0-9-]*)|([()|?]))'
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class Node:
    """A part of a rule: kind is text, set, name, all (in turn), any (one of) or maybe."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()


class Grammar:
    """A grammar of literals, character sets, names, groups, alternatives and ``?``."""

    def __init__(self, source: str) -> None:
        lines = [line.split("::=", 1) for line in source.splitlines() if line.strip()]
        self.rules = {name.strip(): _parse(body) for name, body in lines}
        assert len(self.rules) == len(lines), "a rule is written twice"
        missing = {n for r in self.rules.values() for n in _names(r)} - self.rules.keys()
        assert not missing, f"rules that nothing defines: {sorted(missing)}"

    def sample(self, rng: random.Random) -> str:
        """Return a text that the grammar allows."""
        out: list[str] = []
        stack = [self.rules["root"]]
        while stack:
            node = stack.pop()
            if node.kind == "text":
                out.append(node.text)
            elif node.kind == "set":
                out.append(rng.choice(node.text))
            elif node.kind == "name":
                stack.append(self.rules[node.text])
            elif node.kind == "all":
                stack += reversed(node.parts)
            elif node.kind == "any":
                stack.append(rng.choice(node.parts))
            elif rng.random() < 0.5:
                stack.append(node.parts[0])
        return "".join(out)

    def allows(self, text: str) -> bool:
        """Whether a whole text follows the grammar."""

        @cache
        def ends(node: Node, at: int) -> frozenset[int]:
            if node.kind == "text":
                return frozenset([at + len(node.text)]) if text.startswith(node.text, at) else none
            if node.kind == "set":
                return frozenset([at + 1]) if text[at : at + 1] in tuple(node.text) else none
            if node.kind == "name":
                return ends(self.rules[node.text], at)
            if node.kind == "any":
                return none.union(*(ends(p, at) for p in node.parts))
            if node.kind == "maybe":
                return ends(node.parts[0], at) | {at}
            places = frozenset([at])
            for part in node.parts:
                places = none.union(*(ends(part, p) for p in places))
            return places

        none: frozenset[int] = frozenset()
        return len(text) in ends(self.rules["root"], 0)


def _parse(body: str) -> Node:
    tokens = []
    at = 0
    while body[at:].strip():
        match = _TOKEN.match(body, at)
        assert match, f"no GBNF: {body[at:][:60]!r}"
        tokens.append(match)
        at = match.end()
    node, rest = _either(tokens)
    assert not rest, "unbalanced"
    return node


def _either(tokens: list[re.Match[str]]) -> tuple[Node, list[re.Match[str]]]:
    ways: list[Node] = []
    parts: list[Node] = []
    while tokens and tokens[0][4] != ")":
        match, tokens = tokens[0], tokens[1:]
        if match[4] == "|":
            ways.append(Node("all", parts=tuple(parts)))
            parts = []
        elif match[4] == "?":
            parts[-1] = Node("maybe", parts=(parts[-1],))
        elif match[4] == "(":
            node, tokens = _either(tokens)
            tokens = tokens[1:]
            parts.append(node)
        else:
            parts.append(_leaf(match))
    ways.append(Node("all", parts=tuple(parts)))
    return (ways[0] if len(ways) == 1 else Node("any", parts=tuple(ways))), tokens


def _leaf(match: re.Match[str]) -> Node:
    if match[3]:
        return Node("name", match[3])
    text = re.sub(r"\\(.)", lambda m: _ESCAPES[m[1]], match[2] or match[1] or "")
    return Node("set" if match[2] else "text", text)


def _names(node: Node) -> set[str]:
    found = {node.text} if node.kind == "name" else set()
    return found.union(*(_names(p) for p in node.parts))
