"""The signals that a note may hold, read from `signals.toml` and from what a city adds.

The file is data that a clinician can read and argue with: every signal has its sentence, its wording in English and
Spanish, its near-misses, the reason why it is there, and notes that it must and must not fire on, which are its tests.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidLexicon
from models.signals.patterns import Expander, Pattern, phrase_of

LEXICON_PATH = Path(__file__).with_name("signals.toml")

_Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
_Text = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    """A table of the file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupEntry(_Table):
    """A group of signals; `program` says whether calls of this kind are the program's own."""

    id: _Id
    title: _Text
    program: bool


class SignalEntry(_Table):
    """A signal as it is written in the file; `source` names where its wording is published, `reason` why it matters."""

    id: _Id
    group: _Id
    sentence: _Text
    reason: _Text
    source: _Text | None = None
    patterns: Annotated[tuple[_Text, ...], Field(min_length=1)]
    spanish: tuple[_Text, ...] = ()
    near_misses: tuple[_Text, ...] = ()
    fires: Annotated[tuple[_Text, ...], Field(min_length=5)]
    silent: Annotated[tuple[_Text, ...], Field(min_length=3)]


class LexiconFile(_Table):
    """A whole file of signals, or a city's additions, which may leave out everything but `signal`."""

    version: str = ""
    lists: Mapping[str, tuple[str, ...]] = {}
    ordinary: tuple[_Text, ...] = ()
    group: tuple[GroupEntry, ...] = ()
    signal: tuple[SignalEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalDefinition:
    """A signal with its patterns expanded."""

    id: str
    group: str
    sentence: str
    reason: str
    source: str | None
    patterns: tuple[Pattern, ...]
    near_misses: tuple[Pattern, ...]
    fires: tuple[str, ...]
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every signal and group. `version` joins the file's own version and 12 digits of the SHA-256 of all that was read."""

    version: str
    groups: Mapping[str, GroupEntry]
    signals: tuple[SignalDefinition, ...]
    ordinary: frozenset[str]

    def in_program(self, group: str) -> bool:
        """Return whether signals of a group speak for a call of the program's own kind."""
        return self.groups[group].program


def load_lexicon(*additions: Path | Mapping[str, Any]) -> Lexicon:
    """Return the shipped signals and a city's additions, given as paths of TOML files or as tables already read.

    A program's `signals` is such a table; an empty one adds nothing.

    Raises
    ------
    InvalidLexicon
        A file cannot be read, has an unknown key or a wrong value, or two signals share an id.

    """
    tables = [table for table in map(_table, additions) if table]
    return _lexicon([_shipped(), *tables]) if tables else _cached()


@lru_cache(maxsize=1)
def _cached() -> Lexicon:
    """Return the shipped signals; they are expanded once."""
    return _lexicon([_shipped()])


def _shipped() -> dict[str, Any]:
    """Return the parsed file of the package."""
    return _table(LEXICON_PATH)


def _table(addition: Path | Mapping[str, Any]) -> dict[str, Any]:
    """Return an addition as a table."""
    if not isinstance(addition, Path):
        return dict(addition)
    try:
        text = addition.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidLexicon("signals cannot be read", value=f"{addition.name}: {type(error).__name__}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidLexicon(f"{addition.name} is not TOML", value=str(error), remedy="mend the line it names") from None


def _lexicon(tables: list[dict[str, Any]]) -> Lexicon:
    """Join files into a lexicon; a later file may add to lists and groups, and replaces none."""
    files = [_validated(table) for table in tables]
    lists: dict[str, tuple[str, ...]] = {}
    for file in files:
        for name, entries in file.lists.items():
            lists[name] = (*lists.get(name, ()), *entries)
    groups = {group.id: group for file in files for group in file.group}
    written = [entry for file in files for entry in file.signal]
    _no_repeats((group.id for file in files for group in file.group), what="groups")
    _no_repeats((entry.id for entry in written), what="signals")
    expander = Expander(lists)
    return Lexicon(
        version=f"{files[0].version}+{_digest(tables)[:12]}",
        groups=groups,
        signals=tuple(_definition(entry, groups, expander) for entry in written),
        ordinary=frozenset(word for file in files for text in file.ordinary for word in phrase_of(text)),
    )


def _validated(table: Mapping[str, Any]) -> LexiconFile:
    """Validate one file; raise `InvalidLexicon` naming the signal and the key."""
    try:
        return LexiconFile.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidLexicon(
            f"signals: {_named(table, first['loc'])}{place}: {first['msg']}",
            value=first.get("input"),
            remedy="mend the entry",
        ) from None


def _named(table: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """Return the id of the signal in which validation failed, to stand before the place."""
    if len(loc) < 2 or loc[0] != "signal" or not isinstance(loc[1], int):
        return ""
    entry = table["signal"][loc[1]]
    return f"{entry['id']}, " if isinstance(entry, Mapping) and "id" in entry else ""


def _definition(entry: SignalEntry, groups: Mapping[str, GroupEntry], expander: Expander) -> SignalDefinition:
    """Expand one signal."""
    if entry.group not in groups:
        raise InvalidLexicon(f"{entry.id} has no such group", value=entry.group, remedy="add it as a [[group]]")
    patterns = tuple(expander.pattern(text, where=entry.id) for text in (*entry.patterns, *entry.spanish))
    near_misses = tuple(expander.pattern(text, where=entry.id) for text in entry.near_misses)
    excused = frozenset(phrase for near in near_misses if len(near.segments) == 1 for phrase in near.segments[0])
    for text, pattern in zip((*entry.patterns, *entry.spanish), patterns, strict=True):
        if len(pattern.segments) == 1 and pattern.segments[0] <= excused:
            raise InvalidLexicon(f"{entry.id} both lists and excuses a pattern", value=text, remedy="remove one")
    return SignalDefinition(
        entry.id, entry.group, entry.sentence, entry.reason, entry.source, patterns, near_misses, entry.fires, entry.silent
    )


def _no_repeats(ids: Iterable[str], *, what: str) -> None:
    """Refuse two entries of one id."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidLexicon(f"two {what} share an id", value=name, remedy="rename one")
        seen.add(name)


def _digest(tables: list[dict[str, Any]]) -> str:
    """Return the SHA-256 of parsed files, the same for a file and for its table."""
    return hashlib.sha256(json.dumps(tables, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()
