"""Draw the latent facts of a call: who calls, about whom, what is happening, where, when, and what endangers it.

The note is written from these facts and the labels follow from them; neither is read off the other.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.programs.call_types import program_types

Scenario = dict[str, Any]

_SEX = {"m": 47, "f": 41, "n": 12}
_PARTY = {"third": 6, "second": 3, "first": 2}
_DENIED, _TOLD_OF, _BORROWED, _REGULAR, _SPANISH_SPEAKING = 0.14, 0.008, 0.45, 0.25, 0.06
_TOLD = {"remembered": 3, "elsewhere": 5, "toy": 2}
_SHOWN = {"asserted": 12, "hearsay": 2, "replica": 1, "corrected": 2, "blows": 8}
_MEDICAL_SHARE, _DRINK_SHARE = 0.05, 0.07
_AT_ODDS = {"urgent": 3, "charges": 4, "order": 2, "officer": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Hold whom a call is about, and where they live."""

    sex: str
    years: int
    key: str
    home: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Hold the facts of one call; `weapon`, `medical`, `intoxication` and `police_matter` name lists of `facts`."""

    scenario: Scenario
    at: datetime
    person: Person
    caller_party: str
    place: str
    address: str
    zone: str
    language: str
    earlier: int = 0
    weapon: str | None = None
    violence: bool = False
    medical: str | None = None
    intoxication: str | None = None
    police_matter: str | None = None
    told_as: Scenario = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the scenario's name."""
        return str(self.scenario["name"])

    @property
    def danger(self) -> bool:
        """Tell whether someone is in danger: a weapon at hand, force or a threat."""
        return bool(self.scenario.get("danger", False))

    @property
    def kind(self) -> str:
        """Return what is happening, which may be another kind of call than the one it came in as."""
        return str(self.told_as["name"])

    def eligible(self, taken: frozenset[str]) -> bool:
        """Tell whether a program that takes certain call types would answer: its kind, and nothing that forbids it."""
        forbidden = self.danger or self.medical == "urgent" or self.police_matter is not None
        return self.kind in taken and not forbidden


class City:
    """Draw scenes of one city: its zones, its people who call often, its addresses where calls recur."""

    def __init__(self, corpus: dict[str, Any], rng: random.Random, *, calls: int) -> None:
        """Settle the city's regular callers and its busy addresses."""
        self.rng, self.zones, self.hours = rng, corpus["city"], corpus["hours"]
        self.scenarios: list[Scenario] = corpus["scenario"]
        self.program = [scenario for scenario in self.scenarios if scenario["name"] in program_types()]
        self._by_hour = [[s["share"] * self._shape(s, hour) for s in self.scenarios] for hour in range(24)]
        self._all = [zone["calls"] for zone in self.zones.values()]
        self._busy = [zone["calls"] * zone["program"] for zone in self.zones.values()]
        self._regulars = [self._person(f"c{number:05d}") for number in range(max(4, calls // 150))]
        self._spots = [f"spot-{number}" for number in range(max(4, calls // 60))]

    def scene(self, at: datetime, hour: int) -> Scene:
        """Draw one scene at a local hour."""
        rng = self.rng
        scenario = rng.choices(self.scenarios, self._by_hour[hour])[0]
        program = "obstacle" in scenario
        often = rng.random() < (_REGULAR if program else _REGULAR / 6)
        person = rng.choice(self._regulars) if often else self._person(f"u{rng.getrandbits(48):012x}", program=program)
        place = rng.choice(scenario["places"])
        facts = self._danger(scenario) if scenario.get("danger") else self._facts(scenario)
        told = facts["told_as"]
        party = draw(rng, {key: n for key, n in _PARTY.items() if key != "first" or told["first"]})
        return Scene(
            scenario=scenario,
            at=at,
            person=person,
            caller_party=party,
            place=place,
            address=person.home if place == "home" else self._spot(),
            zone=person.zone if place == "home" else self._zone(program=program),
            language="es" if rng.random() < _SPANISH_SPEAKING else "en",
            **facts,
        )

    def _shape(self, scenario: Scenario, hour: int) -> float:
        """Return how much of a scenario's day falls into an hour."""
        shape = self.hours[scenario["hours"]]
        return float(shape[hour] / sum(shape))

    def _person(self, key: str, *, program: bool = True) -> Person:
        """Make somebody up."""
        sex, home = draw(self.rng, _SEX), f"home-{self.rng.getrandbits(40):010x}"
        return Person(sex=sex, years=self.rng.randrange(15, 88), key=key, home=home, zone=self._zone(program=program))

    def _zone(self, *, program: bool) -> str:
        """Draw a zone; calls that a program takes crowd where the city does."""
        return str(self.rng.choices(list(self.zones), self._busy if program else self._all)[0])

    def _spot(self) -> str:
        """Draw a public address; one in five is a place where calls recur."""
        return self.rng.choice(self._spots) if self.rng.random() < 0.2 else f"street-{self.rng.getrandbits(40):010x}"

    def _facts(self, scenario: Scenario) -> dict[str, Any]:
        """Draw the facts of a call without danger."""
        rng = self.rng
        facts: dict[str, Any] = {"told_as": scenario}
        if rng.random() < scenario.get("crisis", 0.0):
            facts["told_as"] = rng.choice(self.program)
        roll = rng.random()
        facts["weapon"] = draw(rng, _TOLD) if roll < _TOLD_OF else "denied" if roll < _TOLD_OF + _DENIED else None
        if rng.random() < _MEDICAL_SHARE:
            facts["medical"] = "minor"
        if scenario["name"] == "intoxicated" or rng.random() < _DRINK_SHARE * ("obstacle" in scenario):
            facts["intoxication"] = draw(rng, {"alcohol": 3, "drugs": 1})
        if rng.random() < scenario.get("obstacle", 0.0):
            at_odds = draw(rng, _AT_ODDS)
            facts |= {"medical": "urgent"} if at_odds == "urgent" else {"police_matter": at_odds}
        return facts

    def _danger(self, scenario: Scenario) -> dict[str, Any]:
        """Draw the facts of a dangerous call: half begin like a call that the program takes."""
        rng = self.rng
        if rng.random() > (_BORROWED if scenario["name"] == "danger_in_crisis" else 0.0):
            return {"told_as": scenario, "violence": scenario["name"] == "violence"}
        shown = draw(rng, _SHOWN)
        facts = {"violence": True} if shown == "blows" else {"weapon": shown}
        return {"told_as": rng.choice(self.program)} | facts


def draw(rng: random.Random, table: dict[str, int]) -> str:
    """Draw a key by its weight."""
    return rng.choices(list(table), list(table.values()))[0]
