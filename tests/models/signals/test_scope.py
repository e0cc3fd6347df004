"""What denies, doubts or dates a signal reaches as far as a reader would let it, and no further."""

import pytest

from models.signals import SignalDetector
from models.text.normalize import normalise


@pytest.fixture(scope="module")
def detector():
    """Compile the shipped lexicon once."""
    return SignalDetector()


@pytest.mark.parametrize(
    ("note", "signal", "assertion"),
    [
        ("no SI, male yelling", "suicidal", "negated"),
        ("no SI, male yelling", "yelling", "asserted"),
        ("denies SI, HI, drugs", "suicidal", "negated"),
        ("denies being suicidal, crying in the lobby", "crying-upset", "asserted"),
        ("no SI, HI or drug use", "on-drugs", "negated"),
        ("no shirt, yelling at cars", "yelling", "asserted"),
        ("no shirt yelling at cars", "yelling", "asserted"),
        ("no weapons seen yelling at staff", "yelling", "asserted"),
        ("male is not drunk or high", "on-drugs", "negated"),
        ("did not refuse to leave", "refuses-to-leave", "negated"),
        ("no male sleeping in the lobby", "sleeping-inside", "negated"),
        ("not hurting anyone, talking to himself", "hears-voices", "asserted"),
        ("poss suicidal, unk if drunk", "suicidal", "uncertain"),
        ("poss suicidal, unk if drunk", "drunk", "uncertain"),
        ("no answer, possibly asleep in the lobby", "sleeping-inside", "uncertain"),
        ("was drinking earlier, refuses to leave now", "drinking", "historical"),
        ("was drinking earlier, refuses to leave now", "refuses-to-leave", "asserted"),
        ("has been suicidal in the past", "suicidal", "historical"),
        ("hx of suicide attempts, off meds", "off-medication", "asserted"),
        ("sleeping in the lobby for the past 2 hours", "sleeping-inside", "asserted"),
        ("refusing to leave premise", "refuses-to-leave", "asserted"),
        ("suicidal? no", "suicidal", "negated"),
        ("SI: neg", "suicidal", "negated"),
        ("suicidal - none", "suicidal", "negated"),
        ("she will not leave", "refuses-to-leave", "asserted"),
        ("not answering the door", "no-answer", "asserted"),
    ],
)
def test_assertion_reaches_as_far_as_a_reader_would_let_it(detector, note, signal, assertion):
    """A clause, a list and a word that uses up a denial each bound what is denied; a question answered no denies."""
    found = {hit.id: hit.assertion.value for hit in detector.detect(normalise(note), note)}
    assert found[signal] == assertion


def test_a_gap_never_steps_over_a_word_that_turns_the_meaning_round(detector):
    """`talking ~ to himself` is not found in "talking to staff and not to himself"."""
    note = "talking calmly but not to himself"
    assert "hears-voices" not in {hit.id for hit in detector.detect(normalise(note), note)}
