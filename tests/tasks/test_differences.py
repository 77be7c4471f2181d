"""What a rewrite changed, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instraug.tasks.differences import differences, slots


def test_pieces_spell_both_texts() -> None:
    """Without what is gone they are the rewrite, without what is new the origin's words."""
    before = 'Is the object "{text}" in {region[0]}?\n\n{options}'
    after = "Say if {region[0]} shows the  object “{text}”. {options}"
    pieces = differences(before, after)
    assert "".join(p.text for p in pieces if p.kind != "gone") == after
    kept = "".join(p.text for p in pieces if p.kind != "new")
    assert "".join(kept.split()) == "".join(before.split())
    assert differences("", "") == []
    assert [part for part, is_slot in slots("{{a}} {b.c} }") if is_slot] == ["{b.c}"]


TEXTS = st.text(st.sampled_from("ab {}x.\n\u4e00'"), max_size=30)


@given(TEXTS, TEXTS)
def test_any_two_texts_come_back(before: str, after: str) -> None:
    """Whatever they hold, no character is lost or made up, and slots spell their text."""
    pieces = differences(before, after)
    assert "".join(p.text for p in pieces if p.kind != "gone") == after
    gone = "".join(p.text for p in pieces if p.kind != "new")
    assert "".join(gone.split()) == "".join(before.split())
    assert "".join(part for part, _ in slots(after)) == after
