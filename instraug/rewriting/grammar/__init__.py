"""Grammars (GBNF) for a model whose decoding can be constrained."""
