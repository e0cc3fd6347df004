"""The synthetic corpus of labelled calls: scenes drawn in the order of time, their notes, their labels, and outcomes.

Labels follow from the scene and the program's criteria and then pass through annotators who slip; outcomes are known only
where a team went. No sentence comes from any real log.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from models.call import FIELDS
from models.programs.program import Program, load_program
from pipelines.corpus.material import Material, load_material
from pipelines.corpus.notes import Writer
from pipelines.corpus.scene import City, Scene, draw
from pipelines.settings import SynthesiseSettings

LABELS = (
    "eligible", "eligible_b", "response", "adverse_event", "danger", "medical", "self_harm", "scenario", "style",
    "caller_key", "address_key",
)  # fmt: skip
"""The columns that a labelled call has beside those of `Call`."""

_CITY_TIME = ZoneInfo("America/New_York")
_START = datetime(2025, 1, 1, tzinfo=_CITY_TIME)
_SOMETIMES_MISSING = (
    "zone", "caller_party", "language", "calls_24h", "calls_30d", "premise_hazard", "priority", "source",
)  # fmt: skip


def synthesise(
    settings: SynthesiseSettings, *, program: Program | None = None, skeletons: dict[str, set[tuple[str, ...]]] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield labelled calls in the order in which they came in; the same seed gives the same calls.

    A program's own list of call types decides which calls are eligible; Durham's where none is given. `skeletons` is
    filled with the frames of the notes, before their slots are, by scenario.
    """
    rng = random.Random(settings.seed)  # noqa: S311  reproducible, not secret
    material = load_material()
    writer = Writer(material, rng)
    if skeletons is not None:
        writer.skeletons = skeletons
    taken = (program or load_program("durham-heart")).eligible_call_types
    city = City(material, rng, calls=settings.calls)
    hours = material.hours["all"]
    history: dict[str, list[datetime]] = {}
    for number, at in enumerate(sorted(_moment(rng, settings.days, hours) for _ in range(settings.calls))):
        scene = city.scene(at, at.astimezone(_CITY_TIME).hour)
        earlier = history.setdefault(scene.person.key, [])
        recent = [then for then in earlier if at - then < timedelta(days=30)]
        scene = replace(scene, earlier=len(recent))
        today = sum(at - then < timedelta(days=1) for then in recent)
        yield _call(f"S{number:07d}", scene, today, writer=writer, taken=taken, settings=settings)
        history[scene.person.key] = [*recent, at]


def frame(settings: SynthesiseSettings) -> pd.DataFrame:
    """Return the corpus as a table with the columns of `Call` and `LABELS`."""
    return pd.DataFrame.from_records(list(synthesise(settings)), columns=[*FIELDS, *LABELS])


def _call(
    call_id: str, scene: Scene, today: int, *, writer: Writer, taken: frozenset[str], settings: SynthesiseSettings
) -> dict[str, Any]:
    """Return one call and its labels."""
    rng, material = writer.rng, writer.material
    urgent = scene.danger or scene.needs_ems or scene.self_harm
    hazard = rng.random() < (0.08 if scene.danger else 0.02)
    call_type = _call_type(scene, material, rng)
    narrative, style = writer.note(scene, call_type=call_type)
    record = {
        "narrative": narrative,
        "call_id": call_id,
        "received_at": scene.at.isoformat(),
        "call_type": None if rng.random() < material.shares["type_missing"] else call_type,
        "priority": draw(rng, {"1": 6, "2": 2, "3": 1, "4": 1} if urgent else {"1": 1, "2": 3, "3": 4, "4": 3}),
        "source": _source(scene, rng),
        "zone": scene.zone,
        "caller_party": scene.caller_party,
        "language": scene.language,
        "calls_24h": today,
        "calls_30d": scene.earlier,
        "premise_hazard": hazard,
        **_answers(scene, rng),
        **_labels(scene, material, rng, taken=taken, settings=settings, hazard=hazard),
        "style": style,
    }
    for column in _SOMETIMES_MISSING:
        if rng.random() < material.shares["field_missing"]:
            record[column] = None
    return record


