"""Changes of an incident are posted to CAD: signed, in order, retried, and kept where all attempts fail."""

import hmac
import json
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from clients import local_client
from pydantic import ValidationError

from serving.app import create_app
from serving.incidents.sender import PUSH_ID, SIGNATURE
from serving.settings import Settings

KEY = "p" * 32
KNOWN = {"call_type": "Welfare Check", "weapons_answer": "none", "violence_answer": "none", "medical_answer": "none"}
SECONDS = 20


class Receiver:
    """A server that keeps what it is sent and answers with the next of some statuses, then with 200."""

    def __init__(self, statuses):
        """Start to listen."""
        receiver, self.received, self.arrived = self, [], threading.Condition()
        self.statuses = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.arrived:
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                    receiver.received.append((status, dict(self.headers), body))
                    receiver.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/heartline"

    def wait(self, count):
        """Return what arrived, once there is enough."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, SECONDS), self.received
            return list(self.received)

    def wait_for(self, said):
        """Return the headers and bodies that arrived with status 200, once one of them says something."""

        def arrived():
            return [(headers, json.loads(body), body) for status, headers, body in self.received if status == 200]

        with self.arrived:
            assert self.arrived.wait_for(lambda: any(said(body) for _, body, _ in arrived()), SECONDS), self.received
            return arrived()


@contextmanager
def receiver(*statuses):
    """Give a receiver, and stop it after."""
    running = Receiver(statuses)
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()


def pushing(settings, url, **more):
    """Return a client of a service that sends changes to an address."""
    more = {"push_url": url, "push_key": KEY, "push_wait": 0.01} | more
    return local_client(create_app(Settings(**settings, **more), log=False))


def call(client, incident_id, *texts):
    """Link an incident and append notes."""
    client.put(f"/v1/incidents/{incident_id}", json=KNOWN)
    for number, text in enumerate(texts):
        client.post(f"/v1/incidents/{incident_id}/notes", json={"note_id": f"n{number}", "text": text})


def dead(client):
    """Return the dead letters, once there are some."""
    until = time.monotonic() + SECONDS
    while not (letters := client.get("/v1/pushes/dead").json()) and time.monotonic() < until:
        time.sleep(0.02)
    return letters


def test_changes_arrive_signed_in_order_and_once(settings):
    """The first suggestion and each that differs is sent after a failed attempt too; one that is equal is not."""
    with receiver(503, 500) as cad, pushing(settings, cad.url) as client:
        call(client, "p-1", "woman feeding birds", "still feeding birds", "now he pulled a knife")
        arrived = cad.wait_for(lambda body: body["shown"] == "NOT_ELIGIBLE")
    bodies = [body for _, body, _ in arrived]
    assert [body["revision"] for body in bodies] == sorted({body["revision"] for body in bodies})
    assert bodies[-1]["shown"] == bodies[-1]["decision"]["recommendation"] == "NOT_ELIGIBLE"
    assert bodies[-1]["previous"] == bodies[-2]["shown"]
    for headers, _, body in arrived:
        moment, mac = (part.split("=")[1] for part in headers[SIGNATURE].split(","))
        assert hmac.compare_digest(mac, hmac.new(KEY.encode(), f"{moment}.".encode() + body, sha256).hexdigest())
        assert abs(int(moment) - time.time()) < 60
        assert headers[PUSH_ID] == json.loads(body)["push_id"]


def test_what_a_person_decided_arrives_after_the_suggestion_it_is_about(settings):
    """Decision and withdrawal are posted in order, without comment or name; a call that CAD has not linked is not posted."""
    with receiver(503) as cad, pushing(settings, cad.url) as client:
        call(client, "p-4", "now he pulled a knife")
        (*_, decision) = client.get("/v1/incidents/p-4/decisions").json()["decisions"]
        stray = client.post("/v1/decisions", json={"narrative": "woman feeding birds", "call_id": "not-linked"}).json()
        told = {"human": "NOT_ELIGIBLE", "reason": "agree", "comment": "zebra"}
        for decision_id, more, key in (
            (stray["decision_id"], {}, "a"), (decision["decision_id"], {}, "b"),
            (decision["decision_id"], {"reason": "mistake", "withdrawn": True}, "c"),
        ):  # fmt: skip
            url, said = f"/v1/decisions/{decision_id}/feedback", told | more
            assert client.post(url, json=said, headers={"Idempotency-Key": key}).status_code == 200
        pulled = client.get("/v1/incidents/p-4/decisions").json()["judgements"]
        arrived = [body for _, body, _ in cad.wait_for(lambda body: body.get("judgement", {}).get("withdrawn"))]
    kinds = [body["type"] for body in arrived]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("judgement") == 2
    assert [body["judgement"] for body in arrived[-2:]] == pulled
    assert [body["judgement"]["withdrawn"] for body in arrived[-2:]] == [False, True]
    assert {body["incident_id"] for body in arrived} == {"p-4"}
    assert "zebra" not in json.dumps(arrived)


def test_a_judgement_that_is_sent_again_keeps_its_number(settings):
    """A retried request is told to CAD under the push id of the first one, so that CAD can drop it."""
    with receiver() as cad, pushing(settings, cad.url) as client:
        call(client, "p-5")
        (decision,) = client.get("/v1/incidents/p-5/decisions").json()["decisions"]
        url, said = f"/v1/decisions/{decision['decision_id']}/feedback", {"human": "REVIEW"}
        for _ in range(2):
            client.post(url, json=said, headers={"Idempotency-Key": "once"})
        ids = {json.loads(body)["push_id"] for _, _, body in cad.wait(2) if json.loads(body)["type"] == "judgement"}
    assert len(ids) == 1


def test_what_no_attempt_delivers_is_a_dead_letter_that_can_be_sent_again(settings):
    """After the last attempt it is listed with its fault and without a word of the note; resent, it arrives."""
    with receiver(500, 302) as cad, pushing(settings, cad.url, push_attempts=2) as client:
        call(client, "p-2")
        (letter,) = dead(client)
        assert (letter["incident_id"], letter["attempts"], letter["fault"]) == ("p-2", 2, "answered 302")
        assert client.post(f"/v1/pushes/{letter['push_id']}/resend").status_code == 202
        assert cad.wait(3)[-1][0] == 200
        assert client.get("/v1/pushes/dead").json() == []


def test_what_waits_is_sent_by_the_next_start(settings):
    """A receiver that is down when the service stops gets the change when both are there again."""
    with pushing(settings, "http://127.0.0.1:9/nobody", push_wait=0.5) as client:
        call(client, "p-3")
    with receiver() as cad, pushing(settings, cad.url):
        assert json.loads(cad.wait(1)[0][2])["incident_id"] == "p-3"


@pytest.mark.parametrize(
    ("url", "key"), [("http://cad.example/x", KEY), ("ftp://127.0.0.1/x", KEY), ("https://cad.example/x", "short")]
)
def test_an_address_in_clear_or_a_short_key_is_refused(url, key):
    """Words of a note never travel in clear beyond this machine, and nobody signs with a guessable key."""
    with pytest.raises(ValidationError, match="HEARTLINE_PUSH"):
        Settings(push_url=url, push_key=key)
