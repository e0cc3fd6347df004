"""How agencies word things: cut-off notes, the fixed sentences of protocol software, and what is only alike."""

import pytest

CUT_OFF = [
    "male pulled out a kn",
    "subj has a gu",
    "RP STATES HE HAD A PIST",
    "armed with a mache",
    "waving a rif",
    "threatened with a knif",
    "pulled out a large kni",
    "he has a screwd",
]
NOT_CUT_OFF = [
    "has a gu.",
    "male kn",
    "has a hat",
    "has a fire",
    "with a hand",
    "has a re",
    "has a guitar",
    "pulled out a phone",
    "has a guest",
    "with a friend",
    "got a ride",
    "has a base",
]


@pytest.mark.parametrize("note", CUT_OFF)
def test_a_weapon_cut_off_at_the_end_of_a_note_vetoes(rulebook, note):
    """The beginning of a weapon's name at the end of a note, after words that put it in a hand, is a mention."""
    assert rulebook.scan(note).vetoes


@pytest.mark.parametrize("note", NOT_CUT_OFF)
def test_an_ordinary_ending_does_not_veto(rulebook, note):
    """A whole word, a finished sentence or an ordinary beginning is no cut-off weapon."""
    assert not [hit for hit in rulebook.scan(note).vetoes if hit.rule_id == "cut-off"]


PROTOCOL_NO = [
    "1.He is not violent.2.He does not have a weapon.",
    "1. She is not violent. 2. She does not have a weapon.",
    "They are not violent.They do not have weapons.",
    "Weapons were not involved or mentioned.",
    "3.Weapons were not involved or mentioned.4.He is still on the scene.",
    "No weapons were involved or mentioned.",
    "There were no weapons involved.",
    "He does not have any weapons.",
    "Violence was not involved.",
]
PROTOCOL_YES = [
    "It's not known if she has a weapon.",
    "1.It's not known if he is violent.2.He does not have a weapon.",
    "It is not known if weapons were involved.",
    "He has a weapon.",
    "1.He is violent.2.He does not have a weapon.",
    "Weapons were involved.",
    "Weapons were involved or mentioned.",
    "The weapon is a knife.",
    "He does not have a weapon but has one in the car.",
    "He does not have a weapon except a bat",
    "Not sure if weapons were not involved.",
    "Weapons were not involved?",
    "He does not have a weapon.He has a knife.",
]


@pytest.mark.parametrize("note", PROTOCOL_NO)
def test_a_negative_sentence_of_protocol_software_is_a_recorded_answer(rulebook, note):
    """The fixed negative sentences, numbered and without spaces too, are recorded answers and no veto."""
    scan = rulebook.scan(note)
    assert scan.screening
    assert not scan.vetoes, [(hit.rule_id, hit.words) for hit in scan.vetoes]


@pytest.mark.parametrize("note", PROTOCOL_YES)
def test_an_unknown_or_positive_sentence_of_protocol_software_vetoes(rulebook, note):
    """An unknown answer, a positive one and a negative one with an exception are mentions."""
    assert rulebook.scan(note).vetoes


@pytest.mark.parametrize(
    "note", ["hitting himself in the head", "slapping herself", "banging his head on the wall", "choking herself"]
)
def test_blows_at_oneself_are_means_and_no_veto(rulebook, note):
    """Who hits only themselves harms nobody else: a clinician looks, and the decision is not ended."""
    scan = rulebook.scan(note)
    assert scan.means
    assert not scan.vetoes


@pytest.mark.parametrize(
    "word", ["based", "welding", "tapped", "mopped", "scaling", "roofed", "Bateman", "Robison", "Brickhouse"]
)
def test_a_known_word_or_name_is_no_typing_slip(rulebook, word):
    """An ordinary word or a capitalised surname that is one letter from a rule's word is left alone."""
    assert not rulebook.scan(f"caller says {word} left the store").vetoes


VIOLENCE_IN_OTHER_WORDS = [
    "he grabbed at her scarf",
    "knocked down a pensioner on the stairs",
    "keeps swatting at people in the queue",
    "chest bumped the usher",
    "whooping his son with an extension cord",
    "has his forearm on her neck",
    "hands around the neck of the clerk",
    "there are marks on her neck",
    "she can be heard saying get off me",
    "swerved at the crossing guard and laughed",
    "kept reversing at him until he fell",
    "told her he knows where her kids wait for the bus",
    "told the manager to watch his back",
    "said she will sleep with one eye open",
    "he wouldn't let her leave the kitchen",
    "blocked the doorway with his body",
    "trying to get the girl into the van",
    "pulled a teenager into a truck",
    "invited the whole bar to take it outside",
    "a handle sticking out of his pants",
    "something tucked in back of his pants",
    "set his dog on the mail carrier",
    "belt marks on the boy",
    "broke a bottle and held it up at us",
    "threw boiling water on the cook",
    "drugged and woke up in a strange flat",
    "forced his way in past the nurse",
    "mom's boyfriend is mean with his hands",
    "struck by her husband with the car",
    "he hit her with the car door",
    "hit by a man who drove off in a car",
    "one of them went to the trunk",
    "heard a racking sound on the line",
]
NO_VIOLENCE_IN_LIKE_WORDS = [
    "The driver was pinned. Bystanders stayed with him.",
    "bat on the floor of the classroom",
    "he took everything in the bottle",
    "they put something in the pipes",
    "hound on a chain all night",
    "two neighbors and one laundry mach",
    "speeding on Hatchet Hill",
    "Two hikers are lost on the trail above Ransom Lake",
    "Tires dumped at Bullet Creek",
    "sidewalk unshoveled for a week",
    "hit curb and kept going",
    "knocked down a mailbox with the plow",
    "climbing the chainlink fence",
    "a jogger was struck by a turning delivery van",
    "a parked car was struck by a hit and run driver",
    "truck slid and hit a utility pole",
    "kids lit bottle rockets behind the pond",
    "door propped with a brick",
    "envelope full of packing dust",
]


@pytest.mark.parametrize("note", VIOLENCE_IN_OTHER_WORDS)
def test_violence_in_other_words_vetoes(rulebook, note):
    """Attacks, restraint, veiled threats and hidden weapons that are told without their usual words are mentions."""
    assert rulebook.scan(note).vetoes


@pytest.mark.parametrize("note", NO_VIOLENCE_IN_LIKE_WORDS)
def test_like_words_do_not_veto(rulebook, note):
    """Places, animals, household things and crashes that share a word with a rule are no mentions."""
    scan = rulebook.scan(note)
    assert not scan.vetoes, [(hit.rule_id, hit.words) for hit in scan.vetoes]


@pytest.mark.parametrize(
    "note",
    ["none contained a threat", "has never been aggressive and is calm", "no damage, no thrts", "no reports of fighting"],
)
def test_more_ways_to_say_that_there_was_no_violence(rulebook, note):
    """Each is plain negation, which asks for review and ends nothing."""
    scan = rulebook.scan(note)
    assert not scan.vetoes, [(hit.rule_id, hit.words) for hit in scan.vetoes]
