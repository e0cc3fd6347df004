"""EIDO documents become calls by NENA-STA-021.1b: every field name is the schema's, and nothing of a note is lost."""

import copy
import json

import pytest
from command import ROOT
from eido_schema import STANDARD, schema_errors

from models.call import Call
from models.errors import InvalidData
from models.programs.call_types import CallTypes
from pipelines.data.formats import eido
from pipelines.data.formats.markup import plain_text
from pipelines.data.readers import records
from pipelines.data.table import read_row

EXAMPLE = ROOT / "data" / "examples" / "eido.json"
needs_standard = pytest.mark.skipif(not STANDARD.is_dir(), reason="../shared/formats/eido is not at hand")


@pytest.fixture
def document():
    """Return the example document."""
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


def with_notes(document, *notes):
    """Return the document with other notes, each a time of day and its words."""
    component = document["notesComponent"][0]
    return document | {
        "notesComponent": [
            component | {"$id": f"n{n}", "lastUpdateTimeStamp": f"2026-03-02T{at}-05:00", "notesActionComments": text}
            for n, (at, text) in enumerate(notes)
        ]
    }


def test_a_document_becomes_a_call(document):
    """Number, times, type, priority, beat, caller and outcome are found where the standard puts them."""
    row = eido.row(document)
    assert row["narrative"].split("\n") == [
        "07:12:40 RP worried for brother, lives alone & won't answer",
        "07:15:30 sister adds he has not slept,",
        "no wpns",
    ]
    assert (row["call_id"], row["received_at"]) == ("2026-000777", "2026-03-02T07:12:00-05:00")
    assert (row["call_type"], row["priority"], row["zone"]) == ("CHECK WELFARE", "3", "D2")
    assert (row["caller_key"], row["disposition"]) == ("tel:+19195550101", "18")
    assert isinstance(read_row(row), Call)


@needs_standard
def test_the_example_keeps_the_standards_schema(document):
    """The example that ships is a valid EIDO, and the check can fail."""
    assert schema_errors(document) == []
    broken = copy.deepcopy(document)
    del broken["incidentComponent"]["incidentTypeCommonRegistryText"]
    assert schema_errors(broken)


@needs_standard
def test_the_standards_sample_is_read():
    """A call transfer before any note: who called, when, and under which identifier."""
    (row,) = records(STANDARD / "sample_call_transfer.json")
    assert row["call_id"].startswith("urn:emergency:uid:incidentid:")
    assert row["received_at"].startswith("2021-04-30T14:40:00")
    assert row["caller_key"] == "tel:8195551212"
    assert row["narrative"] == ""


def test_notes_stand_in_time_order_whatever_their_zone(document):
    """Order is by the instant, not by the text of the time."""
    notes = with_notes(document, ("07:30:00", "third"), ("07:10:00", "first"))
    western = {"lastUpdateTimeStamp": "2026-03-02T06:20:00-06:00", "notesActionComments": "second"}
    notes["notesComponent"].append(notes["notesComponent"][0] | western)
    assert [line.split(" ")[1] for line in eido.row(notes)["narrative"].split("\n")] == ["first", "second", "third"]


@pytest.mark.parametrize(
    "markup", ["has a k&#110;ife", "has a k&#x6E;ife", "has a <b>kni</b>fe", "<gun> &lt;", "gun&nbsp;out"]
)
def test_markup_hides_no_weapon(rules_router, document, markup):
    """A weapon in character references or tags vetoes."""
    call = read_row(eido.row(with_notes(document, ("07:12:00", markup))))
    assert rules_router.decide(call).vetoed


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a<br>b<p>c</p>", "a\nb\nc"),
        ("male <40 yo & F>30", "male <40 yo & F>30"),
        ("<script>x</script><!-- c -->y", "xy"),
        ("&bogus; &amp;lt; &copy", "&bogus; &lt; ©"),
        ("<unknown a=1>z", "<unknown a=1>z"),
    ],
)
def test_html5_becomes_text(markup, text):
    """Known tags go, blocks break lines, references are decoded once, and anything else stays."""
    assert plain_text(markup).text.strip() == text


