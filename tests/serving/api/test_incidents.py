"""Incidents of a CAD system: each change is answered once, written into the ledger, and known to every worker."""

import json

import pytest
from clients import local_client
from ledgers import of_service
from service_helpers import WHISPER

from serving.app import create_app
from serving.settings import Settings

KNOWN = {"call_type": "Welfare Check", "zone": "D1", "weapons_answer": "none", "violence_answer": "none",
         "medical_answer": "none"}  # fmt: skip


def link(client, incident_id, **more):
    """Link an incident, and return the answer."""
    answer = client.put(f"/v1/incidents/{incident_id}", json=KNOWN | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def note(client, incident_id, note_id, text):
    """Append a note."""
    return client.post(f"/v1/incidents/{incident_id}/notes", json={"note_id": note_id, "text": text})


def pull(client, incident_id, after=0, **more):
    """Return a page of decisions."""
    return client.get(f"/v1/incidents/{incident_id}/decisions", params={"after": after} | more).json()


def test_each_change_is_answered_with_all_that_is_known(shared_service):
    """Notes add up, fields count, and a weapon in the second note vetoes what the first one did not."""
    assert link(shared_service, "cad-1")["revision"] == 1
    first = note(shared_service, "cad-1", "n1", "male asleep in doorway of store, refusing to leave").json()
    second = note(shared_service, "cad-1", "n2", "now has a knife in his hand").json()
    assert (first["revision"], second["revision"], second["notes"]) == (2, 3, 2)
    assert first["decision"]["recommendation"] != "NOT_ELIGIBLE"
    assert second["decision"]["recommendation"] == "NOT_ELIGIBLE"
    assert second["decision"]["call_id"] == "cad-1"
    assert "veto_weapon" in {reason["code"] for reason in second["decision"]["reasons"]}


def test_the_same_request_again_changes_and_decides_nothing(shared_service):
    """A repeated note gets the same decision and `changed: false`; another text under the same id is refused."""
    link(shared_service, "cad-2")
    first = note(shared_service, "cad-2", "n1", "female crying on bench").json()
    again = note(shared_service, "cad-2", "n1", "female crying on bench").json()
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["decision"]["decision_id"] == first["decision"]["decision_id"]
    assert link(shared_service, "cad-2")["decision"]["decision_id"] == first["decision"]["decision_id"]
    assert note(shared_service, "cad-2", "n1", "another text").status_code == 409
    assert len(pull(shared_service, "cad-2")["decisions"]) == 2


def test_decisions_are_pulled_by_cursor(shared_service):
    """Each page goes on where the one before ended; the last one is empty, and a new decision comes after it."""
    link(shared_service, "cad-3")
    note(shared_service, "cad-3", "n1", "man talking to himself")
    page = pull(shared_service, "cad-3", limit=1)
    assert ([one["revision"] for one in page["decisions"]], page["more"]) == ([1], True)
    page = pull(shared_service, "cad-3", page["next"])
    assert ([one["revision"] for one in page["decisions"]], page["more"]) == ([2], False)
    assert pull(shared_service, "cad-3", page["next"])["decisions"] == []
    link(shared_service, "cad-3", closed=True)
    (last,) = pull(shared_service, "cad-3", page["next"])["decisions"]
    assert (last["final"], last["via"], last["revision"]) == (True, "cad", 3)


def test_what_a_person_decided_is_pulled_too(shared_service):
    """The clinician's decision on the call page reaches CAD by the same cursor."""
    decision_id = link(shared_service, "cad-10")["decision"]["decision_id"]
    after = pull(shared_service, "cad-10")["next"]
    said = {"human": "REVIEW", "reason": "needs_a_clinician", "response": "crisis_call_diversion"}
    assert shared_service.post(f"/v1/decisions/{decision_id}/feedback", json=said).status_code == 200
    (judgement,) = pull(shared_service, "cad-10", after)["judgements"]
    assert judgement["withdrawn"] is False
    assert {name: judgement[name] for name in said} == said


def test_the_words_of_the_feed_are_offered_on_the_call_page(service):
    """Call types and zones of linked incidents come most frequent first, each once, and nothing of a note."""
    for number, (kind, zone) in enumerate((("Zorbing", "B7"), ("Kite stuck", "B7"), ("Kite stuck", ""))):
        link(service, f"seen-{number}", call_type=kind, zone=zone)
    note(service, "seen-0", "n1", WHISPER)
    assert service.get("/console/seen").json() == {"call_type": ["Kite stuck", "Zorbing"], "zone": ["B7"]}


def test_eligible_waits_for_the_questions(shared_service):
    """A question that CAD did not answer is named in the answer and in the ledger's decision."""
    link(shared_service, "cad-4", weapons_answer="not_asked")
    note(shared_service, "cad-4", "n1", "male asleep in doorway of store, refusing to leave")
    (*_, last) = pull(shared_service, "cad-4")["decisions"]
    assert last["questions"] == ["weapons"]
    assert last["shown"] != "ELIGIBLE"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/incidents/nobody/notes", {"note_id": "n", "text": "x"}, 404),
        ("GET", "/v1/incidents/nobody/decisions", None, 404),
        ("PUT", "/v1/incidents/cad-5", {"narrative": "x"}, 422),
        ("PUT", "/v1/incidents/cad-5", {"zone": 4}, 422),
        ("POST", "/v1/pushes/abc/resend", None, 404),
    ],
)
def test_what_cannot_be_done_is_refused(shared_service, method, path, body, status):
    """An incident is linked before it is noted; notes come one by one; fields are those of a call."""
    assert shared_service.request(method, path, json=body).status_code == status


