"""The detector's answers are exact: in place, the same however the note is typed, and of bounded size."""

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.signals import SignalDetector, load_lexicon, signal_tokens
from models.text.normalize import normalise
from models.veto.assertion import Assertion

LEXICON = load_lexicon()
FIRES = [(signal.id, note) for signal in LEXICON.signals for note in signal.fires]
OFTEN = settings(max_examples=200, deadline=None)


@pytest.fixture(scope="module")
def detector():
    """Compile the shipped lexicon once."""
    return SignalDetector()


def found(detector, note):
    """Return the signals of a note."""
    return detector.detect(normalise(note), note)


@OFTEN
@given(text=st.text(max_size=80), example=st.sampled_from(FIRES), after=st.booleans())
def test_offsets_point_at_the_words_as_written(detector, text, example, after):
    """Whatever stands around, `words` is the slice of the original note, and signals come in reading order."""
    note = f"{example[1]} {text}" if after else f"{text} {example[1]}"
    signals = found(detector, note)
    assert all(note[signal.start : signal.end] == signal.words for signal in signals)
    assert [signal.start for signal in signals] == sorted(signal.start for signal in signals)


@OFTEN
@given(example=st.sampled_from(FIRES))
def test_case_does_not_matter(detector, example):
    """Capitals, small letters and title case give the same signals at the same places."""
    forms = [example[1].upper(), example[1].lower(), example[1].title()]
    answers = [
        [(signal.id, signal.start, signal.end, signal.assertion) for signal in found(detector, form)] for form in forms
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("note", ["", "   ", "\n\n", "...", "?!"])
def test_an_empty_note_holds_no_signal(detector, note):
    """Nothing but space and signs gives nothing."""
    assert found(detector, note) == ()


@OFTEN
@given(first=st.sampled_from(FIRES), second=st.sampled_from(FIRES), order=st.booleans())
def test_another_sentence_never_removes_a_signal(detector, first, second, order):
    """After a full stop, and before one, a second sentence leaves every signal of the first as it was."""
    alone = {(signal.id, signal.assertion) for signal in found(detector, first[1])}
    joined = f"{first[1]}. {second[1]}" if order else f"{second[1]}. {first[1]}"
    assert alone <= {(signal.id, signal.assertion) for signal in found(detector, joined)}


def test_nothing_of_a_note_is_kept(detector):
    """Thousands of words that no signal knows leave no object behind."""
    found(detector, "male asleep in the lobby")
    gc.collect()
    before = len(gc.get_objects())
    for number in range(3000):
        found(detector, f"male w{number} asleep q{number}x in the lobby")
    gc.collect()
    assert len(gc.get_objects()) < before + 100


def test_threads_get_the_same_answers(detector):
    """One detector shared by eight threads answers as it does alone."""
    notes = [note for _, note in FIRES]
    alone = [found(detector, note) for note in notes]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda note: found(detector, note), notes)) == alone


def test_what_is_denied_is_not_asserted(detector):
    """A denied signal is found and marked, so that it can count the other way."""
    signals = {signal.id: signal for signal in found(detector, "caller denies being suicidal")}
    assert signals["suicidal"].assertion is Assertion.NEGATED
    assert not signals["suicidal"].asserted


def test_tokens_are_sorted_and_told_apart(detector):
    """The classifier's text holds each signal once, denied ones apart, and the groups of what is asserted."""
    text = signal_tokens(found(detector, "denies being suicidal, crying in the lobby, crying again"))
    assert text.split(" ") == sorted(set(text.split(" ")))
    assert {"not:suicidal", "crying-upset", "group:behavioural-health"} <= set(text.split(" "))
    assert "suicidal" not in text.split(" ")


def test_a_full_line_goes_on_below(detector):
    """A pattern is found across the end of a full line, and not across the end of a short one."""
    full = "the caller says that there is a man of about sixty years lying\non the floor of the lobby"
    assert any("\n" in signal.words for signal in found(detector, full))
    assert not any("\n" in signal.words for signal in found(detector, "male lying\non the floor of the lobby"))


@pytest.mark.parametrize(
    ("note", "signal"),
    [("pt is sucidal", "suicidal"), ("subj trepassing again", "trespassing"), ("very intoxciated male", "drunk")],
)
def test_a_typing_slip_is_read_as_the_word(detector, note, signal):
    """A letter left out of a long word, or two swapped, does not hide a signal, and the words are shown as typed."""
    (hit,) = [hit for hit in found(detector, note) if hit.id == signal]
    assert note[hit.start : hit.end] == hit.words


@pytest.mark.parametrize("word", sorted(LEXICON.ordinary))
def test_an_ordinary_word_is_no_slip(detector, word):
    """A word that the lexicon lists as ordinary is never read as another."""
    assert word not in detector._matcher._slips
