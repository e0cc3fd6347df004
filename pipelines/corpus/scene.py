"""Scenes: the latent facts of calls, drawn before anything is written.

A note is written from these facts and the labels follow from them; neither is read off the other.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from models.programs.call_types import program_types
from pipelines.corpus.material import Material, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person whom a call is about, and where they live."""

    sex: str
    years: int
    key: str
    home: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The facts of one call; `weapon`, `medical`, `intoxication` and `police_matter` name phrases under `facts`.

    `told_as` is the scenario whose words tell the scene: a dangerous call may be told like an ordinary one.
    """

    scenario: Scenario
    told_as: Scenario
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

    @property
    def name(self) -> str:
        """Return the scenario's name."""
        return self.scenario.name

    @property
    def kind(self) -> str:
        """Return the program's call type of what is happening, which may differ from how the call came in."""
        return self.told_as.call_kind

    @property
    def borrowed(self) -> bool:
        """Return whether another scenario's words tell the scene."""
        return self.told_as is not self.scenario

    @property
    def danger(self) -> bool:
        """Return whether a weapon, violence or a threat to somebody is at the scene."""
        return self.scenario.danger

    @property
    def needs_ems(self) -> bool:
        """Return whether an ambulance is needed first."""
        return self.medical == "urgent" or self.told_as.medical

    @property
    def self_harm(self) -> bool:
        """Return whether an attempt is under way or imminent."""
        return self.told_as.self_harm

    def eligible(self, taken: frozenset[str]) -> bool:
        """Return whether a program that takes certain call types would answer: its kind, and nothing that forbids it."""
        forbidden = self.danger or self.needs_ems or self.self_harm or self.police_matter is not None
        return self.kind in taken and not forbidden


class City:
    """A city whose scenes are drawn: its zones, its people who call often, its addresses where calls recur."""

    def __init__(self, material: Material, rng: random.Random, *, calls: int) -> None:
        """Draw the city's regular callers and its busy addresses."""
        self.rng, self.zones, self.hours = rng, material.city, material.hours
        self.weights, self.shares = material.weights, material.shares
        self.scenarios = material.scenario
        self.program = [one for one in self.scenarios if one.ordinary and one.call_kind in program_types()]
        self._program_shares = [one.share for one in self.program]
        shares = [[one.share * self._shape(one, hour) for one in self.scenarios] for hour in range(24)]
        self._up_to_by_hour = [list(accumulate(hour_shares)) for hour_shares in shares]
        self._all = [zone.calls for zone in self.zones.values()]
        self._busy = [zone.calls * zone.program for zone in self.zones.values()]
        self._regulars = [self._person(f"c{number:05d}") for number in range(max(4, calls // 150))]
        self._spots = [f"spot-{number}" for number in range(max(4, calls // 60))]

    def scene(self, at: datetime, hour: int) -> Scene:
        """Return one scene at a local hour."""
        rng = self.rng
        scenario = rng.choices(self.scenarios, cum_weights=self._up_to_by_hour[hour])[0]
        program = scenario.obstacle is not None
        often = rng.random() < self.shares["regular_caller"] / (1 if program else 6)
        person = rng.choice(self._regulars) if often else self._person(f"u{rng.getrandbits(48):012x}", program=program)
        place = rng.choice(scenario.places)
        facts = self._dangerous(scenario) if scenario.danger else self._facts(scenario)
        first = facts["told_as"].first
        party = draw(rng, {key: weight for key, weight in self.weights["party"].items() if key != "first" or first})
        return Scene(
            scenario=scenario,
            at=at,
            person=person,
            caller_party=party,
            place=place,
            address=person.home if place == "home" else self._spot(),
            zone=person.zone if place == "home" else self._zone(program=program),
            language="es" if rng.random() < self.shares["spanish_caller"] else "en",
            **facts,
        )

    def _shape(self, scenario: Scenario, hour: int) -> float:
        """Return how much of a scenario's day falls into an hour."""
        shape = self.hours[scenario.hours]
        return float(shape[hour] / sum(shape))

    def _person(self, key: str, *, program: bool = True) -> Person:
        """Return a new person."""
        sex, home = draw(self.rng, self.weights["sex"]), f"home-{self.rng.getrandbits(40):010x}"
        return Person(sex=sex, years=self.rng.randrange(15, 88), key=key, home=home, zone=self._zone(program=program))

    def _zone(self, *, program: bool) -> str:
        """Return a zone; calls that a program takes crowd where the city does."""
        return str(self.rng.choices(list(self.zones), self._busy if program else self._all)[0])

    def _spot(self) -> str:
        """Return a public address; one in five is a place where calls recur."""
        return self.rng.choice(self._spots) if self.rng.random() < 0.2 else f"street-{self.rng.getrandbits(40):010x}"

    def _facts(self, scenario: Scenario) -> dict[str, Any]:
        """Return the facts of a call without danger."""
        rng, shares = self.rng, self.shares
        facts: dict[str, Any] = {"told_as": scenario}
        if rng.random() < scenario.crisis:
            facts["told_as"] = self._program_scenario()
        roll = rng.random() - shares["weapon_told_of"]
        facts["weapon"] = (
            draw(rng, self.weights["told"]) if roll < 0 else "denied" if roll < shares["weapon_denied"] else None
        )
        if scenario.ordinary and rng.random() < shares["medical_minor"]:
            facts["medical"] = "minor"
        drink = shares["drink"] if scenario.obstacle is not None else 0
        if scenario.call_kind == "intoxicated" or rng.random() < drink:
            facts["intoxication"] = draw(rng, self.weights["intoxication"])
        if rng.random() < (scenario.obstacle or 0):
            at_odds = draw(rng, self.weights["at_odds"])
            facts |= {"medical": "urgent"} if at_odds == "urgent" else {"police_matter": at_odds}
        return facts

    def _dangerous(self, scenario: Scenario) -> dict[str, Any]:
        """Return the facts of a dangerous call: many of those in crisis are told like a call that the program takes."""
        rng, told_as_program = self.rng, self.shares["danger_told_as_program"]
        if rng.random() > (told_as_program if scenario.name == "danger_in_crisis" else 0.0):
            return {"told_as": scenario, "violence": not scenario.self_harm}
        shown = draw(rng, self.weights["shown"])
        facts: dict[str, Any] = {"violence": True} if shown == "blows" else {"weapon": shown}
        return facts | {"told_as": self._program_scenario()}

    def _program_scenario(self) -> Scenario:
        """Return a scenario that one program or another takes."""
        return self.rng.choices(self.program, self._program_shares)[0]


def draw(rng: random.Random, table: Mapping[str, float]) -> str:
    """Return a key drawn by its weight."""
    return rng.choices(list(table), list(table.values()))[0]
