"""Write a synthetic corpus of labelled calls: draw scenes in the order of time, write their notes, label them, go to some.

Labels come from the scene and the program's criteria, then pass through annotators who slip; outcomes are known only where
a team went. No sentence comes from any real log.
"""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from models.call import FIELDS
from models.programs.program import Program, load_program
from pipelines.corpus.notes import Writer
from pipelines.corpus.scene import City, Scene, draw
from pipelines.settings import SynthesiseSettings

CORPUS = Path(__file__).with_name("corpus.toml")
LABELS = ("eligible", "eligible_b", "response", "adverse_event", "danger", "scenario", "caller_key", "address_key")
_CITY_TIME = ZoneInfo("America/New_York")
_START = datetime(2025, 1, 1, tzinfo=_CITY_TIME)
_SOMETIMES_MISSING = (
    "call_type", "zone", "caller_party", "language", "calls_24h", "calls_30d", "premise_hazard", "priority", "source",
)  # fmt: skip
_BY_CHANCE = 0.25
"""Share of eligible calls whose unit follows the scenario's table and no fact of the scene: who was free, who asked."""


def synthesise(
    settings: SynthesiseSettings, *, program: Program | None = None, skeletons: dict[str, set[tuple[str, ...]]] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield labelled calls in the order in which they came in; the same seed gives the same calls.

    A program's own list of call types decides which calls are eligible; Durham's where none is given. `skeletons` is
    filled with the frames of the notes, before their slots are, by scenario.
    """
    rng = random.Random(settings.seed)  # noqa: S311  reproducible, not secret
    corpus = tomllib.loads(CORPUS.read_text(encoding="utf-8"))
    writer = Writer(corpus, rng)
    if skeletons is not None:
        writer.skeletons = skeletons
    taken = (program or load_program("durham-heart")).eligible_call_types
    city = City(corpus, rng, calls=settings.calls)
    hours = corpus["hours"]["all"]
    history: dict[str, list[datetime]] = {}
    for number, at in enumerate(sorted(_moment(rng, settings.days, hours) for _ in range(settings.calls))):
        scene = city.scene(at, at.astimezone(_CITY_TIME).hour)
        earlier = history.setdefault(scene.person.key, [])
        recent = [then for then in earlier if at - then < timedelta(days=30)]
        scene = replace(scene, earlier=len(recent))
        today = sum(at - then < timedelta(days=1) for then in recent)
        yield _call(f"S{number:07d}", scene, today, writer=writer, rng=rng, taken=taken, settings=settings)
        history[scene.person.key] = [*recent, at]


def frame(settings: SynthesiseSettings) -> pd.DataFrame:
    """Return the corpus as a table with the columns of `Call` and `LABELS`."""
    return pd.DataFrame.from_records(list(synthesise(settings)), columns=[*FIELDS, *LABELS])


def _call(
    call_id: str,
    scene: Scene,
    today: int,
    *,
    writer: Writer,
    rng: random.Random,
    taken: frozenset[str],
    settings: SynthesiseSettings,
) -> dict[str, Any]:
    """Write one call and its labels."""
    truth = scene.eligible(taken)
    # Annotators disagree where a call could be the program's, hardly ever on a traffic stop, and never on a weapon.
    slip = 0.0 if scene.danger else settings.label_noise if scene.kind in taken else settings.label_noise / 15
    call_type = draw(rng, scene.scenario["types"])
    hazard, urgent = rng.random() < (0.08 if scene.danger else 0.02), scene.danger or scene.medical == "urgent"
    served = truth and rng.random() < _served(scene, settings.served_share, hazard=hazard)
    record = {
        "narrative": writer.note(scene, call_type=call_type),
        "call_id": call_id,
        "received_at": scene.at.isoformat(),
        "call_type": call_type,
        "priority": draw(rng, {"1": 6, "2": 2, "3": 1, "4": 1} if urgent else {"1": 1, "2": 3, "3": 4, "4": 3}),
        "source": _source(scene, rng),
        "zone": scene.zone,
        "caller_party": scene.caller_party,
        "language": scene.language,
        "calls_24h": today,
        "calls_30d": scene.earlier,
        "premise_hazard": hazard,
        **_answers(scene, rng),
        "eligible": truth != (rng.random() < slip),
        "eligible_b": truth != (rng.random() < slip),
        "response": _response(scene, rng, truth=truth),
        "adverse_event": rng.random() < _adverse(scene, hazard=hazard) if served else None,
        "danger": scene.danger,
        "scenario": scene.name,
        "caller_key": scene.person.key,
        "address_key": scene.address,
    }
    for column in _SOMETIMES_MISSING:
        if rng.random() < 0.1:
            record[column] = None
    return record


def _source(scene: Scene, rng: random.Random) -> str:
    """Say how the call came in: alarms by their company, staff often by the office line."""
    if scene.name == "alarm_fire" and rng.random() < 0.25:
        return "alarm"
    office = 0.45 if scene.place in {"inst", "shop"} and scene.caller_party == "third" else 0.18
    return rng.choices(("911", "admin_line", "text"), (1 - office, office, 0.02))[0]


def _answers(scene: Scene, rng: random.Random) -> dict[str, str | None]:
    """Draw the call-taker's structured answers; half of the calls have none, as in most exports."""
    if rng.random() < 0.5:
        return {"weapons_answer": None, "violence_answer": None, "medical_answer": None}
    unsure = scene.weapon in {"hearsay", "replica"}
    unsafe = rng.choices(("yes", "unknown", "not_asked"), (2, 6, 2) if unsure else (5, 3, 2))[0]
    safe = {"none": 10} if scene.weapon == "denied" else {"none": 8, "not_asked": 2}
    medical = scene.medical == "urgent" or scene.kind == "medical"
    return {
        "weapons_answer": unsafe if scene.danger else draw(rng, safe),
        "violence_answer": unsafe if scene.danger else draw(rng, {"none": 8, "not_asked": 2}),
        "medical_answer": draw(rng, {"yes": 8, "unknown": 1, "none": 1} if medical else {"none": 9, "unknown": 1}),
    }


def _response(scene: Scene, rng: random.Random, *, truth: bool) -> str:
    """Say who should answer: another service, or the unit that the scene calls for."""
    if not truth:
        if scene.medical == "urgent":
            return "ems"
        return "police" if "obstacle" in scene.scenario else draw(rng, scene.scenario["response"])
    inner = scene.kind in {"suicide_threat", "mental_health", "welfare_check"}
    if rng.random() < _BY_CHANCE:
        return draw(rng, scene.told_as["response"])
    if scene.caller_party == "first" and inner:
        return "crisis_call_diversion"  # the caller is on the line: the clinician in the centre can talk now
    if scene.place == "home" and (scene.intoxication is not None or scene.kind == "verbal_disturbance"):
        return "co_response"
    return "community_response"


def _served(scene: Scene, share: float, *, hazard: bool) -> float:
    """Return the chance that a team goes: seldom at night and where a hazard is known, so that outcomes are selected."""
    factor = (0.3 if scene.at.astimezone(_CITY_TIME).hour < 6 else 1.1) * (0.4 if hazard else 1.0)
    return min(1.0, share * factor * (0.7 if scene.intoxication and scene.place == "home" else 1.0))


def _adverse(scene: Scene, *, hazard: bool) -> float:
    """Return the chance of an adverse event where a team goes."""
    factor = (1.5 if scene.intoxication else 0.65) * (3.0 if hazard else 1.0)
    return min(1.0, float(scene.told_as["adverse"]) * factor)


def _moment(rng: random.Random, days: int, hours: list[int]) -> datetime:
    """Draw a time of the day by the ordinary shape of traffic."""
    moment = _START + timedelta(days=rng.randrange(days))
    hour = rng.choices(range(24), hours)[0]
    return moment.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60)).astimezone(UTC)
