"""Names that look like mentions: logins in the stamps of a CAD log, people after a title or a unit, streets, businesses.

A name is read as one only where its place says so: inside a stamp, after a title ("Ofc. Gunn"), before a street's or a
business's ending ("114 Shotgun Rd", "the Hammer Tavern"), or in the city's roster. "Winchester rifle" and "Officer saw a
brick" stay mentions. What is read as a name is shown with the near-misses, and counts as a mention beside any other.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.errors import InvalidConfig
from models.text.normalize import Normalised, normalise
from models.text.tokens import Word, phrase_tokens
from models.veto.rulebook import Names, Phrase

_KINDS = ("officer", "login", "street", "business")
_STAMP = re.compile(
    r"\[ ?(?:\d{1,2}/\d{1,2}/\d{2,4} )?\d{1,2}:\d{2}(?::\d{2})? ([a-z][a-z0-9._-]{0,15}) ?\]"
    r"|(?<![0-9/])\d{1,2}/\d{1,2}/\d{2,4} \d{1,2}:\d{2}:\d{2} ([a-z][a-z0-9._-]{0,15})(?= ?:| -)"
)
_UNIT = re.compile(r"\{[a-z]{0,4}[0-9][a-z0-9-]{0,8}\}")
_CLOCK = re.compile(r"(?<![0-9:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[ \t]+\Z")
_CALL_SIGN = re.compile(r"\d?[a-z]{1,2}\d{1,4}|\d{2,4}")
_HANDLING = frozenset("a an the his her their my with w has had got".split())
_NUMBER = re.compile(r"[0-9]+[a-z]?")


@dataclass(frozen=True, slots=True)
class Roster:
    """A city's names: officers' surnames, logins, streets and businesses, each as tokens of normalised text."""

    officers: frozenset[Phrase] = frozenset()
    logins: frozenset[Phrase] = frozenset()
    streets: frozenset[Phrase] = frozenset()
    businesses: frozenset[Phrase] = frozenset()

    @classmethod
    def load(cls, path: Path) -> "Roster":
        """Return the roster in a CSV file with the columns `kind` (officer, login, street or business) and `name`.

        Raises `InvalidConfig` for a file that cannot be read, another column or another kind.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise InvalidConfig("roster cannot be read", value=str(path), remedy="give a CSV file in UTF-8") from None
        rows = list(csv.DictReader(text.splitlines()))
        if rows and not {"kind", "name"} <= set(rows[0]):
            raise InvalidConfig("roster lacks a column", value=sorted(map(str, rows[0])), remedy="name them kind and name")
        unknown = next((row["kind"] for row in rows if row["kind"] not in _KINDS), None)
        if unknown is not None:
            raise InvalidConfig("roster has an unknown kind", value=unknown, remedy=f"use {', '.join(_KINDS)}")
        names = {kind: frozenset(_phrases(row["name"] for row in rows if row["kind"] == kind)) for kind in _KINDS}
        return cls(names["officer"], names["login"], names["street"], names["business"])


class Setting:
    """One note as its names are read; what few notes need is worked out when it is first asked for."""

    def __init__(self, words: Sequence[Word], note: Normalised, narrative: str) -> None:
        """Store the words of the normalised note, and the note as it was written."""
        self.words, self.text = words, note.text
        self._note, self._narrative = note, narrative

    def word(self, place: int) -> str:
        """Return the word at an index, or nothing beyond the ends."""
        return self.words[place].text if 0 <= place < len(self.words) else ""

    def is_capitalised(self, place: int) -> bool:
        """Return whether a word was written with a capital and small letters in a note that is written in sentences."""
        written = self._written(place)
        return written[:1].isupper() and written[1:].islower() and self._mixed_case

    @cached_property
    def stamped(self) -> frozenset[int]:
        """Places in the normalised text that lie inside a stamp's login or a unit's braces."""
        return frozenset(_stamped(self.text))

    @cached_property
    def _mixed_case(self) -> bool:
        """Whether fewer than half of the words begin with a capital."""
        capitals = sum(self._written(place)[:1].isupper() for place in range(len(self.words)))
        return 2 * capitals < len(self.words)

    def _written(self, place: int) -> str:
        """Return the word at an index in the case that it was typed in."""
        start, end = self._note.span(self.words[place].start, self.words[place].end)
        return self._narrative[start:end]


