"""Words as GBNF, the notation that llama.cpp takes grammars in."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """Return a GBNF string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def alternatives(words: Iterable[str]) -> str:
    """Return a GBNF expression for any of the words; common beginnings are written once.

    Without that a sampler would try every word at every token.
    """
    tree: _Tree = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _spell(tree)


def after_label(grammar: str) -> str:
    """Fit a grammar to what follows a label: the space between belongs to the first token."""
    return grammar.replace("root ::=", 'root ::= " " answer\nanswer ::=', 1)


_Tree = dict[str, "_Tree"]


def _spell(tree: _Tree) -> str:
    parts = []
    for letter in sorted(tree.keys() - {""}):
        said, node = letter, tree[letter]
        while len(node) == 1 and "" not in node:
            ((more, node),) = node.items()
            said += more
        rest = _spell(node)
        optional = "?" if "" in node else ""
        parts.append(f"{literal(said)} ({rest}){optional}" if rest else literal(said))
    return " | ".join(parts)