def test_each_character_leads_back_to_the_markup():
    """A highlight in the text can be shown in the note as it was sent."""
    markup = "<p>has a k&#110;ife</p>"
    plain = plain_text(markup)
    place = plain.text.index("knife")
    start, last = plain.span(place, place + 5)
    assert (markup[start], markup[start : last + 1]) == ("k", "k&#110;ife")
    assert len(plain.starts) == len(plain.text)


@pytest.mark.parametrize(
    ("internal", "registered", "vetoes"),
    [
        ("ARMED", "Weapon", True),
        ("officer safety", "ArmedAndDangerous", True),
        ("violent history", "Other", True),
        ("ASSAULTIVE", "Person", True),
        ("k&#110;ife on file", "Other", True),
        ("dog in yard", "Animal", False),
        ("oxygen in use", "Medical", False),
    ],
)
def test_cautions_about_weapons_and_violence_veto(rules_router, document, internal, registered, vetoes):
    """A caution is the first line of the note, so that its words are shown; any caution is a premise hazard."""
    caution = {"cautionTypeInternalText": internal, "cautionTypeCommonRegistryText": registered, "cautionSeverity": "high"}
    call = read_row(eido.row(document | {"cautionComponent": [caution]}))
    assert call.premise_hazard is True
    assert call.narrative.startswith("CAUTION: ")
    decision = rules_router.decide(call)
    assert decision.vetoed is vetoes


@pytest.mark.parametrize(
    ("incident", "call_type"),
    [
        ({"incidentTypeInternalText": "CHECK WELFARE", "incidentTypeCommonRegistryText": "WELFARE"}, "CHECK WELFARE"),
        ({"incidentTypeInternalText": "Zorbing", "incidentTypeCommonRegistryText": "WELFARE"}, "WELFARE"),
        ({"incidentTypeInternalText": "DISTURBANCE", "incidentTypeCommonRegistryText": "DVA"}, "DVA"),
        ({"incidentTypeInternalCode": "MTLV", "incidentTypeCommonRegistryText": "EDP"}, "MTLV"),
        ({"incidentTypeCommonRegistryText": "EDP"}, "EDP"),
        ({}, None),
    ],
)
def test_the_dangerous_one_of_several_types_counts(document, incident, call_type):
    """The agency's text before its code before the APCO code, but a weapon or violence before all."""
    assert eido.row(document | {"incidentComponent": incident})["call_type"] == call_type


def test_a_programs_own_call_types_choose_among_several_types(tmp_path, document):
    """A type that only the city's table knows as dangerous is chosen, in a file and in a folder."""
    types = {"incidentTypeInternalText": "CHECK WELFARE", "incidentTypeInternalCode": "Zorbing"}
    (tmp_path / "1.json").write_text(json.dumps(document | {"incidentComponent": types}))
    city = CallTypes({"Zorbing": "weapon"})
    for path in (tmp_path, tmp_path / "1.json"):
        assert [row["call_type"] for row in records(path)] == ["CHECK WELFARE"]
        assert [row["call_type"] for row in records(path, call_types=city)] == ["Zorbing"]


def test_reading_twice_changes_nothing_and_the_latest_counts(tmp_path, document):
    """`$id` and `lastUpdateTimeStamp` make it idempotent, in whatever order documents arrive."""
    older = document | {"lastUpdateTimeStamp": "2026-03-02T07:13:00-05:00", "notesComponent": document["notesComponent"][1:]}
    (tmp_path / "1.json").write_text(json.dumps(document))
    (tmp_path / "2.json").write_text(json.dumps([older, document, older]))
    assert list(records(tmp_path)) == [eido.row(document)]


@pytest.mark.parametrize("text", ["{}", "[1]", "nonsense", "null", "[]"])
def test_what_is_no_eido_is_refused(tmp_path, text):
    """The file is named, alone or in a folder."""
    (tmp_path / "x.json").write_text(text)
    for path in (tmp_path / "x.json", tmp_path):
        with pytest.raises(InvalidData, match=r"x\.json"):
            list(records(path))
