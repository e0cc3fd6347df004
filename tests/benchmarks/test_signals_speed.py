"""How fast signals are read, beside spaCy's bare tokeniser on the same notes. Run whole with `make bench`."""

import os
import statistics
import time

import pytest
import spacy

from models.signals import SignalDetector
from models.text.normalize import normalise

WHOLE = os.environ.get("BENCHMARK") == "whole"
TIMES = 20 if WHOLE else 3
NOTES = {
    "two signals": """caller reports that there is a blue van on the corner of the avenue across from the pharmacy with its
two front windows down since about four this afternoon and the woman who lives upstairs told him it belongs to nobody whom
she has met before but it may be that of a visitor of the family on the third floor he will wait for a car""",
    "eight signals": """rp adv male subj walking in the roadway near the bus stop talking to himself wearing a gray hoodie
and no shoes caller states he was crying earlier and refused to leave the store lobby when staff asked him to go he is known
to staff and has been there before no further information at this time please advise""",
}

pytestmark = pytest.mark.benchmark


def rotations(note):
    """Return a note of about sixty words from each of its words on, so that no two are the same."""
    words = note.split()
    return [" ".join(words[place:] + words[:place]) for place in range(len(words))] * TIMES


def timed(work, arguments):
    """Return the milliseconds of each call, in order of size."""
    taken = []
    for given in arguments:
        start = time.perf_counter()
        work(*given)
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


@pytest.fixture(scope="module")
def detector():
    """Compile the shipped lexicon once."""
    return SignalDetector()


@pytest.mark.parametrize("kind", sorted(NOTES))
def test_a_note_of_sixty_words_is_read_in_time(detector, kind):
    """Within 40 times spaCy's bare tokeniser on the same machine at the same time; the aim is 0.15 ms in the median."""
    notes = rotations(NOTES[kind])
    bare = spacy.blank("en")
    ours = timed(detector.detect, [(normalise(note), note) for note in notes])
    theirs = timed(bare.make_doc, [(note,) for note in notes])
    for name, taken in (("signals", ours), ("spaCy tokeniser alone", theirs)):
        tenth = taken[len(taken) // 10]
        print(f"{kind:14} {name:22} median {statistics.median(taken):.3f} ms, fastest tenth {tenth:.3f} ms")  # noqa: T201
    assert ours[len(ours) // 10] < 40 * theirs[len(theirs) // 10]
