"""Synthetic calls as a CAD system sends them: the steps of each call, and when each is sent."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from models.call import Call
from pipelines.corpus import synthesise
from pipelines.settings import load_config

ANSWERS = ("weapons_answer", "violence_answer", "medical_answer")
FEWEST_WORDS, MOST_WORDS = 3, 9
"""The fewest and most words of one note; a call-taker sends several until the narrative is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request about an incident: `after` is in seconds from the first; `path` is relative to the incident's."""

    after: float
    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCall:
    """A call as it is typed: its incident number, its start in seconds of the run, and its steps in order."""

    incident_id: str
    begins: float
    steps: tuple[Step, ...]


def typed_calls(*, rate: float, minutes: float, words_per_minute: float, seed: int, run: str) -> Iterator[TypedCall]:
    """Yield the calls of a run in the order of their random start times; the same seed gives the same calls.

    `rate` is in calls per minute. Each call is opened with its known fields, typed note by note, asked the safety questions,
    and closed.
    """
    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    begins, moments = rng.expovariate(rate / 60), []
    while begins < minutes * 60:
        moments.append(begins)
        begins += rng.expovariate(rate / 60)
    settings = replace(load_config().synthesise, calls=max(1, len(moments)), seed=seed)
    for number, (begins, record) in enumerate(zip(moments, synthesise.synthesise(settings), strict=False), start=1):
        call = replace(Call.from_record(record), received_at=datetime.now(UTC), call_id=None)
        steps = tuple(_steps(call, rng, seconds_per_word=60 / words_per_minute))
        yield TypedCall(incident_id=f"SIM-{run}-{number:05d}", begins=begins, steps=steps)


def _steps(call: Call, rng: random.Random, *, seconds_per_word: float) -> Iterator[Step]:
    """Yield the requests about one call; the questions are answered after the first note."""
    known = {name: value for name, value in call.to_record().items() if value is not None and name != "narrative"}
    unasked = {name: value for name, value in known.items() if name not in ANSWERS}
    yield Step(after=0, method="PUT", path="", body=unasked)
    words, typed, number = call.narrative.split(), 0, 0
    while typed < len(words):
        chunk = words[typed : typed + rng.randint(FEWEST_WORDS, MOST_WORDS)]
        typed, number = typed + len(chunk), number + 1
        body = {"note_id": str(number), "text": " ".join(chunk)}
        yield Step(after=typed * seconds_per_word, method="POST", path="/notes", body=body)
        if number == 1 and known != unasked:
            yield Step(after=(typed + 1) * seconds_per_word, method="PUT", path="", body=known)
    yield Step(after=(typed + 2) * seconds_per_word, method="PUT", path="", body=known | {"closed": True})
