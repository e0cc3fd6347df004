"""How fast the veto reads, beside spaCy's bare tokeniser on the same notes. Run whole with `make bench`."""

import os
import random
import statistics
import time

import pytest
import spacy

WHOLE = os.environ.get("BENCHMARK") == "whole"
COUNT = 5000 if WHOLE else 200
CALM = """rp adv male subj walking in the roadway near the bus stop talking to himself wearing a gray hoodie and no shoes
caller states he was crying earlier and refused to leave the store lobby when staff asked him to go he is known to staff
and has been there before no further information at this time please advise""".split()
DANGEROUS = ["no weapons seen", "has a knife", "g u n", "kn1fe", "threatening staff", "hit and run", "nail gun", "hasagun"]

pytestmark = pytest.mark.benchmark


def notes(*, dangerous):
    """Return notes of about sixty words, shuffled so that no two are the same."""
    rng = random.Random(5)  # noqa: S311  the same notes every time
    made = []
    for _ in range(COUNT):
        words = rng.sample(CALM, len(CALM))
        if dangerous:
            words[rng.randrange(len(words))] = rng.choice(DANGEROUS)
        made.append(" ".join(words))
    return made


def timed(work, texts):
    """Return the milliseconds of each note."""
    taken = []
    for text in texts:
        start = time.perf_counter()
        work(text)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


@pytest.mark.parametrize("dangerous", [False, True], ids=["calm", "one mention each"])
def test_a_note_of_sixty_words_is_read_in_time(rulebook, dangerous):
    """Under 0.15 ms in the median on one core; printed beside the bare tokeniser in the same run."""
    texts = notes(dangerous=dangerous)
    bare = spacy.blank("en")
    rulebook.scan(texts[0])
    ours, theirs = timed(rulebook.scan, texts), timed(bare.make_doc, texts)
    phrases = sum(len(rule.phrases) for rule in rulebook.rulebook.rules)
    kind = "one mention each" if dangerous else "calm"
    for name, taken in (("veto, all of it", ours), ("spaCy tokeniser alone", theirs)):
        median, rate = statistics.median(taken), 1000 / statistics.fmean(taken)
        print(f"{kind:18} {name:24} median {median:.3f} ms  {rate:9.0f} notes/s  ({phrases} phrases)")  # noqa: T201
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"{kind:18} ratio of medians {ratio:.2f}")  # noqa: T201
    if WHOLE:
        assert statistics.median(ours) < 0.15
