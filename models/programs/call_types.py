"""Map an agency's call types to the program's own, by a table and, failing that, by their words."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from models.text.normalize import normalise

CALL_TYPES_PATH = Path(__file__).with_name("call_types.toml")
UNMAPPED = "unmapped"
_WORDS = re.compile(r"[a-z0-9]+")
_BREAK = re.compile(r"[a-z](?=[A-Z][a-z])")


class CallType(NamedTuple):
    """Hold the program's name for a call type, the agency's words, and whether the mapping was guessed."""

    name: str
    words: str
    guessed: bool


@lru_cache(maxsize=16_384)
def canonical(call_type: str | None) -> CallType:
    """Return the program's call type for an agency's.

    >>> canonical("Check Well Being").name, canonical("Med,Suicide/Psy").name, canonical("Zorbing").name
    ('welfare_check', 'suicide_threat', 'unmapped')
    """
    if call_type is None:
        return CallType("missing", "", guessed=False)
    parted = _BREAK.sub(lambda match: match.group() + " ", call_type)
    words = " ".join(_WORDS.findall(normalise(parted).text))
    known, guesses = _tables()
    if words in known:
        return CallType(known[words], words, guessed=False)
    padded = f" {words} "
    for name, phrases in guesses:
        if any(f" {phrase} " in padded for phrase in phrases):
            return CallType(name, words, guessed=True)
    return CallType(UNMAPPED, words, guessed=True)


def names() -> tuple[str, ...]:
    """Return the program's call types."""
    return tuple(_raw()["types"])


@lru_cache(maxsize=1)
def program_types() -> frozenset[str]:
    """Return the types that one program or another takes."""
    return frozenset(_raw()["program_types"])


@lru_cache(maxsize=1)
def learnt_types() -> frozenset[str]:
    """Return the types that the shipped model has learnt as eligible."""
    return frozenset(_raw()["learnt_types"])


@lru_cache(maxsize=1)
def _raw() -> dict[str, Any]:
    """Read the file once."""
    return tomllib.loads(CALL_TYPES_PATH.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the table of known names and the guesses in order."""
    raw = _raw()
    known = {phrase: name for name, phrases in raw["types"].items() for phrase in phrases}
    known |= {name.replace("_", " "): name for name in raw["types"]}
    return known, tuple((guess["type"], tuple(guess["words"])) for guess in raw["guess"])
