"""While a note is typed every change is answered, a veto stays until it is cleared, and no failure is silent."""

import json
from types import SimpleNamespace

import pytest
from clients import local_client
from service_helpers import CALL, WHISPER, entries
from starlette.websockets import WebSocketDisconnect

from models.common import api_keys
from models.decision import Decision
from models.errors import LedgerError
from serving.app import create_app
from serving.decisions import stream, typing_session
from serving.schemas import AnswerOut
from serving.security import rate_limit
from serving.security.principal import LOCAL
from serving.settings import Settings


@pytest.fixture
def service(shared_service):
    """Return a client of one service for all tests of this file."""
    return shared_service


@pytest.fixture
def socket(service):
    """Return an open stream, its greeting read."""
    with service.websocket_connect("/v1/stream") as socket:
        assert socket.receive_json()["type"] == "session"
        yield socket


def ask(socket, **message):
    """Send a message and return the answer to it; heartbeats are skipped."""
    socket.send_json(message)
    return heard(socket)


def heard(socket):
    """Return the next message that is no heartbeat."""
    while (message := socket.receive_json())["type"] == "heartbeat":
        pass
    return message


def note(text, seq, **more):
    """Return the message for a note as it stands."""
    return {"type": "call", "seq": seq, "call": {"narrative": text}} | more


class GoneSocket:
    """A client that sends some messages and is gone before the first answer."""

    def __init__(self, *messages):
        """Keep the messages."""
        self.messages = [json.dumps(message) for message in messages]

    async def accept(self):
        """Open."""

    async def receive_text(self):
        """Return the next message, or say that the client has gone."""
        if not self.messages:
            raise WebSocketDisconnect(1001)
        return self.messages.pop(0)

    async def send_text(self, _):
        """Fail, as a socket does whose client has gone."""
        raise RuntimeError("closed")

    close = send_text


def broken(*_, **__):
    """Fail as a database does."""
    raise LedgerError("the ledger cannot be written", remedy="free the disk")


class TestAnswers:
    """Each change gets a decision."""

    def test_each_change_is_answered_with_its_number_and_the_servers_time(self, socket):
        """The whole call, then a patch."""
        answer = ask(socket, type="call", seq=1, call=CALL | {"narrative": "male asleep"})
        AnswerOut.model_validate(answer)
        assert (answer["seq"], answer["final"]) == (1, False)
        assert answer["at"].endswith("+00:00")
        answer = ask(socket, type="patch", seq=2, at=11, delete=0, insert=" in doorway, has a knife")
        assert (answer["seq"], answer["shown"]) == (2, "NOT_ELIGIBLE")

    def test_stale_work_is_dropped(self, socket):
        """Of many changes at once only the newest must be answered."""
        text = "male asleep in doorway refusing to leave"
        for seq in range(1, len(text) + 1):
            socket.send_json(note(text[:seq], seq))
        answers = []
        while not answers or answers[-1]["seq"] < len(text):
            answers.append(heard(socket))
        assert len(answers) < len(text) / 2

    def test_words_that_touch_the_unfinished_word_are_marked_pending(self, socket):
        """They veto while they stand, and are not held when the word becomes another."""
        answer = ask(socket, **note("he has a gun", 1, caret=12))
        pending = [answer["decision"]["reasons"][place] for place in answer["pending"]]
        assert {reason["rule_id"] for reason in pending if reason["code"] == "veto_weapon"} == {"firearm"}
        assert answer["shown"] == "NOT_ELIGIBLE"
        answer = ask(socket, **note("he has a gunny sack", 2, caret=19))
        assert answer["held_vetoes"] == []

    def test_the_service_is_heard_from_while_nothing_is_typed(self, socket):
        """Heartbeats distinguish a quiet connection from a lost one."""
        beat = socket.receive_json()
        assert (beat["type"], beat["seq"]) == ("heartbeat", 0)


