"""The systems that can be measured: a Router of Heartline, and any HTTP service that an adapter describes."""

import http.client
import json
import os
import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from models.call import Call
from models.common.config import read_toml, validate
from models.decision import Decision, Recommendation
from models.errors import InvalidConfig, InvalidData
from models.router import Router

_LOCAL = {"127.0.0.1", "localhost", "::1"}
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_MAX_BYTES = 4 << 20
_FAULTS_IN_A_ROW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A system's answer to a call; `None` where it does not give a field, or gave no answer."""

    recommendation: Recommendation | None = None
    probability: float | None = None
    vetoed: bool | None = None
    response: str | None = None
    call_type: str | None = None


class System(Protocol):
    """Anything that answers calls."""

    @property
    def name(self) -> str:
        """Return the name under which figures are shown."""

    @property
    def reads_files(self) -> bool:
        """Return whether the system reads an agency's files itself."""

    def answers(self, calls: Iterable[Call]) -> Iterator[Answer]:
        """Yield an answer for each call, in order."""


@dataclass(slots=True)
class RouterSystem:
    """A Router, asked without HTTP."""

    router: Router
    name: str = "Heartline"
    reads_files: bool = True

    def answers(self, calls: Iterable[Call]) -> Iterator[Answer]:
        """Yield an answer for each call, in order."""
        listed = list(calls)
        for call, decision in zip(listed, self.router.decide_many(listed, detail="short"), strict=True):
            yield self._answer(call, decision)

    def _answer(self, call: Call, decision: Decision) -> Answer:
        """Return a decision as an answer."""
        return Answer(
            recommendation=decision.recommendation,
            probability=decision.eligible_probability,
            vetoed=decision.vetoed,
            response=decision.response,
            call_type=self.router.program.call_types.canonical(call.call_type).name,
        )


class ResponseFields(BaseModel):
    """The dotted path of each field in an answer's JSON, `*` for each entry of a list."""

    model_config = ConfigDict(extra="forbid", strict=True)

    recommendation: str
    probability: str | None = None
    vetoed: str | None = None
    response: str | None = None
    call_type: str | None = None


