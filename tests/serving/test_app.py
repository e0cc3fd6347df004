"""Over HTTP: decisions, health, refusals, and no note in any error."""

import json
from types import SimpleNamespace

import pytest
from clients import local_client

from models.call import Call
from models.errors import InvalidConfig
from serving.app import create_app
from serving.schemas import CallIn, DecisionOut
from serving.settings import MAX_BODY, Settings

WHISPER = "zebra-7781"
NO_LEDGER = Settings(ledger="none")


@pytest.fixture(scope="module")
def client(router):
    """Return a client of the service around the small model."""
    return local_client(create_app(NO_LEDGER, router=router), raise_server_exceptions=False)


def test_a_call_gets_a_decision(client):
    """The example of the documentation is answered."""
    example = CallIn.model_json_schema()["examples"][0]
    answer = client.post("/v1/decisions", json=example)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    decision = DecisionOut.model_validate_json(answer.text)
    assert decision.call_id == example["call_id"]
    assert decision.availability is None or decision.availability.unit == decision.response


def test_http_sends_the_same_json_as_everywhere(client, router):
    """But for id, time and latency, the body is Decision.to_json."""
    record = {"narrative": "male w/ knife", "call_type": "Welfare Check", "weapons_answer": "none", "source": "911"}
    sent = client.post("/v1/decisions", json=record).json()
    made = router.decide(Call.from_record(record)).to_dict()
    differing = {key for key in made if made[key] != sent[key]}
    assert differing <= {"decision_id", "decided_at", "latency_ms"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"narrative": WHISPER, "colour": "blue"}), 422),
        (json.dumps({"narrative": "x", WHISPER: 1}), 422),
        (json.dumps({"narrative": WHISPER, "calls_24h": -1}), 422),
        (json.dumps({"narrative": WHISPER, "calls_24h": "3"}), 422),
        (json.dumps({"narrative": WHISPER, "received_at": "2026-01-01T00:00:00"}), 422),
        (json.dumps({"narrative": WHISPER, "received_at": 0}), 422),
        ('{"narrative": "' + WHISPER + '", "calls_24h": Infinity}', 422),
        (json.dumps({"narrative": WHISPER, "weapons_answer": "perhaps"}), 422),
        (json.dumps({"narrative": [WHISPER]}), 422),
        (json.dumps({"zone": WHISPER}), 422),
        (json.dumps([WHISPER]), 422),
        ('{"narrative": "' + WHISPER, 422),
        ('{"narrative": "' + WHISPER + ' \\ud800"}', 422),
        ("", 422),
        (b'{"narrative": "\xff' + WHISPER.encode() + b'"}', 400),
        (json.dumps({"narrative": WHISPER * 7000}), 413),
    ],
)
def test_what_cannot_be_read_is_refused_without_being_repeated(client, body, status):
    """Every refusal is a problem document that never holds what was sent."""
    answer = client.post("/v1/decisions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {status, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert WHISPER not in answer.text


def test_a_body_without_a_length_is_cut_off_too(client):
    """A stream that never ends is refused at the limit."""
    chunks = (b"x" * 1024 for _ in range(MAX_BODY // 1024 + 2))
    assert client.post("/v1/decisions", content=chunks).status_code == 413


def test_other_paths_and_methods_are_problems(client):
    """404 and 405 are problem documents too."""
    assert client.get("/v2/nothing").headers["content-type"] == "application/problem+json"
    answer = client.get("/v1/decisions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_fault_of_ours_says_review_and_nothing_else():
    """An exception's text never leaves."""

    class Broken:
        bundle = None

        def decide(self, _call, **_):
            raise RuntimeError(WHISPER)

    answer = local_client(create_app(NO_LEDGER, router=Broken()), raise_server_exceptions=False).post(
        "/v1/decisions", json={"narrative": "x"}
    )
    assert answer.status_code == 500
    assert WHISPER not in answer.text
    assert "REVIEW" in answer.json()["detail"]


def test_health_and_model_tell_the_truth(client, router):
    """Live, ready and the model in use."""
    assert client.get("/v1/health/live").json() == {"status": "live"}
    ready = client.get("/v1/health/ready").json()
    assert (ready["status"], ready["model"]) == ("ready", router.bundle.digest)
    model = client.get("/v1/model").json()
    assert model["operating_point"]["max_false_clear"] == 0.05
    assert model["versions"]["model"] == router.bundle.digest


def test_without_a_model_the_service_starts_and_says_so(tmp_path):
    """Rules run, everything else is REVIEW, readiness is degraded."""
    client = local_client(create_app(Settings(bundle=tmp_path, cache=tmp_path / "none", ledger="none")))
    assert client.get("/v1/health/ready").json()["status"] == "degraded"
    assert client.get("/v1/model").status_code == 404
    assert client.post("/v1/decisions", json={"narrative": "has a gun"}).json()["recommendation"] == "NOT_ELIGIBLE"
    assert client.post("/v1/decisions", json={"narrative": "asleep"}).json()["recommendation"] == "REVIEW"


class TestSettings:
    """The environment is read when the service is made, and nothing in it is guessed."""

    def test_each_setting_is_read_from_its_variable(self, monkeypatch):
        """HEARTLINE_ and the name in capitals; a list is separated by commas."""
        for name, value in {"BUNDLE": "/b", "PROGRAM": "p", "OTEL": "yes", "ALLOWED_HOSTS": "a.example, b.example"}.items():
            monkeypatch.setenv(f"HEARTLINE_{name}", value)
        settings = Settings.from_environment()
        assert (str(settings.bundle), settings.program, settings.otel) == ("/b", "p", True)
        assert settings.allowed_hosts == ("a.example", "b.example")

    def test_an_unknown_variable_is_an_error_that_names_it(self, monkeypatch):
        """A misspelt setting must not be silently without effect."""
        monkeypatch.setenv("HEARTLINE_LEDGERS", "none")
        with pytest.raises(InvalidConfig, match="HEARTLINE_LEDGERS"):
            Settings.from_environment()

    @pytest.mark.parametrize(("name", "value"), [("RATE", "fast"), ("OTEL", "perhaps"), ("HIDE_SHARE", "2"), ("POLL", "0")])
    def test_a_wrong_value_is_an_error_that_names_the_variable_and_not_the_value(self, monkeypatch, name, value):
        """A value may be a secret."""
        monkeypatch.setenv(f"HEARTLINE_{name}", value)
        with pytest.raises(InvalidConfig, match=f"HEARTLINE_{name}") as fault:
            Settings.from_environment()
        assert repr(value) not in str(fault.value)

    def test_keys_of_the_ledger_are_no_unknown_settings(self, monkeypatch):
        """The ledger reads them itself."""
        monkeypatch.setenv("HEARTLINE_HASH_KEY", "k" * 32)
        assert Settings.from_environment().ledger == "sqlite:///mlruns/ledger.db"


def test_what_is_loaded_is_frozen_while_it_serves_and_not_after(rules_router, monkeypatch):
    """The garbage collector is given back as it was."""
    done = []
    actions = {name: lambda name=name: done.append(name) for name in ("collect", "freeze", "unfreeze")}
    monkeypatch.setattr("serving.app.gc", SimpleNamespace(**actions))
    with local_client(create_app(NO_LEDGER, router=rules_router)):
        assert done == ["collect", "freeze"]
    assert done == ["collect", "freeze", "unfreeze"]


def test_the_schema_and_the_call_have_the_same_fields():
    """What can be sent is what a call is."""
    assert set(CallIn.model_fields) - {"caller_key", "address_key"} == set(Call.__dataclass_fields__)
