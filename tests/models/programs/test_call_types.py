"""Call types are mapped by tables, then by their words, then by what is left of cut words; how is said."""

import csv

import pytest
from command import ROOT

from models.errors import InvalidConfig
from models.programs.call_types import CODES, UNMAPPED, CallTypes, program_types, regions, shipped, type_names
from models.programs.program import load_program

FORMATS = ROOT.parent / "shared" / "formats"
needs_formats = pytest.mark.skipif(
    not FORMATS.is_dir(), reason="the standards' tables are not at hand: ../shared/formats is absent"
)


@pytest.mark.parametrize(
    ("written", "name", "confidence"),
    [
        ("Trespass", "trespass", "exact"),
        ("CHECK WELL BEING", "welfare_check", "exact"),
        ("Med,Suicide/Psy", "suicide_threat", "by_words"),
        ("Unwanted Guest", "trespass", "exact"),
        ("UnwantedGuest", "trespass", "exact"),
        ("Drunk Driving", "traffic", "exact"),
        ("WELFARE CHECK - URGENT", "welfare_check", "by_words"),
        ("Disturbance/Verbal Argument", "verbal_disturbance", "by_words"),
        ("PSYCH EVAL TRANSPORT", "mental_health", "by_words"),
        ("Shots Heard", "shots_fired", "exact"),
        ("5150", "mental_health", "exact"),
        ("5150 EVAL AT CLINIC", "mental_health", "by_words"),
        ("Zorbing", "unmapped", "guessed"),
        ("", "unmapped", "guessed"),
        (None, "missing", "exact"),
    ],
)
def test_agencies_words_find_the_programs_type(written, name, confidence):
    """Known names come from the table, others from their words."""
    kind = shipped().canonical(written)
    assert (kind.name, kind.confidence) == (name, confidence)
    assert kind.guessed == (confidence != "exact")


@pytest.mark.parametrize(
    ("written", "name", "confidence"),
    [
        ("SUSP SUBJ", "suspicious", "by_words"),
        ("CODE H SUBJ", "trespass", "by_words"),
        ("CRIM THRT RPT", "threats", "by_words"),
        ("UNK TRBL", "welfare_check", "by_words"),
        ("CHECK WELL-BEIN", "welfare_check", "guessed"),
        ("CHECK WELL\u2010BEIN", "welfare_check", "guessed"),
        ("NEIGHBOR DISPUT", "verbal_disturbance", "guessed"),
        ("SUICIDE ATTEMP", "suicide_attempt", "guessed"),
        ("PERSON WITH A K", "weapon", "guessed"),
        ("Keep the Peace", "assist", "exact"),
    ],
)
def test_natures_that_cities_abbreviate_or_cut_are_read(written, name, confidence):
    """Abbreviations, typographic dashes and types cut at fifteen characters."""
    kind = shipped().canonical(written)
    assert (kind.name, kind.confidence) == (name, confidence)


@pytest.mark.parametrize(
    "written",
    ["FIREARMS LICENS", "Firearms License", "Permit App/Gun", "WEAPON TURN-IN", "License To Carry", "Gun Buy-Back"],
)
def test_paper_about_weapons_is_no_mention(written):
    """An application at the desk is not the program's and no weapon at a scene."""
    kind = shipped().canonical(written)
    assert (kind.name, kind.mention, kind.danger) == ("administrative", False, None)
    assert kind.name not in program_types()


@pytest.mark.parametrize(
    "written",
    [
        "FIREARMS",
        "FIREARMS LICENSE, MAN WITH GUN",
        "WEAPON",
        "WEAPONS",
        "GUN",
        "WEAPON TURN-IN REFUSED, GUN SHOWN",
        "MAN W/GUN",
    ],
)
def test_a_weapon_stays_a_weapon(written):
    """Only the whole of a listed type is paper; anything more, or less, is a mention."""
    kind = shipped().canonical(written)
    assert (kind.name, kind.danger, kind.mention) == ("weapon", "weapon", True)


def test_codes_of_a_region_are_read_where_a_city_asks_for_them():
    """The same number means other things elsewhere."""
    assert shipped().canonical("415 PC").name == UNMAPPED
    city = CallTypes(regions=["california"])
    assert city.canonical("415").name == "verbal_disturbance"
    assert city.canonical("245 PC").danger == "weapon"
    assert CallTypes(regions=["ten_codes_nc"]).canonical("10-96 MALE").name == "mental_health"
    assert set(regions()) == {"california", "ten_codes_nc"}
    with pytest.raises(InvalidConfig, match="california"):
        CallTypes(regions=["atlantis"])


def test_a_citys_own_types_come_first():
    """A city's table settles what its own words mean, exactly."""
    city = CallTypes({"Zorbing": "trespass", "Noise": "verbal_disturbance"})
    assert (city.canonical("ZORBING").name, city.canonical("zorbing").confidence) == ("trespass", "exact")
    assert city.canonical("noise").name == "verbal_disturbance"
    with pytest.raises(InvalidConfig, match="no such call type"):
        CallTypes({"Zorbing": "sport"})


def test_the_programs_types_exist():
    """What a program names is in the table."""
    program = load_program()
    assert program.eligible_call_types | program.excluded_call_types <= set(type_names())


def test_every_code_names_a_type_and_only_one():
    """The files of codes name existing types, and no code twice."""
    import tomllib  # noqa: PLC0415  used here alone

    for path in CODES.glob("*.toml"):
        file = tomllib.loads(path.read_text())
        codes = [code for listed in file["codes"].values() for code in listed]
        assert len(codes) == len(set(codes)), path.name
        assert {*file["codes"], *file.get("names", {})} <= {*type_names(), UNMAPPED}, path.name


@needs_formats
def test_every_apco_code_and_description_is_read():
    """All codes of APCO ANS 2.103.2 map to a type, and each description to the type of its code."""
    text = (FORMATS / "apco_2.103.2_incident_types.tsv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    rows = [row for row in rows if row["code"].strip()]
    assert len(rows) == 246
    unread = [row["code"] for row in rows if shipped().canonical(row["code"]).name == UNMAPPED]
    assert unread == ["NCRNONE"]
    differing = [
        row["description"]
        for row in rows
        if shipped().canonical(row["description"]).name != shipped().canonical(row["code"]).name
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("code", "danger"),
    [
        *((code, "weapon") for code in ("FAS", "FASX", "NCRASLTWF", "WEAPON", "SHOOT", "ACTSHOOT")),
        *((code, "violence") for code in ("DVA", "MTLV", "SEXOFFNS", "TERROR", "STABBING", "ASSAULT", "FIGHT", "HOMICIDE")),
        *(
            (code, "violence")
            for code in ("BOMB", "HOSTAGE", "BARICADE", "CARJACK", "ROBBERY", "THREATS", "CU1", "STKX", "TRAUMAP")
        ),
        *((code, None) for code in ("MNTL", "EDP", "DVNA", "CU2", "WELFARE", "SUICTHRT", "ALRF")),
    ],
)
def test_apco_codes_of_weapons_and_violence_are_mentions(code, danger):
    """The code itself says it, whatever the note says."""
    assert shipped().canonical(code).danger == danger
    assert shipped().canonical(code).confidence == "exact"
