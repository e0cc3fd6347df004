"""Call types: an agency's natures and codes mapped to the program's own, by tables and, failing that, by their words.

A `CallTypes` joins the tables that ship with the package (`shipped`) and a city's own; its `canonical` reads one call type.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.common.config import read_toml, validate
from models.errors import InvalidConfig
from models.text.normalize import normalise

CALL_TYPES_PATH = Path(__file__).with_name("call_types.toml")
CODES = Path(__file__).with_name("codes")
UNMAPPED, MISSING = "unmapped", "missing"

_WORDS = re.compile(r"[a-z0-9]+")
_BREAK = re.compile(r"[a-z](?=[A-Z][a-z])")
_SHORTEST_CUT, _SHORTEST_PART = 12, 4

Responder = Literal["ems", "fire"]
Danger = Literal["weapon", "violence"]


class Confidence(StrEnum):
    """How sure the mapping of a call type is: by a listed name or code, by its words, or by a cut or no word at all."""

    EXACT = "exact"
    BY_WORDS = "by_words"
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True)
class CallType:
    """A call type as the program reads it.

    `words` are the agency's words in lower case. `danger` says that the type itself mentions a weapon or violence,
    `responder` who answers where the program does not, and `mention` that the words of the type may be read as a mention.
    """

    name: str
    words: str
    confidence: Confidence
    danger: Danger | None = None
    responder: Responder | None = None
    mention: bool = True

    @property
    def guessed(self) -> bool:
        """Return whether the type was read in any other way than by a listed name or code."""
        return self.confidence is not Confidence.EXACT


class _Table(BaseModel):
    """A table of a file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Type(_Table):
    """One call type of the program."""

    names: tuple[str, ...]
    program: bool = False
    responder: Responder | None = None
    danger: Danger | None = None
    mention: bool = True


class _Guess(_Table):
    """Words that give a call type away."""

    type: str
    words: tuple[str, ...] = Field(min_length=1)


class _File(_Table):
    """The file of call types."""

    types: dict[str, _Type]
    guess: tuple[_Guess, ...]
    abbreviations: dict[str, str]


class _Codes(_Table):
    """A file of codes: those of a standard or a region."""

    source: str
    always: bool
    codes: dict[str, tuple[str, ...]]
    names: dict[str, tuple[str, ...]] = {}


class CallTypes:
    """The tables by which call types are read; `canonical` remembers what it has read and is safe to share."""

    def __init__(self, own: Mapping[str, str] | None = None, *, regions: Iterable[str] = ()) -> None:
        """Store a city's own names and the regions whose codes it uses.

        Parameters
        ----------
        own : an agency's call types, as it writes them, each with the program's type or `unmapped`.
        regions : names of files in `models/programs/codes`.

        Raises `InvalidConfig` where a type or a region does not exist.
        """
        known, self._guesses, self._abbreviations = _tables()
        wrong = set(own.values()) - {*type_names(), UNMAPPED} if own else set()
        if wrong:
            raise InvalidConfig("no such call type", value=min(wrong), remedy=f"use one of: {', '.join(type_names())}")
        self._known = known | {words: name for region in regions for words, name in _codes_of(region).items()}
        self._known |= {_fold(written): name for written, name in (own or {}).items()}
        self._cuts = tuple(sorted(words for words in self._known if len(words) > _SHORTEST_CUT))
        self.canonical: Callable[[str | None], CallType] = lru_cache(maxsize=16_384)(self._canonical)

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that needs no guess, the city's own among them, for type-ahead."""
        return tuple(self._known)

    def _canonical(self, call_type: str | None) -> CallType:
        """Return the program's call type for an agency's."""
        if call_type is None:
            return CallType(MISSING, "", Confidence.EXACT)
        words = _fold(call_type)
        name, confidence = self._find(words)
        kind = _file().types.get(name)
        if kind is None:
            return CallType(name, words, confidence)
        return CallType(name, words, confidence, kind.danger, kind.responder, kind.mention)

    def _find(self, words: str) -> tuple[str, Confidence]:
        """Return a type's name by the tables, by its words, or by what is left of words that were cut."""
        if words in self._known:
            return self._known[words], Confidence.EXACT
        spelled = " ".join(self._abbreviations.get(word, word) for word in words.split())
        if spelled in self._known:
            return self._known[spelled], Confidence.BY_WORDS
        if name := self._by_cut_name(words):
            return name, Confidence.GUESSED
        if name := self._by_words(words, spelled) or self._by_code(words):
            return name, Confidence.BY_WORDS
        return self._by_cut_word(words) or UNMAPPED, Confidence.GUESSED

    def _by_words(self, words: str, spelled: str) -> str | None:
        """Return the first type one of whose words stands in the call type, as written or with abbreviations spelled out."""
        text = f" {words} | {spelled} "
        return next((name for name, phrases in self._guesses if any(f" {phrase} " in text for phrase in phrases)), None)

    def _by_code(self, words: str) -> str | None:
        """Return the type of a code that begins the call type, such as "415 at the park"."""
        first, *rest = words.split() or [""]
        heads = [f"{first} {rest[0]}"] if rest else []
        return next(
            (self._known[head] for head in [*heads, first] if any(map(str.isdigit, head)) and head in self._known), None
        )

    def _by_cut_name(self, words: str) -> str | None:
        """Return the type of a name that the agency's system cut off within a word, where all names that begin so agree."""
        if len(words) < _SHORTEST_CUT:
            return None
        whole = [name for name in self._cuts if name.startswith(words)]
        within = any(name[len(words)] != " " for name in whole)  # "firearms" is a word of its own, "firearms licens" is not
        names = {self._known[name] for name in whole}
        return names.pop() if within and len(names) == 1 else None

    def _by_cut_word(self, words: str) -> str | None:
        """Return the first type one of whose words begins with what is left of the last word."""
        last = words.rpartition(" ")[2]
        if len(last) < _SHORTEST_PART:
            return None
        return next((name for name, phrases in self._guesses if any(phrase.startswith(last) for phrase in phrases)), None)


