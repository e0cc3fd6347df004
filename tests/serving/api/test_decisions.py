"""The service writes down before it answers, says who may do what, and never goes down with the model."""

import asyncio
import json
import shutil
import sys
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from models import api_keys as apikeys
from models.classifier import bundle as bundles
from models.drift import population_stability
from models.errors import InvalidConfig
from models.ledger.encryption import NoteSafe
from models.ledger.store import Ledger
from serving.api.schemas import DecisionOut
from serving.app import create_app
from serving.model_manager import Live
from serving.settings import Settings

CALL = {"narrative": "male asleep in doorway of store, refusing to leave", "call_type": "Trespass", "call_id": "2026-7"}
WHISPER = "zebra-7781"


@pytest.fixture
def settings(runs, tmp_path, monkeypatch, rulebook):
    """Return settings of a service over a copy of the small model, with a ledger of its own; the rules compile once."""
    monkeypatch.setattr("serving.live.Rulebook", lambda: rulebook)
    champion = shutil.copytree(runs / "champion", tmp_path / "champion")
    return {
        "bundle": champion,
        "challenger": tmp_path / "challenger",
        "cache": tmp_path / "last-good",
        "ledger": f"sqlite:///{tmp_path / 'ledger.db'}",
        "anchor": str(tmp_path / "ledger.anchor"),
        "poll": 0.05,
    }


@pytest.fixture
def service(settings):
    """Return a client of a running service."""
    with TestClient(create_app(Settings(**settings), log=False), raise_server_exceptions=False) as client:
        yield client


