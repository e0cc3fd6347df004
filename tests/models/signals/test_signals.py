"""Every signal fires on its own examples and stays silent on the others."""

import pytest

from models.signals import SignalDetector, load_lexicon
from models.text.normalize import normalise

LEXICON = load_lexicon()
FIRES = [(signal.id, note) for signal in LEXICON.signals for note in signal.fires]
SILENT = [(signal.id, note) for signal in LEXICON.signals for note in signal.silent]


@pytest.fixture(scope="module")
def detector():
    """Compile the shipped lexicon once."""
    return SignalDetector()


def ids(detector, note):
    """Return the ids of the signals of a note."""
    return {signal.id for signal in detector.detect(normalise(note), note)}


@pytest.mark.parametrize(("signal", "note"), FIRES)
def test_a_signal_fires_on_its_examples(detector, signal, note):
    """Each note under `fires` holds the signal that it stands under."""
    assert signal in ids(detector, note)


@pytest.mark.parametrize(("signal", "note"), SILENT)
def test_a_signal_stays_silent_on_its_counter_examples(detector, signal, note):
    """No note under `silent` holds the signal that it stands under."""
    assert signal not in ids(detector, note)


def test_every_group_has_signals():
    """No group is empty, and each of the program's own kinds of call is a group."""
    used = {signal.group for signal in LEXICON.signals}
    assert used == set(LEXICON.groups)
    own = {group.id for group in LEXICON.groups.values() if group.program}
    assert own == {"suicide", "behavioural-health", "welfare", "intoxication", "unwanted", "quality-of-life"}
