"""A program's criteria are data, and wrong data is named."""

import tomllib
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from models.call import Answer, Call
from models.decision import Response
from models.errors import InvalidConfig
from models.programs.program import PROGRAMS, load_program, parse_program, program_ids
from models.router import Router
from pipelines.operations.programs import faults

DURHAM = ZoneInfo("America/New_York")


@pytest.fixture
def table():
    """Return Durham's file, parsed."""
    return tomllib.loads((PROGRAMS / "durham-heart.toml").read_text())


def test_durham_has_its_eight_natures_and_three_units():
    """Criteria as published."""
    program = load_program()
    assert len(program.eligible_call_types) == 8
    assert set(program.units) == {Response.CRISIS_CALL_DIVERSION, Response.COMMUNITY_RESPONSE, Response.CO_RESPONSE}


@pytest.mark.parametrize(("hour", "on_duty"), [(8, False), (9, True), (20, True), (21, False)])
def test_hours_start_on_the_minute_and_end_before_it(hour, on_duty):
    """Nine is on duty, twenty-one is not."""
    given = load_program().availability(Response.COMMUNITY_RESPONSE, datetime(2026, 3, 3, hour, tzinfo=DURHAM), None)
    assert given.on_duty is on_duty


def test_a_shift_may_run_past_midnight(table):
    """Saturday night's shift still runs on Sunday at one."""
    table["units"]["community_response"]["hours"] = ["sat 20:00-02:00"]
    program = parse_program(table)
    sunday = datetime(2026, 3, 8, 1, 0, tzinfo=DURHAM)
    assert program.availability(Response.COMMUNITY_RESPONSE, sunday, None).on_duty
    assert not program.availability(Response.COMMUNITY_RESPONSE, sunday.replace(hour=3), None).on_duty


def test_an_unknown_zone_is_not_known_to_be_served(table):
    """Where the unit serves some zones only, a missing zone leaves the answer open."""
    table["units"]["community_response"]["zones"] = ["D1"]
    program = parse_program(table)
    noon = datetime(2026, 3, 3, 12, tzinfo=DURHAM)
    answers = [program.availability(Response.COMMUNITY_RESPONSE, noon, zone).available for zone in ("D1", "D2", None)]
    assert answers == [True, False, None]


def test_other_services_have_no_availability():
    """Police, EMS and fire are not the program's to promise."""
    assert load_program().availability(Response.POLICE, None, None) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("screening_negatives", "ignore"),
        ("violence_negated", "clear"),
        ("risk_bands", {"high": "often", "high_risk_unit": "co_response"}),
        ("units", {"helicopters": {"staffing": "", "zones": "all", "hours": []}}),
        ("units", {"co_response": {"staffing": "", "zones": "all", "hours": ["whenever"]}}),
        ("colour", "blue"),
    ],
)
def test_a_wrong_file_is_refused(table, key, value):
    """Every value is checked when the file is read."""
    with pytest.raises(InvalidConfig):
        parse_program(table | {key: value})


def test_a_roster_is_found_beside_its_program(table, tmp_path):
    """A program's roster is a path relative to the program's own file; without one there is none."""
    program = parse_program(table | {"roster": "units.csv"}, folder=tmp_path)
    assert program.roster == tmp_path / "units.csv"
    assert parse_program(table).roster is None


def test_an_unknown_program_lists_the_known():
    """The remedy names what there is."""
    with pytest.raises(InvalidConfig, match="durham-heart"):
        load_program("atlantis")


@pytest.mark.parametrize("program_id", program_ids())
def test_every_shipped_program_holds_together(program_id):
    """Ten programs read, name existing call types, exclude weapons, and give their sources and gaps."""
    program = load_program(program_id)
    assert faults(program) == []
    assert program.id == program_id
    assert program.note
    assert program.unknown


def test_the_ten_programs_are_there():
    """Durham and the nine it is compared with."""
    assert len(program_ids()) == 10


def test_looking_back_uses_the_hours_of_the_time():
    """In the pilot the community team worked from ten to nine in the pilot's zones, and co-response began in autumn."""
    program = load_program()
    august = datetime(2022, 8, 3, 9, 30, tzinfo=DURHAM)
    team = Response.COMMUNITY_RESPONSE
    assert program.availability(team, august, "pilot").on_duty is False
    assert program.availability(team, august.replace(hour=10), "pilot").available
    assert program.availability(team, august.replace(hour=10), "D9").in_zone is False
    assert program.availability(Response.CO_RESPONSE, august.replace(hour=12), None).available is False
    assert program.availability(Response.CO_RESPONSE, august.replace(hour=12, month=11), None).on_duty


@pytest.mark.parametrize(
    ("program_id", "call_type", "expected"),
    [
        ("durham-heart", "Trespass", "ELIGIBLE"),
        ("tucson", "Trespass", "NOT_ELIGIBLE"),
        ("atlanta-pad", "Suicide Threat", "NOT_ELIGIBLE"),
        ("denver-star", "Suicide Threat", "ELIGIBLE"),
        ("tucson", "Trespass - Repeat Sleeper Downtown", "REVIEW"),
        ("durham-heart", "Zorbing", "ELIGIBLE"),
    ],
)
def test_the_same_call_gets_each_programs_own_answer(router, program_id, call_type, expected):
    """What one program takes another leaves; a guessed call type only raises a doubt."""
    point = replace(router.bundle.operating_point, eligible_at=0.0)
    own = Router(
        bundle=replace(router.bundle, operating_point=point), program=load_program(program_id), matcher=router.matcher
    )
    answers = {"weapons_answer": Answer.NONE, "violence_answer": Answer.NONE}
    assert own.decide(Call(narrative="asleep in doorway, crying", call_type=call_type, **answers)).recommendation == expected


def test_what_the_model_has_not_learnt_is_not_turned_away(router):
    """Denver takes overdoses; a model of Durham's calls cannot say no to them."""
    point = replace(router.bundle.operating_point, eligible_at=1.1, not_eligible_below=1.1)
    own = Router(
        bundle=replace(router.bundle, operating_point=point), program=load_program("denver-star"), matcher=router.matcher
    )
    assert own.decide(Call(narrative="asleep on bench", call_type="Overdose")).recommendation == "REVIEW"
    assert own.decide(Call(narrative="asleep on bench", call_type="Theft")).recommendation == "NOT_ELIGIBLE"