def _labels(
    scene: Scene,
    material: Material,
    rng: random.Random,
    *,
    taken: frozenset[str],
    settings: SynthesiseSettings,
    hazard: bool,
) -> dict[str, Any]:
    """Return the labels of a scene, as two annotators and the outcome give them."""
    truth = scene.eligible(taken)
    # Annotators disagree where a call could be the program's, hardly ever on a traffic stop, and never on a danger.
    certain = scene.danger or scene.self_harm
    slip = 0.0 if certain else settings.label_noise / (1 if scene.kind in taken and not scene.told_as.medical else 15)
    served = truth and rng.random() < _served(scene, settings.served_share, hazard=hazard)
    return {
        "eligible": truth != (rng.random() < slip),
        "eligible_b": truth != (rng.random() < slip),
        "response": _response(scene, rng, truth=truth, by_chance=material.shares["response_by_chance"]),
        "adverse_event": rng.random() < _adverse(scene, hazard=hazard) if served else None,
        "danger": scene.danger,
        "medical": scene.needs_ems,
        "self_harm": scene.self_harm,
        "scenario": scene.name,
        "caller_key": scene.person.key,
        "address_key": scene.address,
    }


def _call_type(scene: Scene, material: Material, rng: random.Random) -> str:
    """Return the call type that a call-taker chose: often one that says nothing, spelled as one agency or another does."""
    generic = rng.random() < material.shares["type_generic"]
    name = rng.choice(material.call_types["generic"]) if generic else draw(rng, scene.scenario.types)
    variants = material.call_types.get(name)
    return rng.choice(variants) if variants and rng.random() < material.shares["type_variant"] else name


def _source(scene: Scene, rng: random.Random) -> str:
    """Return how the call came in: alarms by their company, staff often by the office line."""
    if scene.name == "alarm_fire" and rng.random() < 0.25:
        return "alarm"
    office = 0.45 if scene.place in {"inst", "shop"} and scene.caller_party == "third" else 0.18
    return rng.choices(("911", "admin_line", "text"), (1 - office, office, 0.02))[0]


def _answers(scene: Scene, rng: random.Random) -> dict[str, str | None]:
    """Return the call-taker's structured answers; half of the calls have none, as in most exports."""
    if rng.random() < 0.5:
        return {"weapons_answer": None, "violence_answer": None, "medical_answer": None}
    unsure = scene.weapon in {"hearsay", "replica"}
    unsafe = rng.choices(("yes", "unknown", "not_asked"), (2, 6, 2) if unsure else (5, 3, 2))[0]
    safe = {"none": 10} if scene.weapon == "denied" else {"none": 8, "not_asked": 2}
    return {
        "weapons_answer": unsafe if scene.danger else draw(rng, safe),
        "violence_answer": unsafe if scene.danger else draw(rng, {"none": 8, "not_asked": 2}),
        "medical_answer": draw(rng, {"yes": 8, "unknown": 1, "none": 1} if scene.needs_ems else {"none": 9, "unknown": 1}),
    }


def _response(scene: Scene, rng: random.Random, *, truth: bool, by_chance: float) -> str:
    """Return who should answer: another service, or the unit that the scene calls for."""
    if not truth:
        return _other_service(scene, rng)
    inner = scene.kind in {"suicide_threat", "mental_health", "welfare_check"}
    if scene.caller_party == "first" and inner:
        return "crisis_call_diversion"  # the caller is on the line: the clinician in the centre can talk now
    if rng.random() < by_chance:
        return draw(rng, scene.told_as.response)
    if scene.place == "home" and (scene.intoxication is not None or scene.kind == "verbal_disturbance"):
        return "co_response"
    return "community_response"


def _other_service(scene: Scene, rng: random.Random) -> str:
    """Return who answers a call that is not the program's: an attempt is a co-response's unless an ambulance comes first."""
    if scene.medical == "urgent":
        return "ems"
    return "police" if scene.scenario.obstacle is not None else draw(rng, scene.scenario.response)


def _served(scene: Scene, share: float, *, hazard: bool) -> float:
    """Return the chance that a team goes: seldom at night and where a hazard is known, so that outcomes are selected."""
    factor = (0.3 if scene.at.astimezone(_CITY_TIME).hour < 6 else 1.1) * (0.4 if hazard else 1.0)
    return min(1.0, share * factor * (0.7 if scene.intoxication and scene.place == "home" else 1.0))


def _adverse(scene: Scene, *, hazard: bool) -> float:
    """Return the chance of an adverse event where a team goes."""
    factor = (1.5 if scene.intoxication else 0.65) * (3.0 if hazard else 1.0)
    return min(1.0, scene.told_as.adverse * factor)


def _moment(rng: random.Random, days: int, hours: list[float]) -> datetime:
    """Return a time of the day drawn by the ordinary shape of traffic."""
    moment = _START + timedelta(days=rng.randrange(days))
    hour = rng.choices(range(24), hours)[0]
    return moment.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60)).astimezone(UTC)
