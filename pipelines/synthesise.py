"""Write a synthetic corpus of labelled calls, drawn from a latent scenario and never from the words.

A scenario says what is happening; the note is then written in one of the ways in which call-takers write, and the labels
follow from the scenario, not from the note, with an annotator's slips. No sentence comes from any real log.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from models.call import FIELDS
from models.call_types import program_types
from models.program import Program
from pipelines.config import SynthesiseSettings

CORPUS = Path(__file__).with_name("corpus.toml")
LABELS = ("eligible", "eligible_b", "response", "adverse_event", "danger", "scenario", "caller_key")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_START = datetime(2025, 1, 1, tzinfo=ZoneInfo("America/New_York"))
# Calls by hour of the day rise from four in the morning to six in the evening: the ordinary shape of 911 traffic.
_HOURS = (30, 24, 20, 17, 15, 17, 23, 33, 42, 47, 51, 54, 57, 58, 60, 64, 67, 68, 66, 62, 57, 52, 45, 37)
_ZONES = tuple(f"D{number}" for number in range(1, 6))
_DAYS = ("2 days", "3 days", "a week", "over a week", "since yesterday", "10 days", "several days", "since monday")
_ASIDES = {"neutral": 0.06, "correction": 0.06, "herring": 0.06, "contradiction": 0.04, "elsewhere": 0.005}
_THIN, _SPANISH, _NOT_TAKEN = 0.03, 0.7, 0.02
_SHORT = {
    "subject": "subj", "apartment": "apt", "building": "bldg", "possible": "poss", "unknown": "unk", "sleeping": "slpg",
    "intoxicated": "intox", "female": "f", "male": "m", "with": "w/", "vehicle": "veh", "wearing": "wrg", "people": "ppl",
    "refusing": "refus", "business": "bus", "parking": "pkg", "requests": "req", "hospital": "hosp", "about": "abt",
}  # fmt: skip


def synthesise(
    settings: SynthesiseSettings, *, program: Program | None = None, skeletons: dict[str, set[tuple[str, ...]]] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield labelled calls in the order in which they came in; the same seed gives the same calls.

    A program's own list of call types decides which scenarios are eligible; Durham's where none is given. `skeletons` is
    filled with the frames of the notes, before their slots are, by scenario.
    """
    rng = random.Random(settings.seed)  # noqa: S311  reproducible, not secret
    corpus = tomllib.loads(CORPUS.read_text(encoding="utf-8"))
    writer = _Writer(corpus, rng)
    if skeletons is not None:
        writer.skeletons = skeletons
    taken = None if program is None else program.eligible_call_types
    scenarios = [_for_program(scenario, taken) for scenario in corpus["scenario"]]
    weights = [scenario["share"] for scenario in scenarios]
    times = sorted(_moment(rng, settings.days) for _ in range(settings.calls))
    regulars = [f"c{rng.getrandbits(48):012x}" for _ in range(max(4, settings.calls // 150))]
    history: dict[str, list[datetime]] = {}
    for number, (at, scenario) in enumerate(zip(times, rng.choices(scenarios, weights, k=settings.calls), strict=True)):
        yield _call(number, at, scenario, writer=writer, rng=rng, regulars=regulars, history=history, settings=settings)


def _for_program(scenario: dict[str, Any], taken: frozenset[str] | None) -> dict[str, Any]:
    """Return a scenario with its chance of being eligible under a program that takes certain call types."""
    if taken is None or scenario["name"] in taken or scenario["name"] not in program_types():
        return scenario
    return scenario | {"eligible": _NOT_TAKEN}


def frame(settings: SynthesiseSettings) -> pd.DataFrame:
    """Return the corpus as a table with the columns of `Call` and `LABELS`."""
    return pd.DataFrame.from_records(list(synthesise(settings)), columns=[*FIELDS, *LABELS])


def _call(
    number: int,
    at: datetime,
    scenario: dict[str, Any],
    *,
    writer: "_Writer",
    rng: random.Random,
    regulars: list[str],
    history: dict[str, list[datetime]],
    settings: SynthesiseSettings,
) -> dict[str, Any]:
    """Draw one call and its labels."""
    danger = bool(scenario.get("danger", False))
    repeat = scenario["eligible"] > 0.5 and rng.random() < 0.25
    caller = rng.choice(regulars) if repeat else f"u{rng.getrandbits(48):012x}"
    earlier = history.setdefault(caller, [])
    truth = rng.random() < scenario["eligible"]
    # Annotators disagree where a call could be the program's, hardly ever on a traffic stop.
    slip = settings.label_noise if scenario["eligible"] > 0.5 else settings.label_noise / 15
    eligible = truth != (rng.random() < slip and not danger)
    served = truth and rng.random() < settings.served_share
    answers = _answers(rng, danger=danger, medical=scenario["name"] == "medical")
    language = "es" if rng.random() < 0.06 else "en"
    screened = answers["weapons_answer"] == "none" and rng.random() < 0.2
    record = {
        "narrative": writer.note(scenario, at=at, screened=screened, language=language),
        "call_id": f"S{number:07d}",
        "received_at": at.isoformat(),
        "call_type": _weighted(rng, scenario["types"]),
        "priority": str(rng.choices((1, 2, 3, 4), (6, 2, 1, 1) if danger else (1, 3, 4, 3))[0]),
        "source": rng.choices(("911", "admin_line", "text", "alarm"), (70, 27, 2, 1))[0],
        "zone": rng.choice(_ZONES),
        "caller_party": rng.choices(("first", "second", "third", "unknown"), (2, 3, 6, 1))[0],
        "language": language,
        "calls_24h": sum(at - then < timedelta(days=1) for then in earlier),
        "calls_30d": sum(at - then < timedelta(days=30) for then in earlier),
        "premise_hazard": rng.random() < (0.08 if danger else 0.02),
        **answers,
        "eligible": eligible,
        "eligible_b": truth != (rng.random() < slip and not danger),
        "response": _weighted(rng, scenario["response"]) if truth or not scenario["eligible"] > 0.5 else "police",
        "adverse_event": (rng.random() < scenario["adverse"]) if served else None,
        "danger": danger,
        "scenario": scenario["name"],
        "caller_key": caller,
    }
    earlier.append(at)
    for field in ("zone", "caller_party", "language", "calls_24h", "calls_30d", "premise_hazard", "priority", "source"):
        if rng.random() < 0.1:
            record[field] = None
    return record


def _answers(rng: random.Random, *, danger: bool, medical: bool) -> dict[str, str | None]:
    """Draw the call-taker's structured answers; half of the calls have none, as in most exports."""
    if rng.random() < 0.5:
        return {"weapons_answer": None, "violence_answer": None, "medical_answer": None}
    unsafe = rng.choices(("yes", "unknown", "not_asked"), (5, 3, 2))[0]
    return {
        "weapons_answer": unsafe if danger else rng.choices(("none", "not_asked"), (8, 2))[0],
        "violence_answer": unsafe if danger else rng.choices(("none", "not_asked"), (8, 2))[0],
        "medical_answer": rng.choices(("yes", "unknown", "none"), (8, 1, 1) if medical else (0, 1, 9))[0],
    }


def _moment(rng: random.Random, days: int) -> datetime:
    """Draw a time of day by the ordinary shape of traffic."""
    hour = rng.choices(range(24), _HOURS)[0]
    moment = _START + timedelta(days=rng.randrange(days))
    return moment.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60)).astimezone(UTC)


def _weighted(rng: random.Random, table: dict[str, int]) -> str:
    """Draw a key by its weight."""
    return rng.choices(list(table), list(table.values()))[0]


class _Writer:
    """Write notes the way call-takers do."""

    def __init__(self, corpus: dict[str, Any], rng: random.Random) -> None:
        """Keep the slots and the styles."""
        self.slots: dict[str, list[str]] = corpus["slots"] | {"days": list(_DAYS)}
        self.style: dict[str, list[str]] = corpus["style"]
        self.rng = rng
        self.skeletons: dict[str, set[tuple[str, ...]]] = {}

    def note(self, scenario: dict[str, Any], *, at: datetime, screened: bool, language: str) -> str:
        """Write one note in one of the styles: a line, a report, shorthand, or a log of entries."""
        rng = self.rng
        style = rng.choices(("line", "log", "cad", "entries"), (35, 30, 20, 15))[0]
        frame = [rng.choice(self.style["thin"] if rng.random() < _THIN else scenario["cores"])]
        frame += [rng.choice(self.style["tail"]) for _ in range(rng.choice((0, 0, 1, 2)))]
        frame += [rng.choice(self.style[name]) for name, share in _ASIDES.items() if rng.random() < share]
        frame += [rng.choice(self.style["spanish"])] if language == "es" and rng.random() < _SPANISH else []
        frame += [rng.choice(self.style["screening"])] if screened else []
        opener = rng.choice(self.style[style]) if style in {"log", "cad"} else ""
        self.skeletons.setdefault(scenario["name"], set()).add((style, opener, *frame))
        core, *tails = (self._fill(part) for part in frame)
        if style == "entries":
            return self._entries([core, *tails], at)
        if style == "log":
            text = ". ".join([f"{self._fill(opener)} {core}", *(tail.capitalize() for tail in tails)]) + "."
        elif style == "cad":
            text = self._shorten(", ".join([f"{self._fill(opener)} {core}", *tails]))
        else:
            place = f" at {self._fill('{place}')}" if rng.random() < 0.3 else ""
            text = ", ".join([core[:1].upper() + core[1:] + place, *tails])
        return self._dirty(text)

    def _fill(self, text: str) -> str:
        """Replace each slot by one of its phrases, until none is left."""
        while "{" in text:
            text = _SLOT.sub(lambda match: self.rng.choice(self.slots[match.group(1)]), text)
        return text

    def _entries(self, parts: list[str], at: datetime) -> str:
        """Write a log: each entry with its time and the typist's initials."""
        lines = []
        for part in parts:
            at += timedelta(seconds=self.rng.randrange(10, 240))
            initials = "".join(self.rng.choices("ABCDEFGHJKLMNPRSTW", k=2))
            lines.append(f"{at:%H:%M:%S} {initials}: {self._shorten(part)}")
        return self._dirty("\n".join(lines))

    def _shorten(self, text: str) -> str:
        """Abbreviate some words as CAD typists do."""
        return " ".join(_SHORT.get(word, word) if self.rng.random() < 0.4 else word for word in text.split(" "))

    def _dirty(self, text: str) -> str:
        """Shout, slip or cut off now and then."""
        rng = self.rng
        if rng.random() < 0.3:
            text = text.upper()
        if rng.random() < 0.12 and len(text) > 12:
            place = rng.randrange(1, len(text) - 2)
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        return text[: rng.randrange(30, 120)] if rng.random() < 0.02 else text
