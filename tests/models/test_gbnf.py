"""A choice among texts, written and read, and as tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instraug.models.gbnf import of_tokens, one_of, texts_of
from tests.gbnf import Grammar

TEXTS = st.lists(st.text(max_size=12), min_size=1, max_size=5)


@given(TEXTS)
def test_a_choice_is_read_as_it_was_written(texts: list[str]) -> None:
    """Quotes, backslashes and line breaks included."""
    assert texts_of(one_of(texts)) == texts


@given(st.lists(st.text('ab"\\ {}\n', min_size=1, max_size=12), min_size=1, max_size=5))
def test_a_choice_allows_its_texts_and_nothing_else(texts: list[str]) -> None:
    """As a grammar that llama.cpp reads too."""
    grammar = Grammar(one_of(texts))
    assert all(grammar.allows(text) for text in texts)
    assert not grammar.allows("".join(texts) + "c")


def test_another_grammar_is_no_choice() -> None:
    """It goes to llama.cpp as it is."""
    assert texts_of('root ::= "a" b\nb ::= "c"\n') is None


def test_tokens_share_their_beginning() -> None:
    """A fork has a rule of its own; a text that another goes on from may end there."""
    assert of_tokens([[1, 2, 3], [1, 2, 4, 5]]) == (
        "root ::= <[1]> <[2]> f0\nf0 ::= <[3]> | <[4]> <[5]>\n"
    )
    assert of_tokens([[1, 2], [1, 2, 3]]) == "root ::= <[1]> <[2]> f0?\nf0 ::= <[3]>\n"
    assert of_tokens([[1]]) == "root ::= <[1]>\n"
