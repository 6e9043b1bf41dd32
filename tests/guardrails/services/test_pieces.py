"""Texts cut to a service's size: nothing is left out, nothing hides on a cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.guardrails.services.pieces import PIECES_MAX, cut, pack
from extproc.guardrails.values import GuardrailFault, Passage

TEXT = st.text(st.sampled_from("ab \n😀é\u200d"), max_size=3_000)


def of(*texts: str) -> tuple[Passage, ...]:
    return tuple(Passage(f"t[{n}]", "user", text) for n, text in enumerate(texts))


@given(st.lists(TEXT, max_size=4), st.integers(401, 900), st.sampled_from((0, 100)))
def test_every_character_is_in_a_piece_and_no_piece_is_too_long(
    texts: list[str], chars_max: int, overlap: int
) -> None:
    """P3: what was not asked about is never called passed."""
    chars_max += overlap
    seen: dict[int, set[int]] = {}
    for piece in cut(of(*texts), chars_max, overlap):
        assert len(piece.text) <= chars_max
        (part,) = piece.parts
        assert texts[part.passage][part.start : part.end] == piece.text
        seen.setdefault(part.passage, set()).update(range(part.start, part.end))
    for index, text in enumerate(texts):
        assert seen.get(index, set()) == (set(range(len(text))) if text.strip() else set())


@given(TEXT.filter(lambda t: len(t) > 700), st.data())
def test_with_an_overlap_nothing_hides_on_a_cut(text: str, data: st.DataObject) -> None:
    """P3: every stretch up to the overlap stands whole in some piece."""
    start = data.draw(st.integers(0, len(text) - 100))
    if not text.strip():
        return
    assert any(
        p.parts[0].start <= start and start + 100 <= p.parts[0].end for p in cut(of(text), 600, 100)
    )


@given(TEXT, st.integers(401, 900))
def test_without_an_overlap_the_pieces_are_the_text(text: str, chars_max: int) -> None:
    """P3: put together they are what was cut."""
    pieces = cut(of(text), chars_max)
    assert "".join(p.text for p in pieces) == (text if text.strip() else "")


def test_a_cut_falls_on_a_line_end_then_on_a_blank() -> None:
    """P3: the sense of a text is cut where it hurts least."""
    line = "x" * 700 + "\n" + "y" * 50 + " " + "z" * 400
    assert cut(of(line), 1_000)[0].text.endswith("\n")
    words = "x" * 900 + " " + "z" * 400
    assert cut(of(words), 1_000)[0].text.endswith(" ")
    assert len(cut(of("x" * 1_500), 1_000)[0].text) == 1_000


def test_a_few_stay_apart_and_many_are_joined() -> None:
    """P3: few findings have their place; many texts do not become many questions."""
    few = cut(of(*"abc"), 1_000)
    assert pack(few, 1_000, 3) == few
    packed = pack(few, 1_000, 2)
    assert [piece.text for piece in packed] == ["a\n\nb\n\nc"]
    assert [piece.text for piece in pack(few, 5, 2)] == ["a\n\nb", "c"]
    assert packed[0].path(of(*"abc")) == "" and few[1].path(of(*"abc")) == "t[1]"


@given(st.lists(TEXT.filter(str.strip), min_size=3, max_size=12))
def test_what_is_found_in_a_joined_piece_leads_back(texts: list[str]) -> None:
    """P3: a place in a piece is a place in a text."""
    passages = of(*texts)
    for piece in pack(cut(passages, 800, 50), 1_000, 2):
        assert len(piece.text) <= 1_000
        for index, start, end in piece.places(0, len(piece.text)):
            assert end - start > 0
            assert texts[index][start:end] in piece.text
        found = piece.places(0, len(piece.text))
        assert "\n\n".join(texts[i][start:end] for i, start, end in found) == piece.text


def test_too_many_questions_are_refused() -> None:
    """P5: one request cannot ask without end, and is not half looked at."""
    pieces = cut(of(*["x" * 900] * (PIECES_MAX + 1)), 1_000)
    with pytest.raises(GuardrailFault) as raised:
        pack(pieces, 1_000, 8)
    assert raised.value.fault == "too_large"