@cache
def shipped() -> CallTypes:
    """Return the tables that ship with the package, without a city's own; a program's are its `call_types`.

    >>> [shipped().canonical(name).name for name in ("Check Well Being", "Med,Suicide/Psy", "Zorbing")]
    ['welfare_check', 'suicide_threat', 'unmapped']
    >>> shipped().canonical("CHECK WELL‐BEIN").confidence.value, shipped().canonical("FIREARMS LICENS").mention
    ('guessed', False)
    """
    return CallTypes()


@cache
def type_names() -> tuple[str, ...]:
    """Return the program's call types."""
    return tuple(_file().types)


@cache
def program_types() -> frozenset[str]:
    """Return the types that one program or another takes."""
    return frozenset(name for name, kind in _file().types.items() if kind.program)


@cache
def regions() -> tuple[str, ...]:
    """Return the regions whose codes a city may ask for."""
    return tuple(sorted(path.stem for path in CODES.glob("*.toml") if not _read_codes(path.stem).always))


def _fold(text: str) -> str:
    """Return the words of a call type in lower case, with one blank between them."""
    parted = _BREAK.sub(lambda match: match.group() + " ", text)
    return " ".join(_WORDS.findall(normalise(parted).text))


@cache
def _file() -> _File:
    """Return the file of call types."""
    return validate(_File, read_toml(CALL_TYPES_PATH), what="call types", remedy="mend models/programs/call_types.toml")


@cache
def _read_codes(name: str) -> _Codes:
    """Return a file of codes; raise `InvalidConfig` where there is none of the name."""
    path = CODES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in CODES.glob("*.toml")))
        raise InvalidConfig("no such codes", value=name, remedy=f"use some of: {known}")
    return validate(_Codes, read_toml(path), what="codes", remedy=f"mend {path.name}")


@cache
def _codes_of(name: str) -> Mapping[str, str]:
    """Return the types of the codes of a file, by the codes' words."""
    file = _read_codes(name)
    return {_fold(code): kind for table in (file.codes, file.names) for kind, codes in table.items() for code in codes}


@cache
def _tables() -> tuple[dict[str, str], tuple[tuple[str, tuple[str, ...]], ...], Mapping[str, str]]:
    """Return the table of known names, the words in order, and the abbreviations."""
    file = _file()
    known: dict[str, str] = {}
    for path in CODES.glob("*.toml"):
        if _read_codes(path.stem).always:
            known |= _codes_of(path.stem)
    known |= {name.replace("_", " "): name for name in file.types}
    known |= {phrase: name for name, kind in file.types.items() for phrase in kind.names}
    return known, tuple((guess.type, guess.words) for guess in file.guess), file.abbreviations
