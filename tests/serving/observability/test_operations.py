"""An operator can trace the service, wake it with a signal, and stop it without losing what was acknowledged."""

import contextlib
import json
import shutil
import signal
import socket
import sqlite3
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ledgers import prepared, sqlite_url
from servers import free_port, load, request, started, uvicorn
from waiting import until

WHISPER = "zebra-7781"
BODY = json.dumps({"narrative": f"male asleep in doorway of store {WHISPER}"}).encode()

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path):
    """Return the settings of a service whose model is not there yet."""
    return {
        "HEARTLINE_BUNDLE": str(tmp_path / "champion"), "HEARTLINE_CHALLENGER": str(tmp_path / "challenger"),
        "HEARTLINE_CACHE": str(tmp_path / "last-good"),
        "HEARTLINE_LEDGER": prepared(sqlite_url(tmp_path), tmp_path / "anchor"),
        "HEARTLINE_ANCHOR": str(tmp_path / "anchor"), "HEARTLINE_POLL": "3600",
    }  # fmt: skip


@pytest.fixture
def collector():
    """Listen as a collector of traces does; give its port and what it received."""
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, received
    server.shutdown()
    server.server_close()


def test_traces_reach_a_collector_and_hold_no_note(environment, collector):
    """A real exporter sends a real span to a real port, and not one word of the note."""
    to, received = collector
    port = free_port()
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{to}", "HEARTLINE_OTEL": "1", "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }  # fmt: skip
    with started(uvicorn("serving.app:create_app", port, "--factory"), port=port, environment=environment | tracing):
        load(port, request("/v1/decisions", BODY, port), clients=1, count=1)
        until(lambda: any(b"/v1/decisions" in sent for sent in received), "no span came")
    assert not any(WHISPER.encode() in sent for sent in received)


def test_sigterm_answers_what_was_begun_and_then_ends(environment):
    """Stopped while the ledger is held: it takes no connection any more, answers the open request, and ends."""
    port = free_port()
    place = environment["HEARTLINE_LEDGER"].removeprefix("sqlite:///")
    words = [sys.executable, "-m", "pipelines.cli", "serve", "--port", str(port)]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(started(words, port=port, environment=environment))
        open_ = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        holder = sqlite3.connect(place, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        open_.sendall(request("/v1/decisions", BODY, port))
        until(lambda: waits(port), "the request did not come to wait")
        process.send_signal(signal.SIGTERM)
        until(lambda: refuses(port), "it still takes connections")
        holder.execute("ROLLBACK")
        holder.close()
        open_.settimeout(20)
        answered = open_.recv(65_536)
        assert process.wait(20) in {0, -signal.SIGTERM}  # uvicorn ends by the signal when its work is done
    assert answered.startswith(b"HTTP/1.1 200")
    with sqlite3.connect(place) as ledger:
        assert ledger.execute("SELECT count(*) FROM entries").fetchone() == (1,)


def waits(port):
    """Return whether the service says that its ledger cannot be written now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health/ready") as answer:
        return "ledger cannot be written" in json.load(answer)["detail"]


def refuses(port):
    """Return whether nobody listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sighup_looks_for_another_model_at_once(environment, runs):
    """An operator need not wait for the next look, however far off it is."""
    port = free_port()

    def model():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health/ready") as answer:
            return json.load(answer)["model"]

    with started(uvicorn("serving.app:create_app", port, "--factory"), port=port, environment=environment) as process:
        assert model() == "none"
        shutil.copytree(runs / "champion", environment["HEARTLINE_BUNDLE"])
        process.send_signal(signal.SIGHUP)
        until(lambda: model() != "none", "it did not look")