class TestVetoes:
    """A veto stays until a person clears it by its id."""

    def test_deleting_the_words_is_not_enough(self, service, socket):
        """Clearing writes down who did it, and lifts the veto."""
        first = ask(socket, **note("man has a knife", 1))["decision"]["decision_id"]
        held = ask(socket, **note("man asleep in doorway", 2))
        assert held["shown"] == "NOT_ELIGIBLE"
        (veto,) = held["held_vetoes"]
        assert (veto["words"], veto["rule_id"], veto["decision_id"]) == ("knife", "edged", first)
        free = ask(socket, type="clear", seq=3, ids=[veto["id"]])
        assert free["held_vetoes"] == []
        assert free["shown"] == free["decision"]["recommendation"]
        cleared = entries(service, first)[-1]["content"]
        assert (cleared["kind"], cleared["vetoes"], cleared["actor"]) == ("cleared", [veto["id"]], "local")

    def test_another_id_clears_nothing(self, socket):
        """Nor do the words themselves."""
        ask(socket, **note("man has a knife", 1))
        ask(socket, **note("man asleep", 2))
        assert len(ask(socket, type="clear", seq=3, ids=["knife"])["held_vetoes"]) == 1

    def test_a_veto_is_not_lifted_before_the_ledger_holds_who_cleared_it(self, service, socket, monkeypatch):
        """Where the ledger cannot be written the socket closes, and the veto is still held after resuming."""
        ask(socket, **note("man has a knife", 1))
        held = ask(socket, **note("man asleep in doorway", 2))
        with monkeypatch.context() as patched:
            patched.setattr(service.app.state.services.ledger, "submit", broken)
            with pytest.raises(WebSocketDisconnect) as closed:
                ask(socket, type="clear", seq=3, ids=[held["held_vetoes"][0]["id"]])
        assert closed.value.code == stream.NOT_WRITTEN
        with service.websocket_connect("/v1/stream") as again:
            heard(again)
            greeting = ask(again, type="resume", session=held["session"])
        assert [veto["words"] for veto in greeting["held_vetoes"]] == ["knife"]


class TestFinal:
    """The answer at the end of typing."""

    def test_only_the_final_answer_is_marked_so(self, service, socket):
        """While typing the ledger keeps answers that are not final."""
        typing = ask(socket, type="call", seq=1, call=CALL)["decision"]["decision_id"]
        last = ask(socket, type="final", seq=2)
        assert last["final"] is True
        marks = [entries(service, each)[0]["content"]["final"] for each in (typing, last["decision"]["decision_id"])]
        assert marks == [False, True]

    def test_it_is_stored_although_the_client_hangs_up_at_once(self, service):
        """What a person decided on must be in the ledger."""
        call = CALL | {"call_id": "hung-up"}
        gone = GoneSocket({"type": "call", "seq": 1, "call": call}, {"type": "final", "seq": 2})
        stream_of = service.app.state.services.stream_of(gone, LOCAL)
        service.portal.call(stream_of.run)
        kept = service.get("/v1/ledger", params={"call_id": "hung-up"}).json()
        assert [entry["content"]["final"] for entry in kept] == [True]

    def test_it_is_decided_although_typing_goes_on_at_once(self, service, socket):
        """A later change never takes its place."""
        call = CALL | {"call_id": "went-on"}
        socket.send_json({"type": "call", "seq": 1, "call": call})
        socket.send_json({"type": "final", "seq": 2})
        socket.send_json({"type": "call", "seq": 3, "call": call | {"narrative": "has a gun"}})
        while heard(socket)["seq"] != 3:
            pass
        kept = service.get("/v1/ledger", params={"call_id": "went-on"}).json()
        assert sum(entry["content"]["final"] for entry in kept) == 1

    def test_a_later_decision_names_the_one_before(self, service, socket):
        """Both stay in the ledger."""
        ask(socket, type="call", seq=1, call=CALL)
        first = ask(socket, type="final", seq=2)["decision"]["decision_id"]
        ask(socket, type="call", seq=3, call=CALL | {"narrative": "male awake, talks to himself"})
        second = ask(socket, type="final", seq=4)["decision"]["decision_id"]
        assert entries(service, second)[0]["content"]["follows"] == first
        assert "follows" not in entries(service, first)[0]["content"]


