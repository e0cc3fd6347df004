"""Idle connections do not lock other clients out."""

import contextlib
import socket
import urllib.request

import pytest
from servers import free_port, started, uvicorn

from serving.security import connections

SILENT = 300


@pytest.fixture(scope="module")
def port():
    """Return the port of an application behind the guarded protocol."""
    port = free_port()
    words = uvicorn("guarded:app", port, "--factory", "--app-dir", "tests/serving/security")
    words += ["--limit-concurrency", str(SILENT), "--http", "serving.security.connections:GuardedProtocol"]
    with started(words, port=port):
        yield port


def answers(port):
    """Return the status of a request."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=30) as answer:
        return answer.status


@pytest.mark.slow
def test_silent_connections_leave_room_for_others(port):
    """Three hundred of them against a limit of three hundred: the oldest are closed, and a request is answered."""
    assert connections.SILENT_PER_ADDRESS < SILENT
    with contextlib.ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert answers(port) == 200


@pytest.mark.slow
def test_half_a_request_is_closed(port):
    """Headers that never end are waited for some seconds."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        client.settimeout(60)
        assert client.recv(100) == b""
