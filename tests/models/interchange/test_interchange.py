"""Decisions leave as an EIDO note and as a FHIR referral, and neither says more than it may."""

import json
import tomllib
from datetime import datetime

import pytest
from command import ROOT, heartline

from models.call import Call
from models.errors import InvalidConfig
from models.interchange import eido_of, service_request
from models.interchange.eido_note import NOTE_PREFIX, EidoSender
from models.programs.program import PROGRAMS, load_program, parse_program
from pipelines.data.formats import eido

SENDER = EidoSender(agency="psap.example.gov", element="heartline.example.gov")


@pytest.fixture
def decision(rules_router):
    """Return a vetoed decision as a record."""
    return rules_router.decide(Call(narrative='says "go away" & has a <knife>', call_id="26-1")).to_dict()


@pytest.fixture
def exporting():
    """Return Durham's program with referrals exported."""
    table = tomllib.loads((PROGRAMS / "durham-heart.toml").read_text())
    table["care_navigation"]["export"] = "fhir_r4"
    return parse_program(table)


def test_a_decision_becomes_a_note_with_its_reasons_and_versions(decision):
    """The suggestion, each reason, the risk and the versions stand in HTML5, with every sign of the note escaped."""
    document = eido_of(decision, sender=SENDER)
    assert document["$id"] == "26-1"
    (note,) = document["notesComponent"]
    html = note["notesActionComments"]
    assert "Heartline suggests NOT_ELIGIBLE, police" in html
    assert all(version in html for version in decision["versions"].values())
    assert html.count("<li>") == len(decision["reasons"])
    assert "<knife>" not in html


def test_advice_that_comes_back_is_never_read_as_a_note(decision):
    """A CAD that sends the incident again with our note does not make our own words a mention."""
    document = eido_of(decision, sender=SENDER)
    assert document["notesComponent"][0]["$id"].startswith(NOTE_PREFIX)
    assert eido.row(document)["narrative"] == ""


def test_the_note_keeps_the_standards_schema(decision):
    """What goes out is a valid EIDO by the standard's own schema."""
    standard = ROOT.parent / "shared" / "formats" / "eido" / "openapi.yaml"
    if not standard.is_file():
        pytest.skip("../shared/formats/eido is not at hand")
    from eido_schema import schema_errors  # noqa: PLC0415  reads the standard

    assert schema_errors(eido_of(decision, sender=SENDER)) == []


def test_referrals_are_off_by_default(decision):
    """A program must ask for them in its file."""
    with pytest.raises(InvalidConfig, match="does not export referrals"):
        service_request(decision, program=load_program(), requester="psap")


def test_a_referral_names_the_call_and_no_word_of_the_note(decision, exporting):
    """Within 48 hours, as a proposal, for the person of a call by its number."""
    assert service_request(decision, program=exporting, requester="psap") is None
    request = service_request(decision | {"care_navigation": True}, program=exporting, requester="psap")
    assert (request["resourceType"], request["status"], request["intent"]) == ("ServiceRequest", "active", "proposal")
    assert request["subject"]["identifier"]["value"] == "26-1"
    period = {name: datetime.fromisoformat(at) for name, at in request["occurrencePeriod"].items()}
    assert (period["end"] - period["start"]).total_seconds() == 48 * 3600
    assert "knife" not in json.dumps(request)


def test_the_command_prints_one_document_a_line(tmp_path, decision):
    """`heartline export eido`, and a refusal of what is no decision."""
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(decision) + "\n")
    code, out, _ = heartline("export", "eido", "--decisions", str(path), "--agency", "psap.example.gov")
    assert code == 0
    assert json.loads(out) == eido_of(decision, sender=EidoSender(agency="psap.example.gov", element="heartline"))
    assert heartline("export", "fhir", "--decisions", str(path), "--agency", "x")[0] == 2
    path.write_text("{}\n")
    assert heartline("export", "eido", "--decisions", str(path), "--agency", "x")[0] == 2