def decide(client, **more):
    """Ask for a decision."""
    answer = client.post("/v1/decisions", json=CALL | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entries(client, decision_id):
    """Return what the ledger holds of a decision."""
    return client.get(f"/v1/decisions/{decision_id}").json()


class TestLedger:
    """Every answer is in the ledger before it is out."""

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
        assert len(content["note"]["fingerprint"]) == len(content["caller"]) == 64
        ledger = settings["bundle"].parent / "ledger.db"
        assert not any(WHISPER.encode() in path.read_bytes() for path in ledger.parent.glob("ledger.db*"))

    def test_refusals_and_reviews_are_written_down_too(self, service):
        """Whatever the answer, there is an entry."""
        made = [decide(service, narrative=note) for note in ("", "has a gun", "two car crash")]
        assert all(entries(service, each["decision_id"]) for each in made)

    def test_an_answer_that_cannot_be_written_down_is_not_given(self, service, monkeypatch):
        """503, and the call is REVIEW."""

        def broken(_):
            raise OSError("disk full")

        monkeypatch.setattr(service.app.state.desk.ledger._commits, "_write", broken)
        answer = service.post("/v1/decisions", json=CALL)
        assert answer.status_code == 503
        assert "REVIEW" in answer.json()["detail"]
        assert "eligible_probability" not in answer.text

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
        with TestClient(create_app(Settings(**settings, keep_notes=True), log=False)) as client:
            made = decide(client)
            assert client.app.state.desk.ledger.note(made["decision_id"]) == CALL["narrative"]


class TestFeedback:
    """What people decided and what came of it."""

    def test_agreement_and_override_are_told_apart_and_kept_beside(self, service):
        """A second word does not replace the first."""
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


class TestAccess:
    """Who may do what."""

    @pytest.fixture
    def guarded(self, settings, tmp_path):
        """Return a service with keys, and a key of each role."""
        path = tmp_path / "keys.json"
        secrets = {role: apikeys.create(path, name=role, roles=[role]) for role in apikeys.ROLES}
        app = create_app(Settings(**settings, keys=str(path)), log=False)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client, secrets, path

    def test_without_a_key_nobody_is_let_in_but_to_health(self, guarded):
        """401 names the scheme; health answers all."""
        client, _, _ = guarded
        answer = client.post("/v1/decisions", json=CALL)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.post("/v1/decisions", json=CALL, headers={"X-API-Key": "hl_wrong"}).status_code == 401
        assert client.get("/v1/health/live").status_code == client.get("/v1/health/ready").status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "roles"),
        [
            ("POST", "/v1/decisions", {"call_taker", "clinician"}),
            ("POST", "/v1/decisions/x/feedback", {"call_taker", "clinician"}),
            ("POST", "/v1/decisions/x/outcome", {"clinician", "administrator"}),
            ("GET", "/v1/decisions/x", {"clinician", "evaluator"}),
            ("GET", "/v1/ledger", {"clinician", "evaluator"}),
            ("GET", "/v1/ledger/verify", {"evaluator"}),
            ("GET", "/v1/model", set(apikeys.ROLES)),
            ("POST", "/v1/model/reload", {"administrator"}),
            ("GET", "/metrics", {"evaluator", "administrator"}),
        ],
    )
    def test_each_route_lets_in_its_roles_and_no_other(self, guarded, method, path, roles):
        """The table of routes and roles."""
        client, secrets, _ = guarded
        for role, (_, secret) in secrets.items():
            answer = client.request(method, path, headers={"Authorization": f"Bearer {secret}"}, json={})
            assert (answer.status_code != 403) == (role in roles), (role, answer.status_code)

    def test_the_ledger_names_the_key_and_never_the_secret(self, guarded, settings):
        """Its id and name, so that a person can be asked."""
        client, secrets, _ = guarded
        key, secret = secrets["clinician"]
        headers = {"X-API-Key": secret}
        made = client.post("/v1/decisions", json=CALL, headers=headers).json()
        (entry,) = client.get(f"/v1/decisions/{made['decision_id']}", headers=headers).json()
        assert entry["content"]["actor"] == f"key:{key.key_id}:clinician"
        assert not any(
            secret.encode() in path.read_bytes() for path in settings["bundle"].parent.glob("*") if path.is_file()
        )

    def test_a_revoked_key_ends_without_a_restart(self, guarded, monkeypatch):
        """The file is read again within seconds."""
        client, secrets, path = guarded
        key, secret = secrets["clinician"]
        headers = {"X-API-Key": secret}
        assert client.get("/v1/model", headers=headers).status_code == 200
        apikeys.revoke(path, key.key_id)
        monkeypatch.setattr("serving.auth._REREAD_SECONDS", 0.0)
        assert client.get("/v1/model", headers=headers).status_code == 401

    def test_a_stream_needs_a_key_too(self, guarded):
        """Without one the connection is refused; with one of the role it opens."""
        client, secrets, _ = guarded
        for headers in ({}, {"X-API-Key": secrets["evaluator"][1]}):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/stream", headers=headers):
                pass
        with client.websocket_connect("/v1/stream", headers={"X-API-Key": secrets["call_taker"][1]}) as socket:
            assert socket.receive_json()["type"] == "session"

    def test_signed_tokens_are_checked(self, settings, tmp_path):
        """Signature, end, audience and roles; another's key, an old token and `none` are refused."""
        ours, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ours.public_key())) | {"kid": "k1", "alg": "ES256"}
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
        app = create_app(Settings(**settings, jwks=str(tmp_path / "jwks.json"), audience="heartline"), log=False)
        claims = {"sub": "ada", "exp": time.time() + 60, "aud": "heartline", "roles": ["call_taker", "king"]}

        def status(key, algorithm="ES256", **more):
            token = jwt.encode(claims | more, key, algorithm=algorithm, headers={"kid": "k1"})
            headers = {"Authorization": f"Bearer {token}"}
            return client.post("/v1/decisions", json=CALL, headers=headers).status_code

        with TestClient(app, raise_server_exceptions=False) as client:
            assert status(ours) == 200
            assert status(other) == 401
            assert status(ours, exp=time.time() - 60) == 401
            assert status(ours, aud="elsewhere") == 401
            assert status(ours, roles=["evaluator"]) == 403
            assert status(ours, roles="call_taker") == 403
            assert status(None, algorithm="none") == 401

    def test_too_many_requests_are_told_to_wait(self, settings):
        """Twice the rate at once, and then 429."""
        with TestClient(create_app(Settings(**settings, rate=5), log=False)) as client:
            codes = [client.get("/v1/model").status_code for _ in range(14)]
        assert codes[:10] == [200] * 10
        assert 429 in codes[10:]

    def test_headers_keep_a_browser_careful(self, service):
        """On answers and on refusals alike; no other site may read."""
        for answer in (service.post("/v1/decisions", json=CALL), service.get("/nowhere")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
        preflight = service.options(
            "/v1/decisions", headers={"Origin": "https://x", "Access-Control-Request-Method": "POST"}
        )
        assert preflight.status_code == 405


class TestLive:
    """Another model comes in while nobody waits."""

    def other(self, folder, where, step=1e-6):
        """Write the same model under another digest."""
        loaded = bundles.load(folder)
        point = type(loaded.operating_point)(**(loaded.operating_point.to_record() | {"eligible_at": 0.5 + step}))
        return bundles.save(where, loaded.parts, point, risk=loaded.risk, training=loaded.manifest["training"])

    def swap(self, settings, tmp_path, step=1e-6):
        """Put another champion in the place of the present one, as a promotion does."""
        digest = self.other(settings["bundle"], tmp_path / "next", step)
        settings["bundle"].rename(tmp_path / f"old{step}")
        (tmp_path / "next").rename(settings["bundle"])
        return digest

    def wait(self, client, digest):
        """Wait until a model answers."""
        for _ in range(200):
            if client.get("/v1/health/ready").json()["model"] == digest:
                return
            time.sleep(0.02)
        pytest.fail("the other model never came")

    def test_a_new_champion_is_found_and_swapped_in(self, service, settings, tmp_path):
        """Without a restart; decisions name the new one."""
        digest = self.swap(settings, tmp_path)
        self.wait(service, digest)
        assert decide(service)["versions"]["model"] == digest

    def test_a_broken_champion_leaves_the_old_one_answering(self, service, settings):
        """And readiness says why."""
        before = service.get("/v1/health/ready").json()["model"]
        with (settings["bundle"] / bundles.MANIFEST).open("a") as file:
            file.write("x")
        answer = service.post("/v1/model/reload").json()
        assert answer["changed"] is False
        assert "could not be loaded" in answer["detail"]
        assert decide(service)["versions"]["model"] == before

    def test_the_last_good_bundle_answers_after_a_start_without_champion(self, service, settings):
        """The cache holds it."""
        digest = service.get("/v1/health/ready").json()["model"]
        shutil.rmtree(settings["bundle"])
        with TestClient(create_app(Settings(**settings), log=False)) as again:
            ready = again.get("/v1/health/ready").json()
        assert (ready["status"], ready["model"]) == ("ready", digest)
        assert "last good" in ready["detail"]

    def test_without_any_model_the_rules_run_and_the_rest_is_review(self, settings):
        """No cache, no champion: degraded, never down."""
        shutil.rmtree(settings["bundle"])
        with TestClient(create_app(Settings(**settings), log=False)) as client:
            assert client.get("/v1/health/ready").json()["status"] == "degraded"
            assert decide(client)["recommendation"] == "REVIEW"
            assert decide(client, narrative="male with a gun")["recommendation"] == "NOT_ELIGIBLE"
            assert client.get("/v1/model").status_code == 404

    def test_a_registry_that_is_down_leaves_the_cache_answering(self, service, settings):
        """MLflow is polled, not needed."""
        digest = service.get("/v1/health/ready").json()["model"]
        live = Live(Settings(**settings), fetch=self.down)
        assert live.standing.router.versions.model == digest
        assert live.reload() is False
        assert "before it answers" in live.standing.detail

    def down(self):
        """Be a registry that does not answer."""
        raise bundles.BundleError("the registry gives no champion", value="ConnectionError")

    def test_the_registrys_champion_is_fetched(self, runs, settings, small_config):
        """By its alias, from a real MLflow store."""
        from serving.model_registry import fetcher  # noqa: PLC0415  loads MLflow

        fetch = fetcher(
            f"sqlite:///{runs / 'mlflow.db'}", name=small_config.tracking.registered_model, cache=settings["cache"]
        )
        assert bundles.read_manifest(fetch())["digest"] == bundles.read_manifest(runs / "champion")["digest"]
        with pytest.raises(bundles.BundleError, match="no champion"):
            fetcher("sqlite:////nowhere/mlflow.db", name="x", cache=settings["cache"])()

    def test_a_challenger_is_scored_beside_and_answers_nobody(self, settings):
        """Its answer is in the ledger beside the decision."""
        digest = self.other(settings["bundle"], settings["challenger"])
        with TestClient(create_app(Settings(**settings), log=False)) as client:
            assert client.get("/v1/health/ready").json()["challenger"] == digest
            made = decide(client)
            assert made["versions"]["model"] != digest
            for _ in range(100):
                kinds = {entry["content"]["kind"]: entry["content"] for entry in entries(client, made["decision_id"])}
                if "shadow" in kinds:
                    break
                time.sleep(0.02)
        assert kinds["shadow"]["model"] == digest
        assert kinds["shadow"]["same"] in {True, False}


class TestStream:
    """The note as it is typed."""

    @pytest.fixture
    def socket(self, service):
        """Return an open stream, its session message read."""
        with service.websocket_connect("/v1/stream") as socket:
            assert socket.receive_json()["type"] == "session"
            yield socket

    def test_each_change_is_answered_with_a_decision(self, socket):
        """The whole call, then patches; the answer carries the number of the change."""
        socket.send_json({"type": "call", "seq": 1, "call": CALL | {"narrative": "male asleep"}})
        answer = socket.receive_json()
        assert (answer["type"], answer["seq"]) == ("decision", 1)
        DecisionOut.model_validate(answer["decision"])
        socket.send_json({"type": "patch", "seq": 2, "at": 11, "delete": 0, "insert": " in doorway, has a knife"})
        answer = socket.receive_json()
        assert (answer["seq"], answer["decision"]["recommendation"]) == (2, "NOT_ELIGIBLE")

    def test_a_veto_stays_until_a_person_takes_it_back(self, socket):
        """Deleting the words is not enough; clearing them by name is, and is written down."""
        socket.send_json({"type": "call", "seq": 1, "call": {"narrative": "man has a knife"}})
        socket.receive_json()
        socket.send_json({"type": "call", "seq": 2, "call": {"narrative": "man asleep in doorway"}})
        held = socket.receive_json()
        assert held["recommendation"] == "NOT_ELIGIBLE"
        assert [veto["words"] for veto in held["held_vetoes"]] == ["knife"]
        socket.send_json({"type": "clear", "seq": 3, "words": ["knife"]})
        free = socket.receive_json()
        assert free["held_vetoes"] == []
        assert "recommendation" not in free

    def test_stale_work_is_dropped(self, socket):
        """Of many changes at once only the newest must be answered."""
        note = "male asleep in doorway refusing to leave"
        for seq in range(1, len(note) + 1):
            socket.send_json({"type": "call", "seq": seq, "call": {"narrative": note[:seq]}})
        answers = []
        while not answers or answers[-1]["seq"] < len(note):
            answers.append(socket.receive_json())
        assert len(answers) < len(note) / 2

    def test_only_the_final_answer_is_marked_so(self, service, socket):
        """While typing the ledger keeps answers that are not final."""
        socket.send_json({"type": "call", "seq": 1, "call": CALL})
        typing = socket.receive_json()["decision"]["decision_id"]
        socket.send_json({"type": "final", "seq": 2})
        last = socket.receive_json()
        assert last["final"] is True
        marks = [entries(service, each)[0]["content"]["final"] for each in (typing, last["decision"]["decision_id"])]
        assert marks == [False, True]

    def test_typing_goes_on_after_a_lost_connection(self, service):
        """The session is taken up again, with its veto."""
        with service.websocket_connect("/v1/stream") as socket:
            session = socket.receive_json()["session"]
            socket.send_json({"type": "call", "seq": 1, "call": {"narrative": "man has a knife"}})
            socket.receive_json()
        with service.websocket_connect("/v1/stream") as socket:
            socket.receive_json()
            socket.send_json({"type": "resume", "session": session})
            assert socket.receive_json()["resumed"] is True
            answer = socket.receive_json()
            assert answer["decision"]["recommendation"] == "NOT_ELIGIBLE"
            socket.send_json({"type": "resume", "session": "another's"})
            assert socket.receive_json()["resumed"] is False

    @pytest.mark.parametrize(
        "sent",
        [
            "{",
            "[]",
            "[" * 5000,
            '{"type": 1}',
            '{"type": "dance"}',
            '{"type": "patch", "at": "x"}',
            '{"type": "patch", "delete": []}',
            '{"type": "clear", "words": 3}',
            '{"type": "call", "call": {"narrative": 3}}',
        ],
    )
    def test_what_cannot_be_read_is_an_error_and_not_the_end(self, socket, sent):
        """The stream goes on."""
        socket.send_text(sent)
        assert socket.receive_json()["type"] == "error"
        socket.send_json({"type": "call", "seq": 9, "call": CALL})
        assert socket.receive_json()["seq"] == 9


class TestOutside:
    """What is seen of the service from outside."""

    def test_metrics_count_what_happened(self, service):
        """Decisions, vetoes by class, overrides, the model, the queue."""
        made = decide(service, narrative="male with a gun")
        decide(service)
        service.post(f"/v1/decisions/{made['decision_id']}/feedback", json={"human": "ELIGIBLE", "reason": "mistake"})
        text = service.get("/metrics").text
        assert 'heartline_decisions_total{recommendation="NOT_ELIGIBLE",via="http"} 1.0' in text
        assert 'heartline_vetoes_total{rule_class="weapon"} 1.0' in text
        assert 'heartline_feedback_total{agreed="false",reason="mistake"} 1.0' in text
        assert "heartline_ledger_queue 0.0" in text
        assert f'model="{made["versions"]["model"]}"' in text
        assert "heartline_missing_fields_total" in text

    def test_drift_is_measured_against_the_training_profile(self, service):
        """After a hundred decisions that are all alike the scores lie far from training's."""
        for _ in range(110):
            decide(service)
        line = next(line for line in service.get("/metrics").text.splitlines() if line.startswith("heartline_score_drift"))
        assert float(line.split()[1]) > 0.25

    def test_scores_like_training_are_no_drift(self):
        """Evenly over the tenths the index is nought."""
        edges = [n / 10 for n in range(1, 10)]
        assert population_stability([n / 1000 for n in range(1, 1000)], edges) < 0.01
        assert population_stability([0.95] * 1000, edges) > 1

    def test_logs_are_lines_of_json_without_a_note(self, settings, capsys):
        """A request id, the route and the time; not what was sent."""
        with TestClient(create_app(Settings(**settings))) as client:
            answer = client.post("/v1/decisions", json=CALL | {"narrative": WHISPER}, headers={"X-API-Key": WHISPER})
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        line = next(line for line in lines if line.get("route") == "/v1/decisions")
        assert line["request_id"] == answer.headers["x-request-id"]
        assert (line["status"], line["method"]) == (200, "POST")
        assert WHISPER not in json.dumps(lines)

    def test_tracing_without_its_parts_says_what_is_missing(self, settings, monkeypatch):
        """It is off by default, and on it names what to install."""
        monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.fastapi", None)
        with pytest.raises(InvalidConfig, match="a part of it is missing"):
            create_app(Settings(**settings, otel=True), log=False)


def test_many_ask_at_once_and_all_are_answered_and_written(settings, runs):
    """A hundred at once, in one process: every acknowledged decision is in the ledger, and the chain is whole."""
    app = create_app(Settings(**settings), log=False)

    async def load():
        import httpx2  # noqa: PLC0415

        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*(client.post("/v1/decisions", json=CALL) for _ in range(100)))
        return {answer.json()["decision_id"] for answer in answers}

    acknowledged = asyncio.run(load())
    app.state.desk.close()
    ledger = Ledger(settings["ledger"], safe=NoteSafe(b"k"))
    assert acknowledged <= {entry.content["decision_id"] for entry in ledger.read()}
    assert ledger.verify().fault is None
    ledger.close()
    assert runs.is_dir()
