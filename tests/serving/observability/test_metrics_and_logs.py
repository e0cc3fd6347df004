"""Logs, metrics and headers of the service."""

import json
import os
import subprocess
import sys

import pytest
from clients import local_client
from service_helpers import CALL, WHISPER, decide

from models.drift import population_stability
from models.errors import InvalidConfig
from serving.app import create_app
from serving.decisions.service import DecisionService
from serving.observability import metrics
from serving.settings import Settings


class TestOutside:
    """Logs, metrics and headers of the service."""

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
        with local_client(create_app(Settings(**settings))) as client:
            answer = client.post("/v1/decisions", json=CALL | {"narrative": WHISPER}, headers={"X-API-Key": WHISPER})
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        line = next(line for line in lines if line.get("route") == "/v1/decisions")
        assert line["request_id"] == answer.headers["x-request-id"]
        assert (line["status"], line["method"]) == (200, "POST")
        assert WHISPER not in json.dumps(lines)

    def test_tracing_without_its_parts_says_what_is_missing(self, settings, monkeypatch):
        """It is off by default, and on it names what to install."""
        monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.fastapi", None)
        with pytest.raises(InvalidConfig, match="a package is missing"):
            create_app(Settings(**settings, otel=True), log=False)


class TestFaults:
    """A failure is one line, one count and one answer with every header."""

    def test_an_unhandled_error_is_logged_with_its_status_and_place_and_without_its_text(
        self, settings, monkeypatch, capsys
    ):
        """The text of an exception may hold what was sent."""

        def fail(*_, **__):
            raise ZeroDivisionError(WHISPER)

        with local_client(create_app(Settings(**settings)), raise_server_exceptions=False) as broken:
            monkeypatch.setattr(DecisionService, "decide", fail)
            answer = broken.post("/v1/decisions", json=CALL)
            counted = broken.get("/metrics").text
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert answer.headers["x-frame-options"] == "DENY"
        printed = capsys.readouterr().err
        lines = [json.loads(each) for each in printed.splitlines() if each.startswith("{")]
        line = next(each for each in lines if each.get("route") == "/v1/decisions")
        assert (line["status"], line["request_id"]) == (500, answer.headers["x-request-id"])
        assert line["fault"].startswith("ZeroDivisionError at ")
        assert "Traceback" not in printed
        assert WHISPER not in printed + answer.text
        assert 'heartline_faults_total{code="request"} 1.0' in counted

    def test_a_refused_bundle_is_counted(self, service, settings):
        """So that an alarm can be set on it."""
        (settings["bundle"] / "manifest.json").write_text("[1]")
        service.post("/v1/model/reload")
        line = next(line for line in service.get("/metrics").text.splitlines() if 'faults_total{code="bundle"}' in line)
        assert float(line.split()[-1]) >= 1


def test_gauges_of_a_dead_worker_are_dropped(tmp_path, monkeypatch):
    """However it ended; a living worker's stay."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    for pid in (dead.stdout.strip(), os.getpid()):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    metrics.forget_dead_workers(tmp_path)
    assert [path.name for path in tmp_path.glob("*.db")] == [f"gauge_livesum_{os.getpid()}.db"]