def test_notes_that_are_too_long_together_are_refused(shared_service):
    """The narrative has one bound, however it came; the note before stays."""
    link(shared_service, "cad-6")
    assert note(shared_service, "cad-6", "n1", "word " * 10_000).status_code == 200
    assert note(shared_service, "cad-6", "n2", "word " * 10_000).status_code == 422


def test_another_worker_and_a_restart_know_the_incident(settings):
    """A second service on the same ledger appends to what the first one linked; no word of a note is in the file."""
    with local_client(create_app(Settings(**settings), log=False)) as one:
        link(one, "cad-7", caller_key="919-555-7777")
        note(one, "cad-7", "n1", f"male asleep in doorway {WHISPER}")
    with local_client(create_app(Settings(**settings), log=False)) as other:
        answer = note(other, "cad-7", "n2", "he has a gun").json()
        assert (answer["revision"], answer["notes"]) == (3, 2)
        assert answer["decision"]["recommendation"] == "NOT_ELIGIBLE"
        assert other.put("/v1/incidents/cad-7", json=KNOWN | {"caller_key": "919-555-7777"}).json()["changed"] is False
    folder = settings["bundle"].parent
    assert not any(WHISPER.encode() in path.read_bytes() for path in folder.glob("ledger.db*"))
    ledger = of_service(settings["ledger"])
    contents = [entry.content for entry in ledger.read("decision")]
    ledger.close()
    assert [content["revision"] for content in contents] == [1, 2, 3]
    assert all(content["caller"].startswith("c1:") for content in contents)


def test_a_change_whose_answer_was_lost_is_decided_at_the_retry(service, monkeypatch):
    """A note that was stored and could not be decided is decided when it is sent again, and not passed over."""
    decisions = service.app.state.services.decisions
    link(service, "cad-8")

    async def fail(*_args, **_more):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(decisions, "decide", fail)
        assert note(service, "cad-8", "n1", "man with a gun").status_code == 500
    answer = note(service, "cad-8", "n1", "man with a gun").json()
    assert (answer["changed"], answer["decision"]["recommendation"]) == (False, "NOT_ELIGIBLE")


def test_a_hidden_suggestion_is_hidden_from_cad_too(settings):
    """In the silent arm of a trial neither the answer nor the pulled decisions tell the suggestion."""
    with local_client(create_app(Settings(**settings, hide_share=1.0), log=False)) as client:
        link(client, "cad-9")
        answer = note(client, "cad-9", "n1", "male asleep in doorway of store, refusing to leave").json()
        assert answer["decision"]["response"] is None
        (*_, last) = pull(client, "cad-9")["decisions"]
        assert (last["shown"], last["response"], last["codes"]) == (None, None, [])
        assert json.dumps(last).count("ELIGIBLE") == 0
