"""The service runs as the kit runs it: under the unit's system calls, and scraped by a real Prometheus with a key."""

import contextlib
import json
import shutil
import sys
import urllib.parse
import urllib.request

import pytest
import sandbox
import yaml
from command import ROOT
from servers import free_port, started
from waiting import until

from models.common import api_keys

KIT = ROOT / "serving" / "deploy"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Run the service confined as its unit confines it, without a model; give its port and a key of an evaluator."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    _, secret = api_keys.create(folder / "keys.json", name="prometheus", roles=["evaluator", "call_taker"])
    words = [sys.executable, "-m", "pipelines.cli", "serve", "--port", str(port), "--workers", "2", "--runs", str(folder)]
    if sandbox.available():
        words = [sys.executable, str(ROOT / "tests" / "sandbox.py"), str(KIT / "heartline.service"), *words]
    environment = {"HEARTLINE_KEYS": str(folder / "keys.json"), "PYTHONPATH": str(ROOT)}
    with started(words, port=port, environment=environment):
        yield port, secret


def fetched(port, path, *, key=None, body=None):
    """Return the answer to a request as JSON."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


@pytest.mark.skipif(not sandbox.available(), reason=sandbox.MISSING)
def test_the_service_answers_under_the_system_calls_of_its_unit(served):
    """A short note on the event loop and one that a process of its own reads, which lowers its priority."""
    port, key = served

    def codes(length):
        note = ("male asleep in doorway of store, refusing to leave. " * 200)[:length]
        decision = fetched(port, "/v1/decisions", key=key, body=json.dumps({"narrative": note}).encode())
        return {reason["code"] for reason in decision["reasons"]}

    assert codes(50).isdisjoint({"rules_fault", "invalid_call"})
    until(lambda: codes(9000).isdisjoint({"rules_fault", "invalid_call"}), "the process of long notes does not start")


def test_a_real_prometheus_scrapes_the_service_and_evaluates_the_alerts(served, tmp_path):
    """With the kit's own configuration and rules; that there is no model raises its alert."""
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed: apt-get install prometheus")
    port, key = served
    own = free_port()
    shutil.copy(KIT / "prometheus" / "alerts.yml", tmp_path)
    config = yaml.safe_load((KIT / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    job["authorization"]["credentials_file"] = str(tmp_path / "key")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (tmp_path / "key").write_text(key)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    words = [
        "prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]  # fmt: skip

    def ready():
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{own}/-/ready", timeout=5) as answer:
            return answer.status == 200
        return False

    def value(query):
        results = fetched(own, f"/api/v1/query?query={urllib.parse.quote(query)}")["data"]["result"]
        return float(results[0]["value"][1]) if results else None

    def alerts():
        return {alert["labels"]["alertname"] for alert in fetched(own, "/api/v1/alerts")["data"]["alerts"]}

    with started(words, port=own):
        until(ready, "Prometheus does not start")
        until(lambda: value("up") == 1, "Prometheus does not reach the service")
        until(lambda: value('heartline_model_info{model="none"}') == 1, "the metrics were not read")
        until(lambda: "HeartlineRulesAlone" in alerts(), "the alert is not raised")
        assert "HeartlineDown" not in alerts()
