"""Hard use: killed under load, two services on one file, many sockets, slow clients, a long soak. Whole with `make soak`."""

import asyncio
import contextlib
import csv
import itertools
import json
import os
import random
import resource
import shutil
import socket
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import postgres
import pytest
import sqlalchemy as sa
from command import ROOT
from ledgers import created, of_service, prepared, sqlite_url
from servers import answer, free_port, load, request, started, uvicorn
from websockets.asyncio.client import connect

from models.classifier import bundle as bundles
from models.common.atomic import replace_folder
from models.ledger import Ledger, NoteEncryption

WHOLE = os.environ.get("SOAK") == "whole"
HOURS = float(os.environ.get("SOAK_HOURS", "0.001"))
"""How long calls arrive at the pace of a large centre, 25 a second."""
CALL = {"narrative": "male asleep in doorway of store, refusing to leave", "call_type": "Trespass", "zone": "D1"}
BODY = json.dumps(CALL).encode()

NOTES = ROOT / "data" / "benchmark" / "notes.csv"

pytestmark = pytest.mark.benchmark


@pytest.fixture
def place(runs, tmp_path):
    """Return the settings of a service with a ledger of its own."""
    shutil.copytree(runs / "champion", tmp_path / "champion")
    return {
        "HEARTLINE_BUNDLE": str(tmp_path / "champion"),
        "HEARTLINE_CACHE": str(tmp_path / "good"),
        "HEARTLINE_CHALLENGER": str(tmp_path / "none"),
        "HEARTLINE_LEDGER": prepared(sqlite_url(tmp_path), tmp_path / "ledger.anchor"),
        "HEARTLINE_ANCHOR": str(tmp_path / "ledger.anchor"),
    }


def serving(place):
    """Start a service as `heartline serve` does; give its port and its process."""
    port = free_port()
    words = uvicorn("serving.app:create_app", port, "--factory", "--http", "serving.security.connections:GuardedProtocol")
    return port, started([*words, "--limit-concurrency", "2000"], port=port, environment=place)


