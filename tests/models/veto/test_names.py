"""Names that look like mentions are read as names where their place says so, and nowhere else."""

import pytest

from models.errors import InvalidConfig
from models.veto import Roster, VetoMatcher

NAMES = [
    "Ofc Gunn enroute",
    "OFC GUNN ADVISED",
    "spoke with Officer Gunn about it",
    "Officer Pike spoke with rp",
    "met with Sgt. Hammer at the station",
    "Dr. Savage on scene",
    "at 114 Shotgun Rd",
    "asleep on Pistol Ln",
    "asleep behind the Hammer Tavern",
    "[11/24/26 10:42:07 GUNN] male asleep",
    "[10:42:07 KNIFEB] male asleep",
    "[11/24/26 10:42:07 GUN] male asleep",
    "11/24/26 10:42:07 SHOTTS: male asleep",
    "{GUN12} male asleep",
    "Mr. Bateman is lost",
    "lives on Winchester Dr",
]
MENTIONS = [
    "Winchester rifle in trunk",
    "Officer saw a hatchet",
    "officer stabbed",
    "OFFICER SHOT",
    "OFFICER HAMMER IN HAND",
    "officer gun drawn",
    "male has hammer at the bar",
    "has a gun, bar fight",
    "[11/24/26 10:42:07 GUNN] male has a GUN",
    "GUN [11/24/26 10:42:07 GUNN]",
    "10:42 GUN: on table",
    "holding clerk at gunpoint on Main St",
    "has a knife drive fast",
    "[GUN]",
    "{knife}",
    "has a Gunn",
    "male with Hammer Tavern is closed and a knife",
    "shots on Pistol Ln",
]


@pytest.mark.parametrize("note", NAMES)
def test_a_name_in_its_place_does_not_veto_and_is_shown(rulebook, note):
    """A title, a stamp, a street's or a business's ending makes a name, and the name is shown with the near-misses."""
    scan = rulebook.scan(note)
    assert not scan.vetoes, [(hit.rule_id, hit.words) for hit in scan.vetoes]


@pytest.mark.parametrize("note", MENTIONS)
def test_a_mention_near_a_name_or_a_title_vetoes(rulebook, note):
    """Where the place does not make a name, the word is a mention."""
    assert rulebook.scan(note).vetoes


def test_beside_a_mention_a_name_is_a_mention_too(rulebook):
    """A name is excused only where nothing else vetoes."""
    assert {hit.words for hit in rulebook.scan("Ofc Gunn: male has a knife").vetoes} == {"Gunn", "knife"}


@pytest.fixture(scope="module")
def matcher(tmp_path_factory):
    """Return a matcher with the roster of a small city."""
    path = tmp_path_factory.mktemp("city") / "units.csv"
    path.write_text(
        "kind,name\nofficer,Winchester\nofficer,Sam Gunn\nlogin,KNIFEB\nstreet,Winchester\nstreet,Gun Club\n"
        "business,The Rusty Gun\n",
        encoding="utf-8",
    )
    return VetoMatcher(roster=Roster.load(path))


class TestRoster:
    """A city's roster of officers, logins, streets and businesses."""

    @pytest.mark.parametrize(
        "note",
        [
            "GUNN ADVISES MALE IS CALM",
            "gunn on scene",
            "2A14 WINCHESTER ENROUTE",
            "WINCHESTER ADVISES MALE IS CALM",
            "OFC WINCHESTER SPOKE WITH RP",
            "male asleep on winchester near the bridge",
            "1400 WINCHESTER, MALE ASLEEP",
            "asleep at gun club",
            "drunk outside the rusty gun",
            "knifeb copied",
        ],
    )
    def test_a_name_of_the_roster_does_not_veto(self, matcher, note):
        """Officers, logins, streets and businesses of the roster are read as names, in every case."""
        assert not matcher.scan(note).vetoes

    @pytest.mark.parametrize(
        "note",
        [
            "has a winchester",
            "winchester rifle in trunk",
            "officer saw a gun",
            "on winchester with a rifle",
            "WINCHESTER RIFLE ON TABLE",
            "has a knife",
            "gun at the club",
            "asleep on winchester, has a knife",
        ],
    )
    def test_a_mention_vetoes_with_a_roster_too(self, matcher, note):
        """A roster makes no weapon a name outside a name's place."""
        assert matcher.scan(note).vetoes

    @pytest.mark.parametrize(
        ("text", "fault"),
        [("sort,name\nofficer,Gunn\n", "lacks a column"), ("kind,name\ndog,Rex\n", "unknown kind"), (None, "read")],
    )
    def test_a_bad_roster_is_refused(self, tmp_path, text, fault):
        """A roster with another column or kind, or none at all, is refused with the fault."""
        path = tmp_path / "units.csv"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidConfig, match=fault):
            Roster.load(path)
