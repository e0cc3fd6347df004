"""One text function, and the way back to the words as they were written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import normalise, words_for_model


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("KNIFE", "knife"),
        ("ｇｕｎ", "gun"),
        ("g\u200bu\u200dn", "gun"),
        ("g\u0301u\u0308n", "gun"),
        ("кnіfе", "knife"),
        ("ɢᴜɴ", "gun"),
        ("🅶🆄🅽", "gun"),
        ("ⓖⓤⓝ", "gun"),
        ("𝓰𝓾𝓷", "gun"),
        ("ΚΝΙFΕ", "knife"),
        ("apuñaló", "apunalo"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\tb\x00c", "a b c"),
        ("a\u2028b", "a\nb"),
    ],
)
def test_disguised_letters_read_as_plain_ones(written, read):
    """Look-alikes, full width, zero width and marks all give the plain word."""
    assert normalise(written).text == read


def test_an_emoji_stands_apart():
    """A picture glued to a word is a token of its own."""
    assert normalise("has🔫here").text.split() == ["has", "🔫", "here"]


@given(st.text(max_size=300))
def test_every_normalised_character_points_into_the_note(narrative):
    """Offsets are in order and inside the original."""
    note = normalise(narrative)
    spans = [note.span(place, place + 1) for place in range(len(note.text))]
    assert all(0 <= start < end <= len(narrative) for start, end in spans)
    assert spans == sorted(spans)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_ascii_keeps_its_places(narrative):
    """Plain notes keep every character where it was."""
    assert len(normalise(narrative).text) == len(narrative)


@given(st.text(max_size=200))
def test_normalising_twice_changes_no_word(narrative):
    """What is plain stays plain."""
    once = normalise(narrative).text
    assert normalise(once).text.split() == once.split()


@given(st.text(max_size=200))
def test_no_marks_remain(narrative):
    """No combining or zero-width character is left to hide behind."""
    assert not any(unicodedata.category(character) in {"Mn", "Me", "Cf"} for character in normalise(narrative).text)


def test_model_words_hide_numbers_and_keep_negation():
    """Addresses become 0; 911, 988 and every small word stay."""
    assert words_for_model("no answer at 1402 main st, called 911") == "no answer at 0 main st called 911"
    assert words_for_model("[name] at [num] elm, 10:42:07 2026-01-02") == "[name] at [num] elm 0:00 0:00"
