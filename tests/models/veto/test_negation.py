"""Plain negation of violence: the closed constructions ask for review, and every trap beside them vetoes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.veto import Assertion, RuleClass, load

ABSENT = [
    "off his meds, talking to himself, not hurting anyone",
    "neighbors arguing, no hitting heard",
    "denies any assault",
    "he is not being violent",
    "nothing physical",
    "has not hit anyone",
    "verbal only, no physical",
    "no fighting heard",
    "not hitting or kicking anyone",
    "arguing with gf, no punching or shoving seen",
    "no one has been hit",
    "nobody is fighting",
    "no plans to hurt anyone",
    "not threatening anyone",
    "has not threatened anyone",
    "no threats to hurt anyone",
    "hasn't hurt anyone",
    "he is not hitting anyone, rp will wait outside",
    "isn't attacking anyone",
    "no signs of assault",
    "never been violent",
    "not trying to hurt anyone",
    "did not hit anyone",
    "denies fighting",
    "did not hear any fighting",
]
PRESENT = [
    "no doubt he will hit her",
    "not only hit her",
    "has not stopped hitting",
    "not hitting her now but said he will",
    "not hitting her now",
    "never stops hitting her",
    "not the first time he hit her",
    "cannot stop him hitting",
    "no, hitting her",
    "not hitting her yet",
    "not sure he is not hitting her",
    "not just threatening",
    "no longer fighting",
    "no more fighting",
    "she is not hitting back",
    "is he not hitting her?",
    "no reason to hit her",
    "not afraid of hitting her",
    "will not stop hitting",
    "did not stop hitting",
    "not done hitting her",
    "not hitting her hard",
    "told not to hit her",
    "not hitting her with fists",
    "not hitting her this time",
    "has not hit her today",
    "has not hit anyone yet",
    "no one can stop the fight",
    "no one is stopping him from hitting her",
    "not being violent anymore",
    "promised not to hit her",
    "no way to keep him from hitting her",
    "male denies hitting her",
    "he will not hit her if she leaves",
    "never hit her before",
    "not fighting until police leave",
    "why is nobody fighting him off, he hit her",
    "no answer. hitting her",
    "if he is not hitting her he is screaming",
    "unknown if he is not attacking staff",
    "not hurting anyone but choking her",
    "not hurting anyone.\n10:42 KL: now punching staff",
    "no fight, he stabbed her",
]


@pytest.mark.parametrize("note", ABSENT)
def test_plainly_negated_violence_does_not_veto_and_is_not_silent(rulebook, note):
    """A plain negation is a hit that asks for review: it neither vetoes nor disappears."""
    scan = rulebook.scan(note)
    assert not scan.vetoes, [(hit.rule_id, hit.words) for hit in scan.vetoes]
    assert scan.negated or scan.screening


@pytest.mark.parametrize("note", PRESENT)
def test_violence_beside_a_negation_vetoes(rulebook, note):
    """A negation that is limited, turned round, about something else, or in another sentence lifts nothing."""
    assert rulebook.scan(note).vetoes


@pytest.mark.parametrize(
    "note", ["no gun", "not stabbing anyone", "has not shot anyone", "denies any knife", "no knives seen"]
)
def test_a_weapon_vetoes_however_it_is_negated(rulebook, note):
    """Only violence can be plainly negated; a weapon's mention always vetoes."""
    assert rulebook.scan(note).vetoes


@pytest.mark.parametrize("other", ["has a knife", "he slapped her", "threatening staff"])
def test_a_plain_negation_excuses_no_other_mention(rulebook, other):
    """Another mention in the note vetoes, before or after the negation."""
    assert rulebook.scan(f"not hurting anyone. {other}").vetoes
    assert rulebook.scan(f"{other}. not hurting anyone").vetoes


BOOK = load()
GERUNDS = sorted(
    {phrase[0] for rule in BOOK.rules if rule.rule_class is RuleClass.VIOLENCE for phrase in rule.phrases}
    & {"hitting", "punching", "kicking", "slapping", "attacking", "strangling", "choking", "biting", "raping"}
)
BEFORE = st.sampled_from(["male asleep", "arguing", "rp adv", "caller states he is", "crying, alone", ""])
BETWEEN = st.sampled_from(
    [
        "stopped",
        "only",
        "just",
        "afraid of",
        "done",
        "sorry for",
        "the one",
        "finished",
        "against",
        "above",
        "tired of",
        "far from",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    before=BEFORE, between=BETWEEN, word=st.sampled_from(GERUNDS), head=st.sampled_from(["not", "no", "never", "has not"])
)
def test_only_listed_words_stand_between_a_negation_and_its_word(rulebook, before, between, word, head):
    """Any other word between the negation and the violence leaves the veto standing."""
    assert rulebook.scan(f"{before} {head} {between} {word} her").vetoes


@settings(max_examples=150, deadline=None)
@given(
    before=BEFORE,
    word=st.sampled_from(GERUNDS),
    limit=st.sampled_from(["now", "yet", "anymore", "hard", "tonight", "again", "back"]),
)
def test_a_limited_negation_vetoes(rulebook, before, word, limit):
    """A negation for the moment only is no plain negation."""
    assert rulebook.scan(f"{before} not {word} her {limit}").vetoes


def test_a_plain_negation_is_shown_as_one(rulebook):
    """The hit carries its own assertion, its words and their place."""
    (hit,) = rulebook.scan("calm, not Hitting anyone").negated
    assert (hit.words, hit.start, hit.assertion) == ("Hitting", 10, Assertion.PLAINLY_NEGATED)
