"""Start servers in processes of their own, and ask them over plain sockets."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port():
    """Return a port that nobody uses, below those that connections are given: a server may take long until it binds it."""
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def started(words, *, port, environment=None, seconds=60):
    """Run a command until it listens on a port; give its process, and end it after."""
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            words, cwd=ROOT, env=os.environ | (environment or {}), stdout=subprocess.DEVNULL, stderr=told,
            start_new_session=True,
        )  # fmt: skip
        try:
            until = time.monotonic() + seconds
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                ended = process.poll() is not None
                if ended or time.monotonic() > until:
                    told.seek(0)
                    said = told.read().decode(errors="replace")[-2000:]
                    raise AssertionError(f"the server {'ended' if ended else 'does not listen'}: {said}")
                time.sleep(0.05)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its workers too
            process.wait()


def uvicorn(app, port, *more):
    """Return the command that serves an application."""
    words = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    return [*words, *more]


def request(path, body, port):
    """Return a request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


async def answer(reader):
    """Read one answer: its status and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    if "content-length:" in head:
        return status, await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip() or b"0", 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return status, body


async def _ask(port, sent, count, times, statuses):
    """Ask again and again over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        start = time.perf_counter()
        writer.write(sent)
        status, _ = await answer(reader)
        times.append(time.perf_counter() - start)
        statuses.add(status)
    writer.close()


def load(port, sent, *, clients, count):
    """Ask from some clients at once; return every request's seconds, sorted, and the requests a second."""
    times, statuses = [], set()

    async def run():
        start = time.perf_counter()
        await asyncio.gather(*(_ask(port, sent, count // clients, times, statuses) for _ in range(clients)))
        return time.perf_counter() - start

    spent = asyncio.run(run())
    assert statuses == {200}, statuses
    return sorted(times), len(times) / spent
