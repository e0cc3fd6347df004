"""Hard use: killed under load, two services on one file, many sockets, slow clients, a long soak. Whole with `make soak`."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
from servers import answer, free_port, load, request, started, uvicorn
from websockets.asyncio.client import connect

from models.ledger.encryption import NoteSafe
from models.ledger.store import Ledger

WHOLE = os.environ.get("HEARTLINE_SOAK") == "whole"
CALL = {"narrative": "male asleep in doorway of store, refusing to leave", "call_type": "Trespass", "zone": "D1"}
BODY = json.dumps(CALL).encode()

pytestmark = pytest.mark.benchmark


@pytest.fixture
def place(runs, tmp_path):
    """Return the settings of a service with a ledger of its own."""
    shutil.copytree(runs / "champion", tmp_path / "champion")
    return {
        "HEARTLINE_BUNDLE": str(tmp_path / "champion"),
        "HEARTLINE_CACHE": str(tmp_path / "good"),
        "HEARTLINE_CHALLENGER": str(tmp_path / "none"),
        "HEARTLINE_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}",
        "HEARTLINE_ANCHOR": str(tmp_path / "ledger.anchor"),
    }


def serving(place):
    """Start a service; give its port and its process."""
    port = free_port()
    return port, started(uvicorn("serving.app:create_app", port, "--factory"), port=port, environment=place)


def opened(place):
    """Open the ledger of a service."""
    return Ledger(place["HEARTLINE_LEDGER"], safe=NoteSafe(b"k"), anchor=place["HEARTLINE_ANCHOR"])


async def _ask_until_gone(port, acknowledged):
    """Ask until the server is gone, and keep the ids of what was acknowledged."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        while True:
            writer.write(request("/v1/decisions", BODY, port))
            status, body = await answer(reader)
            assert status == 200
            acknowledged.append(json.loads(body)["decision_id"])
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def test_nothing_acknowledged_is_lost_when_it_is_killed(place):
    """Killed with -9 under load again and again: every acknowledged decision is in a ledger that verifies."""
    acknowledged, rng = [], random.Random(0)  # noqa: S311  reproducible, not secret
    for _ in range(50 if WHOLE else 2):
        port, server = serving(place)
        with server as process:
            timer = threading.Timer(rng.uniform(0.2, 0.8), process.kill)
            timer.start()

            async def load_it(port=port):
                await asyncio.gather(*(_ask_until_gone(port, acknowledged) for _ in range(8)))

            asyncio.run(load_it())
            timer.join()
    ledger = opened(place)
    held = {entry.content["decision_id"] for entry in ledger.read("decision")}
    verdict = ledger.verify()
    ledger.close()
    print(f"{len(acknowledged)} acknowledged, {len(held)} in the ledger, {verdict}")  # noqa: T201
    assert len(acknowledged) > 20
    assert set(acknowledged) <= held
    assert verdict.fault is None


def test_two_services_share_one_ledger(place):
    """Both answer under load, and the chain is one and whole."""
    count = 2000 if WHOLE else 100
    (one, first), (other, second) = serving(place), serving(place)
    with first, second:
        threads = [
            threading.Thread(
                target=load, args=(port, request("/v1/decisions", BODY, port)), kwargs={"clients": 4, "count": count}
            )
            for port in (one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ledger = opened(place)
    assert ledger.verify().fault is None
    assert ledger.verify().count == 2 * count
    ledger.close()


def test_many_calls_are_typed_at_once(place):
    """Two hundred streams, each with changes that a typist makes; health answers meanwhile."""
    streams = 200 if WHOLE else 25

    async def type_one(port, number):
        async with connect(f"ws://127.0.0.1:{port}/v1/stream") as stream:
            await stream.recv()
            note = CALL["narrative"] + (", has a knife" if number % 2 else "")
            for end in range(5, len(note) + 5, 5):
                await stream.send(json.dumps({"type": "call", "seq": end, "call": CALL | {"narrative": note[:end]}}))
                await asyncio.sleep(0.02)
            await stream.send(json.dumps({"type": "final", "seq": 1000}))
            while True:
                said = json.loads(await asyncio.wait_for(stream.recv(), 60))
                if said.get("seq") == 1000:
                    return said["decision"]["recommendation"]

    async def run(port):
        return await asyncio.gather(*(type_one(port, number) for number in range(streams)))

    port, server = serving(place)
    with server:
        found = asyncio.run(run(port))
        assert all(found[number] == "NOT_ELIGIBLE" for number in range(1, streams, 2))
        with socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(b"GET /v1/health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in probe.recv(100)


def test_slow_and_broken_clients_hold_up_nobody(place):
    """Half a request, bytes that are no HTTP, a body that never comes: the others are answered."""
    port, server = serving(place)
    with server:
        slow = []
        for sent in (
            b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
            b"\xff\xfe\x00garbage\r\n\r\n",
            b"POS",
        ):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(sent)
            slow.append(client)
        times, _ = load(port, request("/v1/decisions", BODY, port), clients=4, count=40)
        assert times[-1] < 5
        for client in slow:
            client.close()


def _resident(process):
    """Return a process's resident memory in MiB."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_memory_stays_flat(place):
    """After warming up, resident memory grows by less than 5 % over the soak."""
    count = 200_000 if WHOLE else 1500
    port, server = serving(place)
    with server as process:
        sent = request("/v1/decisions", BODY, port)
        load(port, sent, clients=8, count=count // 10)
        before, start = _resident(process), time.perf_counter()
        load(port, sent, clients=8, count=count)
        after = _resident(process)
    print(f"{count} requests in {time.perf_counter() - start:.0f} s: {before:.0f} MiB, then {after:.0f} MiB")  # noqa: T201
    assert after < before * (1.05 if WHOLE else 1.15)
