"""The trap notes: those that must veto do, without one miss, and ordinary ones do not."""

import tomllib

import pytest

from pipelines.rules import traps
from pipelines.rules.traps import TRAPS as TRAP_FILE

TRAPS = tomllib.loads(TRAP_FILE.read_text(encoding="utf-8"))
MARK = traps.MARK
DANGEROUS = traps.DANGEROUS


def cases(*tables):
    """Return the notes of tables with ids that name the table."""
    return [
        pytest.param(note, id=f"{table}-{number}") for table in tables for number, note in enumerate(TRAPS[table]["notes"])
    ]


@pytest.mark.parametrize("marked", cases(*DANGEROUS))
def test_every_marked_mention_vetoes(rulebook, marked):
    """The marked words fire a rule of their class, and the hit shows them as they stand in the note."""
    ((kind, words),) = MARK.findall(marked)
    note = MARK.sub(lambda match: match.group(2), marked)
    start = MARK.search(marked).start()
    vetoes = rulebook.scan(note).vetoes
    found = [hit for hit in vetoes if hit.rule_class == kind and hit.start < start + len(words) and hit.end > start]
    assert found, [(hit.rule_id, hit.words) for hit in vetoes]
    assert all(note[hit.start : hit.end] == hit.words for hit in vetoes)


@pytest.mark.parametrize("note", cases("near_misses", "ordinary", "plainly_negated", "names"))
def test_what_is_no_mention_does_not_veto(rulebook, note):
    """Listed near-misses and ordinary words do not veto."""
    assert [(hit.rule_id, hit.words) for hit in rulebook.scan(note).vetoes] == []


@pytest.mark.parametrize("note", cases("means"))
def test_means_of_self_harm_ask_for_review_and_do_not_veto(rulebook, note):
    """Means of self-harm are hits about the person themselves, and no veto."""
    scan = rulebook.scan(note)
    assert not scan.vetoes
    assert {str(hit.assertion) for hit in scan.means} == {"self_only"}


@pytest.mark.parametrize("note", cases("objects"))
def test_a_tool_that_nobody_holds_asks_for_review_and_does_not_veto(rulebook, note):
    """A tool or thing that is only named is a hit that asks what is done with it, and no veto."""
    scan = rulebook.scan(note)
    assert not scan.vetoes
    assert scan.objects


@pytest.mark.parametrize("note", cases("screening"))
@pytest.mark.parametrize(
    "frame", ["{}", "male asleep in lobby, {}", "{}\ncaller will wait", "10:42:07 KL: {}. nfi", "RP ADV {} AT THIS TIME"]
)
def test_screening_answers_are_recognised_in_place(rulebook, note, frame):
    """A recorded answer is a screening hit and no veto, wherever it stands."""
    scan = rulebook.scan(frame.format(note))
    assert scan.screening
    assert not scan.vetoes


@pytest.mark.parametrize("note", cases("screening"))
@pytest.mark.parametrize("other", ["male has a knife", "shots fired", "he hit her", "g u n", "pistola"])
@pytest.mark.parametrize("order", [0, 1])
def test_a_screening_answer_excuses_nothing_else(rulebook, note, other, order):
    """Another mention before or after a recorded answer vetoes."""
    parts = [note, other] if order else [other, note]
    assert rulebook.scan(", ".join(parts)).vetoes


@pytest.mark.parametrize(
    ("note", "assertion"),
    [
        ("has a knife", "asserted"),
        ("no knife seen", "negated"),
        ("denies having a knife", "negated"),
        ("poss knife", "uncertain"),
        ("knife?", "uncertain"),
        ("hx of carrying a knife", "historical"),
        ("knife to her own wrist", "self_only"),
        ("suicidal with knife", "self_only"),
        ("no weapons seen", "screening"),
    ],
)
def test_a_mention_has_its_assertion(rulebook, note, assertion):
    """A hit says how its mention is worded."""
    assert [str(hit.assertion) for hit in rulebook.scan(note).hits] == [assertion]


def test_a_suppressed_near_miss_is_reported(rulebook):
    """A near-miss is shown with its rule and its words."""
    (hit,) = rulebook.scan("nail gun next door").suppressed
    assert (hit.rule_id, hit.words) == ("firearm", "gun")


def test_a_near_miss_counts_only_alone(rulebook):
    """Beside a mention that vetoes, a near-miss is a mention too."""
    scan = rulebook.scan("nail gun and a knife")
    assert {hit.words for hit in scan.vetoes} == {"gun", "knife"}
    assert not scan.suppressed


def test_the_suite_is_large_enough_to_mean_something():
    """There are at least 300 dangerous and 150 harmless trap notes."""
    assert sum(len(TRAPS[table]["notes"]) for table in DANGEROUS) >= 300
    assert len(TRAPS["near_misses"]["notes"]) + len(TRAPS["ordinary"]["notes"]) >= 150