class NameReader:
    """The names of a rulebook and of a city's roster; safe to share between threads."""

    def __init__(self, names: Names, roster: Roster | None = None) -> None:
        """Store the closed lists and the roster."""
        self._names = names
        self._roster = roster or Roster()
        single = (*self._roster.officers, *self._roster.logins)
        self._people = frozenset(name[-1] for name in single if name)
        self._places = frozenset(name[0] for name in self._roster.streets if len(name) == 1)
        self.phrases = frozenset(
            name
            for group in (self._roster.officers, self._roster.streets, self._roster.businesses)
            for name in group
            if len(name) > 1 or group is self._roster.businesses
        )

    def is_name(self, setting: Setting, start: int, end: int, *, exact: bool) -> bool:
        """Return whether the words from index `start` to `end` are a name; `exact` says that they are a rule's own words."""
        if setting.stamped and setting.words[start].start in setting.stamped:
            return True
        if end - start != 1:
            return False
        return (
            _is_initials(setting.words[start], setting.text, self._names.never_initials)
            or self._is_person(setting, start, exact=exact)
            or self._is_street(setting, start)
            or self._is_business(setting, start)
        )

    def _is_person(self, setting: Setting, place: int, *, exact: bool) -> bool:
        """Return whether a word is a surname: after a title or a call sign, or the roster's and no rule's own word."""
        word, before = setting.word(place), setting.word(place - 1)
        rostered = word in self._people
        if rostered and not exact:
            return True
        if not (rostered or word in self._names.surnames) or self._before_weapon(setting, place):
            return False
        if before in self._names.titles:
            return rostered or not exact or setting.is_capitalised(place)
        if not exact and before and before not in _HANDLING and setting.is_capitalised(place):
            return True
        reports = _CALL_SIGN.fullmatch(before) is not None or setting.word(place + 1) in self._names.reports
        return rostered and reports

    def _is_street(self, setting: Setting, place: int) -> bool:
        """Return whether a word names a street: a number or "on", "at" before it and an ending after it, or the roster."""
        word, before = setting.word(place), setting.word(place - 1)
        listed = word in self._places
        if not listed and setting.word(place + 1) not in self._names.street_endings:
            return False
        if before not in self._names.at and _NUMBER.fullmatch(before) is None:
            return False
        return word not in self._names.never_streets and not self._before_weapon(setting, place)

    def _is_business(self, setting: Setting, place: int) -> bool:
        """Return whether a capitalised word and a capitalised ending name a business in a note written in sentences."""
        if setting.word(place + 1) not in self._names.business_endings:
            return False
        return setting.is_capitalised(place) and setting.is_capitalised(place + 1)

    def _before_weapon(self, setting: Setting, place: int) -> bool:
        """Return whether one of the next two words is a weapon's own: "Winchester rifle"."""
        return any(setting.word(after) in self._names.weapon_nouns for after in (place + 1, place + 2))


def _stamped(text: str) -> Iterator[int]:
    """Yield the places of logins in stamps and of units in braces."""
    if "[" in text or "/" in text:
        for match in _STAMP.finditer(text):
            yield from range(match.start(match.lastindex or 0), match.end(match.lastindex or 0))
    if "{" in text:
        for match in _UNIT.finditer(text):
            yield from range(match.start(), match.end())


def _is_initials(word: Word, text: str, never: frozenset[str]) -> bool:
    """Return whether a short word is a typist's initials in a CAD log: after a clock time and before a colon."""
    if word.text in never or not 2 <= len(word.text) <= 3 or text[word.end : word.end + 1] != ":":
        return False
    return _CLOCK.search(text, max(0, word.start - 12), word.start) is not None


def _phrases(names: Iterable[str]) -> Iterator[Phrase]:
    """Yield names as tokens of normalised text."""
    for name in names:
        tokens = phrase_tokens(normalise(name).text)
        if tokens:
            yield tokens