def health_while(port, work):
    """Return the seconds of every answer of health while some threads work, sorted; each is asked on a new connection."""
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    times = []
    while any(thread.is_alive() for thread in threads) or not times:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as probe:
            probe.sendall(b"GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in probe.recv(100)
        times.append(time.perf_counter() - began)
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    return sorted(times)


def told(name, times):
    """Print how long health took."""
    print(f"{name}: health answered {len(times)} times, slowest {times[-1] * 1e3:.1f} ms")  # noqa: T201


def asked(port, body, statuses):
    """Ask for one decision and keep its status."""

    async def ask():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/v1/decisions", body, port))
        status, answered = await answer(reader)
        statuses.append((status, answered))
        writer.close()

    asyncio.run(ask())


def opened(place):
    """Open the ledger of a service."""
    return of_service(place["HEARTLINE_LEDGER"], place["HEARTLINE_ANCHOR"])


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
            probe.sendall(b"GET /v1/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in probe.recv(100)


def test_postgresql_restarts_under_two_services(place):
    """Connections ended, the server restarted: nothing acknowledged is lost, the rest is 503, and a swap reaches both."""
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    acknowledged, statuses, stop = [], Counter(), threading.Event()
    with postgres.running() as (url, end, begin):
        del place["HEARTLINE_ANCHOR"]
        place |= {"HEARTLINE_LEDGER": url, "HEARTLINE_HASH_KEY": "k" * 32, "HEARTLINE_POLL": "0.2", "HEARTLINE_ANCHOR": "-"}
        created(url, encryption=NoteEncryption(b"k" * 32)).close()
        (one, first), (other, second) = serving(place), serving(place)
        with first, second:

            def ask(port):
                while not stop.is_set():
                    kept = []
                    asked(port, BODY, kept)
                    statuses[kept[0][0]] += 1
                    acknowledged.extend(json.loads(body)["decision_id"] for status, body in kept if status == 200)

            clients = [threading.Thread(target=ask, args=(port,)) for port in (one, other) for _ in range(2)]
            for client in clients:
                client.start()
            for _ in range(5 if WHOLE else 1):
                time.sleep(1)
                end_connections(url)
                time.sleep(1)
                end()
                time.sleep(0.5)
                begin()
            folder = Path(place["HEARTLINE_BUNDLE"])
            digest = another(folder, folder.with_name("next"), 1)
            replace_folder(folder, folder.with_name("next"))
            for port in (one, other):
                assert answers_with(port, digest)
            stop.set()
            for client in clients:
                client.join()
        ledger = opened_at(url)
        held, verdict = {entry.content["decision_id"] for entry in ledger.read("decision")}, ledger.verify()
        ledger.close()
    print(f"{len(acknowledged)} acknowledged, statuses {dict(statuses)}, {len(held)} in the ledger")  # noqa: T201
    assert set(statuses) <= {200, 503}
    assert len(acknowledged) > 20
    assert set(acknowledged) <= held
    assert verdict.fault is None


_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL"


def end_connections(url):
    """End every connection of a PostgreSQL server, as a failover does."""
    engine = sa.create_engine(url.replace("postgresql", "postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(sa.text(_END))
    engine.dispose()


def opened_at(url):
    """Open a ledger on PostgreSQL for reading."""
    return Ledger(url, encryption=NoteEncryption(b"k" * 32), read_only=True)


def answers_with(port, digest):
    """Return whether a service comes to answer with a model, within half a minute."""
    until, kept = time.monotonic() + 30, []
    while time.monotonic() < until:
        asked(port, BODY, kept)
        if kept[-1][0] == 200 and json.loads(kept[-1][1])["versions"]["model"] == digest:
            return True
        time.sleep(0.1)
    return False


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(place):
    """The system lets no file of the service grow: every decision is refused with 503, and with room again given."""
    refused, given = [], []
    port, server = serving(place)
    with server as process:
        asked(port, BODY, given)
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, most))
        for _ in range(10):
            asked(port, BODY, refused)
        with socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(b"GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in probe.recv(100)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        for _ in range(10):
            asked(port, BODY, given)
    assert {status for status, _ in refused} == {503}
    assert {status for status, _ in given} == {200}
    ledger = opened(place)
    held = {entry.content["decision_id"] for entry in ledger.read("decision")}
    verdict = ledger.verify()
    ledger.close()
    assert {json.loads(body)["decision_id"] for _, body in given} == held
    assert verdict.fault is None


def test_slow_and_broken_clients_hold_up_nobody(place):
    """Half a request, bytes that are no HTTP, a body that never comes: the others are answered."""
    port, server = serving(place)
    with server:
        slow = []
        for sent in (
            b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
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


def test_memory_stays_flat_at_the_pace_of_a_large_centre(place):
    """While different calls arrive at 25 a second for hours, memory grows by less than 5 % after the first tenth."""
    with NOTES.open(encoding="utf-8", newline="") as file:
        notes = [
            json.dumps({"narrative": row["narrative"], "call_type": row["call_type"]}).encode()
            for row in csv.DictReader(file)
        ]
    port, server = serving(place)
    sizes, start = [], time.perf_counter()
    with server as process:
        for second, body in enumerate(itertools.cycle(notes)):
            load(port, request("/v1/decisions", body, port), clients=1, count=25)
            sizes.append(_resident(process))
            passed = time.perf_counter() - start
            if passed > HOURS * 3600:
                break
            time.sleep(max(0.0, second + 1 - passed))
    before, after = max(sizes[: len(sizes) // 10 + 1]), max(sizes)
    print(f"{len(sizes) * 25} calls in {passed / 3600:.2f} h: {before:.0f} MiB, then at most {after:.0f} MiB")  # noqa: T201
    if HOURS >= 1:
        assert after < before * 1.05


def test_a_locked_ledger_stops_nobody_else(place):
    """Another process holds the ledger: health answers, and every decision is written in the end or refused with 503."""
    seconds, statuses = (30 if WHOLE else 2), []
    port, server = serving(place)
    with server:
        asked(port, BODY, [])
        holder = sqlite3.connect(place["HEARTLINE_LEDGER"].removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")

        def ask():
            asked(port, BODY, statuses)

        ends = time.monotonic() + seconds
        times = health_while(port, [ask] * 8 + [lambda: time.sleep(max(0, ends - time.monotonic()))])
        holder.execute("ROLLBACK")
        holder.close()
        asked(port, BODY, statuses)
    told(f"ledger locked for {seconds} s", times)
    assert {status for status, _ in statuses} <= {200, 503}
    assert statuses[-1][0] == 200
    ledger = opened(place)
    held = {entry.content["decision_id"] for entry in ledger.read("decision")}
    ledger.close()
    assert {json.loads(body)["decision_id"] for status, body in statuses if status == 200} <= held
    assert times[-1] < (0.05 if WHOLE else 0.5)


def test_long_notes_delay_nobody_else(place):
    """Notes of 64 Ki letters, of the kinds that once took seconds, from four clients at once."""
    notes = ["gun " * 16_384, "\ufdfa" * 65_536, "\U0001f52b" * 50_000, "a" * 65_536, "g u n " * 10_922]
    port, server = serving(place)
    with server:
        statuses = []
        asked(port, json.dumps({"narrative": "warm up. " * 1000}).encode(), statuses)
        work = [
            lambda note=note: asked(port, json.dumps({"narrative": note}, ensure_ascii=False).encode(), statuses)
            for note in notes * (4 if WHOLE else 1)
        ]
        times = health_while(port, work)
    told(f"{len(work)} notes of 64 Ki letters", times)
    answers = [json.loads(body) for status, body in statuses if status == 200]
    assert len(answers) == len(work) + 1
    assert all(each["recommendation"] != "ELIGIBLE" for each in answers if len(each["reasons"]) > 0 and each["hits"])
    assert times[-1] < (0.05 if WHOLE else 0.5)


def test_silent_connections_shut_nobody_out(place):
    """Two thousand connections that never send a request: the oldest make room."""
    count = 2000 if WHOLE else 250
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    port, server = serving(place)
    with server, contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        times, _ = load(port, request("/v1/decisions", BODY, port), clients=4, count=100)
        print(f"{count} silent connections: 100 decisions, slowest {times[-1] * 1e3:.0f} ms")  # noqa: T201


def test_models_are_swapped_under_load(place, runs):
    """Another champion again and again while four clients ask: no answer fails."""
    swaps = 20 if WHOLE else 2
    place["HEARTLINE_POLL"] = "0.2"
    folder = Path(place["HEARTLINE_BUNDLE"])
    port, server = serving(place)
    with server:
        stop, statuses = threading.Event(), set()

        def ask():
            while not stop.is_set():
                kept = []
                asked(port, BODY, kept)
                statuses.add(kept[0][0])

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        seen = set()
        for number in range(swaps):
            digest = another(runs / "champion", folder.with_name("next"), number)
            folder.rename(folder.with_name(f"old-{number}"))
            folder.with_name("next").rename(folder)
            until = time.monotonic() + 30
            while digest not in seen and time.monotonic() < until:
                kept = []
                asked(port, BODY, kept)
                seen.add(json.loads(kept[0][1])["versions"]["model"])
        stop.set()
        for client in clients:
            client.join()
    print(f"{swaps} swaps, {len(seen)} models answered")  # noqa: T201
    assert statuses == {200}
    assert len(seen) >= swaps


def another(folder, where, number):
    """Write the same model under another digest."""
    loaded = bundles.load(folder)
    record = loaded.operating_point.to_record()
    point = type(loaded.operating_point)(**(record | {"eligible_at": record["eligible_at"] + (number + 1) * 1e-6}))
    golden = [entry["features"] for entry in loaded.manifest["golden"]]
    parts, training = bundles.load_parts(folder), loaded.manifest["training"]
    return bundles.save(where, parts, point, risks=loaded.risks, training=training, golden=golden)
