"""Words as GBNF, the grammar notation of llama.cpp."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """Return a GBNF string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def alternatives(words: Iterable[str]) -> str:
    """Return a GBNF expression for any of the words; common beginnings are written once.

    Otherwise a sampler would try every word at every token.
    """
    tree: _Tree = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _spell(tree)


def after_label(grammar: str) -> str:
    """Return a grammar for an answer after a label, with the space that the first token holds."""
    return grammar.replace("root ::=", 'root ::= " " answer\nanswer ::=', 1)


_Tree = dict[str, "_Tree"]


def _spell(tree: _Tree) -> str:
    parts = []
    for letter in sorted(tree.keys() - {""}):
        text, node = letter, tree[letter]
        while len(node) == 1 and "" not in node:
            more, node = next(iter(node.items()))
            text += more
        rest = _spell(node)
        optional = "?" if "" in node else ""
        parts.append(f"{literal(text)} ({rest}){optional}" if rest else literal(text))
    return " | ".join(parts)
