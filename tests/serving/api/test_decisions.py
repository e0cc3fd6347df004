"""Decisions, feedback and outcomes are written into the ledger before they are answered."""

import asyncio

import pytest
from clients import LOCAL, local_client
from ledgers import of_service
from service_helpers import CALL, WHISPER, decide, entries

from serving.app import create_app
from serving.fair_queue import FairQueue
from serving.settings import Settings


class TestLedger:
    """Every answer is in the ledger before it is sent."""

    def test_a_decision_is_written_down_without_its_note(self, service, settings):
        """Versions, probabilities, rules by id and a keyed hash; not one word of the note."""
        made = decide(service, narrative=f"male with a knife {WHISPER}", caller_key=WHISPER)
        (entry,) = entries(service, made["decision_id"])
        content = entry["content"]
        assert content["recommendation"] == "NOT_ELIGIBLE"
        assert content["versions"] == made["versions"]
        assert content["eligible_probability"] == made["eligible_probability"]
        assert "edged" in {rule["rule_id"] for rule in content["rules"]}
        assert (content["actor"], content["via"], content["final"]) == ("local", "http", True)
        assert len(content["note"]["fingerprint"]) == 64
        assert content["caller"].startswith("c1:")
        ledger = settings["bundle"].parent / "ledger.db"
        assert not any(WHISPER.encode() in path.read_bytes() for path in ledger.parent.glob("ledger.db*"))

    def test_refusals_and_reviews_are_written_down_too(self, service):
        """Whatever the answer, there is an entry."""
        made = [decide(service, narrative=note) for note in ("", "has a gun", "two car crash")]
        assert all(entries(service, each["decision_id"]) for each in made)

    def test_an_answer_that_cannot_be_written_down_is_not_given(self, service, tmp_path):
        """Where the database is deleted while the service runs, the answer is 503, and no new ledger is created."""
        decide(service)
        for path in tmp_path.glob("ledger.db*"):
            path.unlink()
        for _ in range(2):
            answer = service.post("/v1/decisions", json=CALL)
            assert answer.status_code == 503
            assert "REVIEW" in answer.json()["detail"]
            assert "eligible_probability" not in answer.text
        assert not (tmp_path / "ledger.db").exists()
        assert service.get("/v1/health/live").status_code == 200

    def test_a_callers_calls_are_counted_in_a_header(self, service):
        """X-Total-Calls says how many calls there were in all, beside the latest entries; a call decided twice is one."""
        for number in ("a", "b", "b"):
            decide(service, call_id=number, caller_key="919-555-0199")
        found = service.post("/v1/callers", json={"caller_key": "(919) 555-0199"})
        assert (found.headers["x-total-calls"], len(found.json())) == ("2", 3)

    def test_where_too_much_waits_it_says_when_to_come_again(self, service):
        """503 with Retry-After, the call is REVIEW, and the next request is answered once there is room."""
        decisions = service.app.state.services.decisions
        usual, decisions._queue = decisions._queue, FairQueue(places=0, most_waiting=0)
        refused = service.post("/v1/decisions", json=CALL)
        decisions._queue = usual
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "REVIEW" in refused.json()["detail"]
        assert service.post("/v1/decisions", json=CALL).status_code == 200

    def test_the_ledger_is_verified_and_searched_over_http(self, service):
        """By number and time; whole, with its count."""
        decide(service)
        decide(service, call_id="other")
        assert len(service.get("/v1/ledger", params={"call_id": "2026-7"}).json()) == 1
        assert len(service.get("/v1/ledger", params={"since": "2020-01-01"}).json()) == 2
        assert service.get("/v1/ledger", params={"since": "yesterday"}).status_code == 422
        assert service.get("/v1/ledger/verify").json() == {
            "whole": True, "entries": 2, "said": service.get("/v1/ledger/verify").json()["said"],
        }  # fmt: skip
        assert service.get("/v1/decisions/nobody").status_code == 404

    def test_notes_are_kept_only_where_asked_for(self, settings, monkeypatch):
        """With the setting and a key the note can be opened again."""
        monkeypatch.setenv("HEARTLINE_NOTE_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        with local_client(create_app(Settings(**settings, keep_notes=True), log=False)) as client:
            made = decide(client)
            assert client.app.state.services.ledger.note(made["decision_id"]) == CALL["narrative"]


class TestFeedback:
    """Judgements and outcomes."""

    def test_agreement_and_override_are_told_apart_and_kept_beside(self, service):
        """A second judgement does not replace the first."""
        made = decide(service)
        path = f"/v1/decisions/{made['decision_id']}/feedback"
        first = service.post(path, json={"human": made["recommendation"]}).json()
        second = service.post(path, json={"human": "REVIEW", "reason": "mistake", "elapsed_ms": 900}).json()
        assert first["content"]["agreed"] is True
        assert second["content"]["agreed"] is (made["recommendation"] == "REVIEW")
        kinds = [entry["content"]["kind"] for entry in entries(service, made["decision_id"])]
        assert kinds == ["decision", "feedback", "feedback"]

    def test_the_same_key_writes_once(self, service):
        """A repeated click or a lost answer makes no second entry."""
        path = f"/v1/decisions/{decide(service)['decision_id']}/feedback"
        sent = [service.post(path, json={"human": "ELIGIBLE"}, headers={"Idempotency-Key": "k1"}).json() for _ in range(3)]
        assert {each["seq"] for each in sent} == {2}
        assert [each["repeated"] for each in sent] == [False, True, True]

    def test_a_safety_report_is_never_taken_for_a_feedback(self, service):
        """An outcome sent with the key of a feedback is a conflict and not a repetition; with its own key it is kept."""
        path = f"/v1/decisions/{decide(service)['decision_id']}"
        assert service.post(f"{path}/feedback", json={"human": "ELIGIBLE"}, headers={"Idempotency-Key": "k"}).is_success
        injury = {"served": True, "adverse_event": "injury"}
        answer = service.post(f"{path}/outcome", json=injury, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 409
        kept = service.post(f"{path}/outcome", json=injury, headers={"Idempotency-Key": "own"}).json()
        assert kept["content"]["adverse_event"] == "injury"
        assert not kept["repeated"]

    def test_reasons_come_from_the_closed_list(self, service):
        """Anything else is refused by name, without repeating it."""
        path = f"/v1/decisions/{decide(service)['decision_id']}/feedback"
        answer = service.post(path, json={"human": "ELIGIBLE", "reason": WHISPER})
        assert answer.status_code == 422
        assert WHISPER not in answer.text
        assert service.post("/v1/decisions/none/feedback", json={"human": "ELIGIBLE"}).status_code == 404

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"served": True, "unit": "community_response", "adverse_event": "none", "felt_safe": True}, 200),
            ({"served": False, "unserved_reason": "no_unit_free"}, 200),
            ({"served": False}, 422),
            ({"served": True, "unserved_reason": "off_duty"}, 422),
            ({"served": True, "adverse_event": "earthquake"}, 422),
        ],
    )
    def test_outcomes_say_what_happened_or_why_nobody_went(self, service, body, status):
        """Both are closed lists, and one excludes the other."""
        path = f"/v1/decisions/{decide(service)['decision_id']}/outcome"
        assert service.post(path, json=body).status_code == status


def test_many_ask_at_once_and_all_are_answered_and_written(settings, runs):
    """A hundred at once, in one process: every acknowledged decision is in the ledger, and the chain is whole."""
    app = create_app(Settings(**settings), log=False)

    async def load():
        import httpx2  # noqa: PLC0415

        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=LOCAL) as client:
            answers = await asyncio.gather(*(client.post("/v1/decisions", json=CALL) for _ in range(100)))
        return {answer.json()["decision_id"] for answer in answers}

    acknowledged = asyncio.run(load())
    app.state.services.close()
    ledger = of_service(settings["ledger"], settings["anchor"])
    assert acknowledged <= {entry.content["decision_id"] for entry in ledger.read()}
    assert ledger.verify().fault is None
    ledger.close()
    assert runs.is_dir()
