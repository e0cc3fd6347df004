"""Normalised text, the words of the classifier, and the way back to the words as they were written."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.normalize import normalise
from models.text.tokens import model_words, words_for_model


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
    """Look-alikes, full width, zero width and marks are folded to the plain word."""
    assert normalise(written).text == read


def test_an_emoji_stands_apart():
    """An emoji typed without spaces is a token of its own."""
    assert normalise("has🔫here").text.split() == ["has", "🔫", "here"]


@given(st.text(max_size=300))
def test_every_normalised_character_points_into_the_note(narrative):
    """The places of normalised characters are in order and inside the original."""
    note = normalise(narrative)
    spans = [note.span(place, place + 1) for place in range(len(note.text))]
    assert all(0 <= start < end <= len(narrative) for start, end in spans)
    assert spans == sorted(spans)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_ascii_keeps_its_places(narrative):
    """An ASCII note keeps every character in its place."""
    assert len(normalise(narrative).text) == len(narrative)


@given(st.text(max_size=200))
def test_normalising_twice_changes_no_word(narrative):
    """Text that is normalised already does not change."""
    once = normalise(narrative).text
    assert normalise(once).text.split() == once.split()


@given(st.text(max_size=200))
def test_no_marks_remain(narrative):
    """Normalised text has no combining and no zero-width character."""
    assert not any(unicodedata.category(character) in {"Mn", "Me", "Cf"} for character in normalise(narrative).text)


def test_model_words_hide_numbers_and_keep_negation():
    """House numbers become 0; 911, 988 and every small word stay."""
    assert words_for_model("no answer at 1402 main st, called 911") == "no answer at street called 911"
    assert words_for_model("[name] at [num] elm, 10:42:07 2026-01-02") == "[name] at [num] elm 0:00 0:00"


@pytest.mark.parametrize(
    "swapped",
    [
        ("male crying, he wants his mother", "female crying, she wants her father"),
        ("w/m asleep", "b/f asleep"),
        ("black male asleep", "hispanic female asleep"),
        ("drunk at 12 Hope Valley Rd", "drunk at 4410 Angier Ave"),
        ("sitting near old chapel hill rd", "sitting near main st"),
        ("man talkin to hisself", "woman talking to herself"),
    ],
)
def test_what_a_person_is_does_not_reach_the_model(swapped):
    """Notes that differ only in sex, race or street give the classifier the same words."""
    one, other = (words_for_model(normalise(note).text) for note in swapped)
    assert one == other


@pytest.mark.parametrize("note", ["walking in the street", "talk to her dr", "people out on the road", "in a bad st"])
def test_plain_words_before_a_street_stay(note):
    """A street without a name keeps its words."""
    assert len(words_for_model(note).split()) == len(note.split())


@given(st.text(max_size=200))
def test_every_model_word_points_into_the_note(narrative):
    """Model words are in order, and no two share a place."""
    note = normalise(narrative).text
    places = [(word.start, word.end) for word in model_words(note)]
    assert all(start < end <= len(note) for start, end in places)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(places))
