"""A simulator of a CAD system: it types synthetic calls into a service in real time and checks every change."""

import heapq
import http.client
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from models.errors import InvalidConfig
from pipelines.operations.cad_calls import TypedCall

LATE_SECONDS = 1.0
"""An answer counts as late so many seconds after its change was due."""

_ATTEMPTS, _FIRST_WAIT, _TIMEOUT, _WORKERS = 5, 0.2, 10.0, 32
_FINAL_STATUSES = range(400, 500)


@dataclass(slots=True)
class Report:
    """The result of a run: changes sent and answered, the seconds from when each was due, and what was lost."""

    calls: int = 0
    changes: int = 0
    unanswered: int = 0
    late: int = 0
    lost: int = 0
    suggestions: int = 0
    unasked: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Return whether every change was answered in time and is in the ledger."""
        return not (self.unanswered or self.late or self.lost)

    def quantile(self, share: float) -> float:
        """Return the quantile of the seconds to an answer; 0 where there were none."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(slots=True)
class _Progress:
    """The state of one call: its next step, the revisions that were answered, and the last decision."""

    call: TypedCall
    next_step: int = 0
    revisions: set[int] = field(default_factory=set)
    decision: Mapping[str, Any] = field(default_factory=dict)


class CadSimulator:
    """A CAD system that types calls into one service, for one run."""

    def __init__(self, url: str, *, key: str | None = None, late_seconds: float = LATE_SECONDS) -> None:
        """Store the address and the API key; raise `InvalidConfig` where `url` is not an HTTP address."""
        address = urlsplit(url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise InvalidConfig("url is not an HTTP address", value=url, remedy="give one such as http://127.0.0.1:8000")
        self._address, self._key, self._late = address, key, late_seconds
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, _Progress]] = []
        self._open, self._queued = 0, 0
        self.report = Report()

    def run(self, calls: Iterable[TypedCall]) -> Report:
        """Type every call to its end, check that the ledger holds each change, and return the result.

        Raises `InvalidConfig` where the service cannot be reached or refuses access.
        """
        self._check()
        started = time.monotonic()
        progress = [_Progress(call) for call in calls]
        self.report.calls = self._open = len(progress)
        for one in progress:
            self._plan(one, started + one.call.begins)
        with ThreadPoolExecutor(_WORKERS) as pool:
            while (due := self._next_due()) is not None:
                pool.submit(self._step, *due)
        for one in progress:
            self._look_for(one)
        self._disconnect()
        return self.report

    def _check(self) -> None:
        """Raise `InvalidConfig` where the service cannot be reached or refuses access."""
        status, _ = self._ask("GET", "/v1/incidents/SIM/decisions", None)
        if status not in {200, 404}:
            self._disconnect()
            value = f"{self._address.netloc} answered {status or 'nothing'}"
            raise InvalidConfig(
                "the service refuses a CAD system", value=value, remedy="start it, and give --key where it has keys"
            )

    def _plan(self, one: _Progress, due: float) -> None:
        """Queue a call's next step; a counter keeps the order of steps that are due at the same time."""
        with self._changed:
            self._queued += 1
            heapq.heappush(self._queue, (due, self._queued, one))
            self._changed.notify()

    def _next_due(self) -> tuple[float, _Progress] | None:
        """Wait until a step is due, and return when it was due and its call; `None` once all calls are typed."""
        with self._changed:
            while self._open:
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    due, _, one = heapq.heappop(self._queue)
                    return due, one
                self._changed.wait(wait)
        return None

    def _step(self, due: float, one: _Progress) -> None:
        """Send a call's next step, count its answer, and plan the one after it."""
        steps = one.call.steps
        step = steps[one.next_step]
        status, answer = self._persist(step.method, self._path(one, step.path), step.body)
        seconds = time.monotonic() - due
        with self._changed:
            self.report.changes += 1
            self.report.seconds.append(seconds)
            self.report.late += seconds > self._late
            if status != 200:
                self.report.unanswered += 1
                self.report.faults[f"{step.method} answered {status or 'nothing'}"] += 1
            else:
                self._keep(one, answer)
            one.next_step += 1
            if one.next_step == len(steps):
                self._open -= 1
                self._changed.notify()
                return
        self._plan(one, due - step.after + steps[one.next_step].after)

    def _keep(self, one: _Progress, answer: Mapping[str, Any]) -> None:
        """Store an answer, and count it where it changes the suggestion."""
        decision = answer["decision"]
        self.report.suggestions += _suggestion(decision) != _suggestion(one.decision)
        one.revisions.add(answer["revision"])
        one.decision = decision

    def _look_for(self, one: _Progress) -> None:
        """Count the answered changes of a call that the ledger lacks, and the questions left unanswered at its end."""
        in_ledger, after, more = set(), 0, True
        while more:
            status, page = self._persist("GET", f"{self._path(one, '/decisions')}?after={after}", None)
            if status != 200:
                break
            in_ledger |= {decision["revision"] for decision in page["decisions"]}
            after, more = page["next"], page["more"]
        self.report.lost += len(one.revisions - in_ledger)
        self.report.unasked.update(one.decision.get("questions", ()))

    def _path(self, one: _Progress, rest: str) -> str:
        """Return the path of a call's incident."""
        return f"/v1/incidents/{quote(one.call.incident_id, safe='')}{rest}"

    def _persist(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Return status and body of a request, repeated where the service fails or cannot be reached."""
        for attempt in range(_ATTEMPTS):
            status, answer = self._ask(method, path, body)
            if status == 200 or (status in _FINAL_STATUSES and status != 429):
                break
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_FIRST_WAIT * 2**attempt)
        return status, answer

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of one request over this thread's connection; status 0 without an answer."""
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": self._key} if self._key else {})
        connection = self._connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            return 0, {}

    def _disconnect(self) -> None:
        """Close the connections of every thread."""
        for connection in self._connections:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        """Return this thread's connection, which stays open between requests."""
        if not hasattr(self._local, "connection"):
            host, port = str(self._address.hostname), self._address.port
            self._local.connection = (
                http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
                if self._address.scheme == "https"
                else http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
            )
            self._connections.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


def lines(report: Report) -> list[str]:
    """Return a report as lines of text."""
    times = ", ".join(f"{name} {1000 * report.quantile(share):.0f} ms" for name, share in
                      (("median", 0.5), ("95th percentile", 0.95), ("99th percentile", 0.99), ("slowest", 1.0)))  # fmt: skip
    open_questions = ", ".join(f"{name} {count}" for name, count in sorted(report.unasked.items())) or "none"
    return [
        f"{report.calls} calls typed, {report.changes} changes sent, {report.suggestions} changed the suggestion",
        f"lost {report.lost}, late {report.late}, unanswered {report.unanswered}",
        f"time from due to answered: {times}",
        f"calls that ended with an unanswered question: {open_questions}",
        *(f"fault: {fault}, {count} times" for fault, count in report.faults.most_common()),
    ]


def _suggestion(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the part of a decision that a person acts on."""
    return tuple(decision.get(name) for name in ("recommendation", "response", "with_ems"))