class TestResuming:
    """A call outlives its connection: the page holds it, encrypted."""

    def begun(self, service):
        """Return the session of a call on which a veto is held."""
        with service.websocket_connect("/v1/stream") as socket:
            heard(socket)
            ask(socket, **note(f"man has a knife {WHISPER}", 1))
            return ask(socket, **note(f"man asleep {WHISPER}", 2))["session"]

    def test_typing_goes_on_after_a_lost_connection(self, service):
        """With the veto that was held."""
        session = self.begun(service)
        with service.websocket_connect("/v1/stream") as socket:
            heard(socket)
            assert ask(socket, type="resume", session=session)["resumed"] is True
            answer = ask(socket, **note("man asleep", 3))
        assert (answer["shown"], answer["held_vetoes"][0]["words"]) == ("NOT_ELIGIBLE", "knife")

    def test_another_worker_resumes_it_and_a_stranger_cannot_read_it(self, service):
        """Two services with one ledger hold one key; the page holds ciphertext."""
        session = self.begun(service)
        assert WHISPER not in session
        with local_client(create_app(Settings(**service.settings), log=False)) as other:
            answer = other.post("/v1/stream", json={"call": {"narrative": "man asleep"}, "session": session}).json()
        assert answer["shown"] == "NOT_ELIGIBLE"

    @pytest.mark.parametrize("change", [lambda s: s[:-2] + "AA", lambda s: s[: len(s) // 2], lambda _: "x", lambda _: ""])
    def test_a_changed_session_is_no_session(self, service, socket, change):
        """The stream says so and begins anew."""
        assert ask(socket, type="resume", session=change(self.begun(service)))["resumed"] is False

    def test_it_ends_after_an_hour(self, service, socket, monkeypatch):
        """An expired session token is refused."""
        session = self.begun(service)
        monkeypatch.setattr(typing_session, "KEEP_SECONDS", -1)
        assert ask(socket, type="resume", session=session)["resumed"] is False

    def test_requests_take_the_place_of_the_socket(self, service):
        """The same answers, with the held vetoes, cleared by the same ids."""
        first = service.post("/v1/stream", json={"seq": 1, "call": {"narrative": "man has a knife"}}).json()
        second = service.post(
            "/v1/stream", json={"seq": 2, "call": {"narrative": "man asleep"}, "session": first["session"]}
        ).json()
        assert (second["seq"], second["shown"]) == (2, "NOT_ELIGIBLE")
        sent = {"seq": 3, "call": {"narrative": "man asleep"}, "session": second["session"], "final": True}
        third = service.post("/v1/stream", json=sent | {"clear": [second["held_vetoes"][0]["id"]]}).json()
        assert (third["held_vetoes"], third["final"]) == ([], True)


class TestRefusals:
    """An invalid message gets an error and the stream continues; where the stream must close, it gives a reason."""

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            ("{", "invalid_message"),
            ("[]", "invalid_message"),
            ("[" * 5000, "invalid_message"),
            ('{"type": 1}', "invalid_message"),
            ('{"type": "dance"}', "invalid_message"),
            ('{"type": "final"}', "invalid_message"),
            ('{"type": "final", "seq": Infinity}', "invalid_message"),
            ('{"type": "final", "seq": NaN}', "invalid_message"),
            ('{"type": "final", "seq": true}', "invalid_message"),
            ('{"type": "final", "seq": -1}', "invalid_message"),
            ('{"type": "final", "seq": 9007199254740992}', "invalid_message"),
            ('{"type": "final", "seq": 1e400}', "invalid_message"),
            ('{"type": "patch", "seq": 1, "at": "x"}', "invalid_message"),
            ('{"type": "patch", "seq": 1, "at": 0, "delete": []}', "invalid_message"),
            ('{"type": "patch", "seq": 1, "at": -1, "insert": "x"}', "invalid_message"),
            ('{"type": "clear", "seq": 1, "ids": 3}', "invalid_message"),
            ('{"type": "clear", "seq": 1, "words": ["knife"]}', "invalid_message"),
            ('{"type": "call", "seq": 1, "call": {"narrative": 3}}', "invalid_call"),
            ('{"type": "call", "seq": 1, "call": {"narrative": "x", "zebra-7781": 3}}', "invalid_call"),
            ('{"type": "call", "seq": 1, "call": {"narrative": "\\ud800"}}', "invalid_message"),
        ],
    )
    def test_an_unreadable_message_is_refused_and_the_stream_goes_on(self, socket, sent, code):
        """The refusal has a code and never repeats what was sent."""
        socket.send_text(sent)
        refusal = heard(socket)
        assert (refusal["type"], refusal["code"]) == ("error", code)
        assert WHISPER not in json.dumps(refusal)
        assert ask(socket, type="call", seq=9, call=CALL)["seq"] == 9

    def test_a_number_below_the_one_before_is_refused(self, socket):
        """An answer could not be told from an older one."""
        ask(socket, type="call", seq=5, call=CALL)
        assert ask(socket, type="call", seq=4, call=CALL)["code"] == "out_of_order"

    def test_a_note_cannot_grow_past_its_limit_by_patches(self, socket):
        """The change that would is refused, and the note stays as it was."""
        ask(socket, **note("a" * 65_000, 1))
        assert ask(socket, type="patch", seq=2, at=0, insert="b" * 1000)["code"] == "note_too_long"
        assert ask(socket, type="patch", seq=3, at=0, insert="b" * 500)["type"] == "decision"

    def test_too_large_a_message_closes_the_stream(self, socket):
        """With a code and a reason."""
        socket.send_text(" " * (stream.MAX_MESSAGE + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            heard(socket)
        assert closed.value.code == stream.TOO_LARGE
        assert "characters" in closed.value.reason

    def test_too_many_messages_close_the_stream(self, socket, monkeypatch):
        """A typist sends ten a second; here no time passes between three hundred."""
        monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: 0.0))
        for _ in range(stream.MESSAGES_PER_SECOND * 3):
            socket.send_json({"type": "final"})
        with pytest.raises(WebSocketDisconnect) as closed:  # noqa: PT012  the refusals before it are read
            while True:
                heard(socket)
        assert closed.value.code == stream.TOO_MANY

    def test_a_failed_write_closes_the_stream_and_names_the_ledger(self, service, socket, monkeypatch):
        """An open console must not go on showing an old answer as live."""
        ask(socket, type="call", seq=1, call=CALL)
        monkeypatch.setattr(service.app.state.services.ledger, "submit", broken)
        with pytest.raises(WebSocketDisconnect) as closed:
            ask(socket, **note("he has a knife", 2))
        assert (closed.value.code, "ledger" in closed.value.reason) == (stream.NOT_WRITTEN, True)

    def test_any_other_failure_closes_the_stream_with_a_reason(self, service, socket, monkeypatch):
        """And is counted; its text never leaves."""

        def fail(_):
            raise ZeroDivisionError(WHISPER)

        monkeypatch.setattr(Decision, "to_dict", fail)
        with pytest.raises(WebSocketDisconnect) as closed:
            ask(socket, type="call", seq=1, call=CALL)
        assert closed.value.code == stream.FAILED
        assert WHISPER not in closed.value.reason
        assert 'heartline_faults_total{code="stream"} 1.0' in service.get("/metrics").text

    def test_a_revoked_key_ends_its_open_stream(self, settings, tmp_path, monkeypatch):
        """Within seconds, with a code that sends the page to the sign-in."""
        path = tmp_path / "keys.json"
        key, secret = api_keys.create(path, name="desk", roles=["call_taker"])
        monkeypatch.setattr("serving.security.authentication._REREAD_SECONDS", 0.0)
        app = create_app(Settings(**settings, keys=str(path)), log=False)
        with local_client(app) as client, client.websocket_connect("/v1/stream", headers={"X-API-Key": secret}) as socket:
            heard(socket)
            api_keys.revoke(path, key.key_id)
            with pytest.raises(WebSocketDisconnect) as closed:
                heard(socket)
        assert closed.value.code == stream.NOT_ALLOWED