class Adapter(BaseModel):
    """An HTTP service: its address, and the paths of the fields of its requests and answers.

    `request` maps each field of a call that is sent to its key (a dotted path); `constants` are sent unchanged. `words` maps
    the service's words to the three recommendations, `units` its units to the program's. `vetoed_words` are the values at
    `response.vetoed` that mean a veto; without them, true does.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    url: str
    method: Literal["POST", "PUT"] = "POST"
    timeout_seconds: float = Field(default=10.0, gt=0)
    headers: dict[str, str] = Field(default_factory=dict)
    request: dict[str, str]
    constants: dict[str, Any] = Field(default_factory=dict)
    response: ResponseFields
    words: dict[str, Literal["ELIGIBLE", "REVIEW", "NOT_ELIGIBLE"]] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    vetoed_words: list[str] = Field(default_factory=list)


def load_adapter(path: Path) -> Adapter:
    """Return the adapter of a TOML file, `${NAME}` in its headers filled from the environment.

    Raises `InvalidConfig` for a fault of the file, a variable that is not set, and plain HTTP to another machine.
    """
    adapter = validate(Adapter, read_toml(path), what="adapter", remedy="see data/benchmark/heartline-http.toml")
    parts = urlsplit(adapter.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidConfig("url is not an HTTP address", value=adapter.url, remedy="begin it with https://")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise InvalidConfig("notes would cross the network unencrypted", value=adapter.url, remedy="use https://")
    unknown = set(adapter.request) - set(Call.__dataclass_fields__)
    if unknown or "narrative" not in adapter.request:
        value = ", ".join(sorted(unknown)) or "no narrative"
        remedy = "map narrative, and only columns that data/README.md lists"
        raise InvalidConfig("request does not map a call's fields", value=value, remedy=remedy)
    return adapter.model_copy(update={"headers": {key: _filled(value) for key, value in adapter.headers.items()}})


def _filled(header: str) -> str:
    """Return a header with its variables filled in."""
    missing = [name for name in _VARIABLE.findall(header) if name not in os.environ]
    if missing:
        raise InvalidConfig("environment variable is not set", value=missing[0], remedy="set it, or change the adapter")
    return _VARIABLE.sub(lambda match: os.environ[match.group(1)], header)


@dataclass(slots=True)
class HttpSystem:
    """An HTTP service, asked about one call at a time over one open connection."""

    adapter: Adapter
    reads_files: bool = False
    _faults: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """Return the name that the adapter gives."""
        return self.adapter.name

    def answers(self, calls: Iterable[Call]) -> Iterator[Answer]:
        """Yield an answer for each call, in order; a fault or a refusal gives an empty answer.

        Raises `InvalidData` where several calls in a row get no answer: the service cannot be reached.
        """
        connection = self._connection()
        try:
            for call in calls:
                answer = self._asked(connection, call)
                self._faults = 0 if answer is not None else self._faults + 1
                if self._faults >= _FAULTS_IN_A_ROW:
                    remedy = "check the adapter's url, headers and request"
                    raise InvalidData("the service does not answer", value=self.adapter.url, remedy=remedy)
                yield answer or Answer()
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        """Return a connection to the adapter's host."""
        parts = urlsplit(self.adapter.url)
        host, seconds = str(parts.hostname), self.adapter.timeout_seconds
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port, timeout=seconds)
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())

    def _asked(self, connection: http.client.HTTPConnection, call: Call) -> Answer | None:
        """Return the answer to one call, or `None` where there was none."""
        parts = urlsplit(self.adapter.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = json.dumps(request_of(self.adapter, call)).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"} | self.adapter.headers
        try:
            connection.request(self.adapter.method, target, body, headers)
            answer = connection.getresponse()
            content = answer.read(_MAX_BYTES)
            document = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()  # http.client opens it again by itself
            return None
        return answer_of(self.adapter, document) if 200 <= answer.status < 300 else None


def request_of(adapter: Adapter, call: Call) -> dict[str, Any]:
    """Return the JSON of the request about a call; fields that it lacks are left out."""
    record, body = call.to_record(), json.loads(json.dumps(adapter.constants))
    for name, path in adapter.request.items():
        if record[name] is not None:
            *parents, last = path.split(".")
            table = body
            for key in parents:
                table = table.setdefault(key, {})
            table[last] = record[name]
    return dict(body)


def answer_of(adapter: Adapter, document: Any) -> Answer | None:
    """Return the answer in a service's JSON, or `None` where it holds no recommendation that the adapter knows."""
    fields = adapter.response
    word = _first(values_at(document, fields.recommendation))
    recommendation = adapter.words.get(str(word), str(word))
    if recommendation not in set(Recommendation):
        return None
    unit, chance = (_first(values_at(document, path)) for path in (fields.response, fields.probability))
    call_type = _first(values_at(document, fields.call_type))
    return Answer(
        recommendation=Recommendation(recommendation),
        probability=float(chance) if isinstance(chance, int | float) and not isinstance(chance, bool) else None,
        vetoed=_vetoed(adapter, document),
        response=None if unit is None else adapter.units.get(str(unit), str(unit)),
        call_type=None if call_type is None else str(call_type),
    )


def _vetoed(adapter: Adapter, document: Any) -> bool | None:
    """Return whether the call was vetoed, or `None` where the adapter names no such field."""
    if adapter.response.vetoed is None:
        return None
    values = values_at(document, adapter.response.vetoed)
    if adapter.vetoed_words:
        return any(str(value) in adapter.vetoed_words for value in values)
    return True in values


def values_at(document: Any, path: str | None) -> list[Any]:
    """Return the values at a dotted path, `*` for each entry of a list; an empty list where the path leads nowhere.

    >>> values_at({"reasons": [{"code": "a"}, {"code": "b"}]}, "reasons.*.code")
    ['a', 'b']
    """
    values = [] if path is None else [document]
    for key in path.split(".") if path else ():
        if key == "*":
            values = [entry for value in values if isinstance(value, list) for entry in value]
        else:
            values = [value[key] for value in values if isinstance(value, dict) and key in value]
    return values


def _first(values: list[Any]) -> Any:
    """Return the first value, or `None` of an empty list."""
    return values[0] if values else None
