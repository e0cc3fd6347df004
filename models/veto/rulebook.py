"""The rulebook: `rulebook.toml`, validated and expanded into phrases.

A phrase in the file is normalised like a note, cut into tokens like a note, and each {list} in it stands for every
phrase of that list. The result is plain data: for each rule its phrases and its near-misses as tuples of tokens.
"""

import hashlib
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import InvalidRulebook
from models.text.normalize import normalise
from models.text.tokens import phrase_tokens
from models.veto.phrases import PhrasesBySize

RULEBOOK_PATH = Path(__file__).with_name("rulebook.toml")

_LIST = re.compile(r"\{([a-z_]+)\}")
_EVERYDAY = ("a", "art", "the", "whose", "person", "relation", "self", "everyday")

Phrase = tuple[str, ...]
Question = Literal["weapons", "violence"]


class RuleClass(StrEnum):
    """What a rule is about; weapon and violence veto, means and object ask for review."""

    WEAPON = "weapon"
    VIOLENCE = "violence"
    MEANS = "means"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Gap:
    """Two phrases of one mention with a few words of anything between them: "threw" and "at her".

    `least` and `most` bound the number of words between; one of `without` among them makes it no mention.
    """

    first: frozenset[Phrase]
    last: frozenset[Phrase]
    least: int
    most: int
    without: frozenset[str]
    excuses: bool = False
    """Whether the two phrases are a near-miss: "struck" and "power pole"."""
    sentences: bool = False
    """Whether the second phrase may stand in a later sentence: "Holdup alarm. Teller says it was a test"."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, expanded."""

    id: str
    rule_class: RuleClass
    note: str
    source: str | None
    phrases: frozenset[Phrase]
    near_misses: frozenset[Phrase]
    inside: bool
    fold: bool
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class NegationKind:
    """Negations that take the same forms of a word: "has not" takes "hit", "no" takes "hitting" and "assault"."""

    heads: frozenset[Phrase]
    forms: frozenset[str]
    gerunds: bool


@dataclass(frozen=True, slots=True)
class Negation:
    """The closed constructions in which violence is plainly negated; without any, nothing is."""

    kinds: tuple[NegationKind, ...] = ()
    fillers: frozenset[Phrase] = frozenset()
    intents: frozenset[Phrase] = frozenset()
    joins: frozenset[str] = frozenset()
    turned_by: frozenset[str] = frozenset()
    limited_by: frozenset[str] = frozenset()
    clause_limited_by: frozenset[str] = frozenset()
    announcing: frozenset[str] = frozenset()
    harmless_plans: frozenset[str] = frozenset()
    company: frozenset[str] = frozenset()
    no_one: frozenset[str] = frozenset()
    harmless_wishes: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    """Every form that any of the negations takes."""


@dataclass(frozen=True, slots=True)
class Names:
    """Closed lists for reading names: titles, surnames, endings of streets and businesses."""

    titles: frozenset[str] = frozenset()
    surnames: frozenset[str] = frozenset()
    reports: frozenset[str] = frozenset()
    at: frozenset[str] = frozenset()
    street_endings: frozenset[str] = frozenset()
    never_streets: frozenset[str] = frozenset()
    business_endings: frozenset[str] = frozenset()
    weapon_nouns: frozenset[str] = frozenset()
    never_initials: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CutOff:
    """Words that count when the note ends in the middle of one of them: "pulled out a kn"."""

    before: frozenset[Phrase] = frozenset()
    beginnings: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The whole rulebook, expanded; `version` joins the file's own version and its SHA-256."""

    version: str
    rules: tuple[Rule, ...]
    screening: Mapping[str, frozenset[Phrase]]
    turned_by: frozenset[str]
    excepted_by: frozenset[Phrase]
    ordinary: frozenset[str]
    run_together: frozenset[str]
    everyday: frozenset[str]
    negation: Negation = field(default_factory=Negation)
    names: Names = field(default_factory=Names)
    cut_off: CutOff = field(default_factory=CutOff)


class _Table(BaseModel):
    """A table of the file; a key that nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Gap(_Table):
    """One [[rule.gap]] as it is written."""

    first: list[str]
    last: list[str]
    least: int = 0
    most: int
    without: list[str] = []
    excuses: bool = False
    sentences: bool = False


class _RuleEntry(_Table):
    """One [[rule]] as it is written."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    rule_class: Annotated[RuleClass, Field(alias="class")]
    words: Annotated[list[str], Field(min_length=1)]
    note: Annotated[str, Field(min_length=1)]
    near_misses: list[str] = []
    source: str | None = None
    inside: bool = False
    fold: bool = True
    gap: list[_Gap] = []


class _Answers(_Table):
    """One [[screening.answer]] as it is written."""

    question: Question
    words: list[str]


class _Screening(_Table):
    """The [screening] table as it is written."""

    answer: list[_Answers] = []
    turned_by: list[str] = []
    excepted_by: list[str] = []


class _Words(_Table):
    """A table that lists words."""

    words: list[str] = []


class _NegationKind(_Table):
    """One [[violence_negated.kind]] as it is written."""

    heads: list[str]
    forms: list[str]
    gerunds: bool = False


class _Negation(_Table):
    """The [violence_negated] table as it is written."""

    kind: list[_NegationKind] = []
    fillers: list[str] = []
    intents: list[str] = []
    joins: list[str] = []
    turned_by: list[str] = []
    limited_by: list[str] = []
    clause_limited_by: list[str] = []
    announcing: list[str] = []
    harmless_plans: list[str] = []
    company: list[str] = []
    no_one: list[str] = []
    harmless_wishes: list[str] = []


class _Names(_Table):
    """The [names] table as it is written."""

    titles: list[str] = []
    surnames: list[str] = []
    reports: list[str] = []
    at: list[str] = []
    street_endings: list[str] = []
    never_streets: list[str] = []
    business_endings: list[str] = []
    weapon_nouns: list[str] = []
    never_initials: list[str] = []


class _CutOff(_Table):
    """The [cut_off] table as it is written."""

    before: list[str] = []
    words: list[str] = []
    ordinary: list[str] = []


class _RulebookFile(_Table):
    """The file as it is written."""

    version: str
    lists: dict[str, list[str]]
    rule: list[_RuleEntry]
    screening: _Screening
    ordinary: _Words
    run_together: _Words
    violence_negated: _Negation = _Negation()
    names: _Names = _Names()
    cut_off: _CutOff = _CutOff()

    @field_validator("rule")
    @classmethod
    def _ids_differ(cls, rules: list[_RuleEntry]) -> list[_RuleEntry]:
        """Refuse two rules of one id."""
        ids = [rule.id for rule in rules]
        repeated = next((name for name in ids if ids.count(name) > 1), None)
        if repeated is not None:
            raise ValueError(f"two rules share the id {repeated}")
        return rules


@lru_cache(maxsize=4)
def load(path: Path = RULEBOOK_PATH) -> Rulebook:
    """Return the rulebook in a file.

    Raises `InvalidRulebook` for a file that cannot be read, is not TOML, or is not a rulebook.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        raw = None
    if raw is None:
        raise InvalidRulebook("rulebook cannot be read", value=str(path), remedy="give the path of a TOML file")
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRulebook("rulebook is not TOML", value=str(error), remedy="mend the line it names") from None
    return parse(data, digest=hashlib.sha256(raw).hexdigest())


def parse(data: Mapping[str, object], *, digest: str) -> Rulebook:
    """Return the expanded rulebook of a parsed file; `digest` is the file's SHA-256 in hexadecimal.

    Raises `InvalidRulebook` with the place in the file and the value.
    """
    try:
        file = _RulebookFile.model_validate(data)
    except ValidationError as error:
        raise _refusal(error, data) from None
    lists, screening = file.lists, file.screening
    return Rulebook(
        version=f"{file.version}+{digest[:12]}",
        rules=tuple(_rule(entry, lists) for entry in file.rule),
        screening={each.question: _phrases(each.words, lists, where="screening") for each in screening.answer},
        turned_by=frozenset(screening.turned_by),
        excepted_by=_phrases(screening.excepted_by, lists, where="screening"),
        ordinary=frozenset(file.ordinary.words),
        run_together=frozenset(file.run_together.words),
        everyday=frozenset(word for name in _EVERYDAY for text in lists.get(name, []) for word in phrase_tokens(text)),
        negation=_negation(file.violence_negated, lists),
        names=Names(**{key: frozenset(words) for key, words in file.names.model_dump().items()}),
        cut_off=_cut_off(file.cut_off, lists),
    )


def _negation(table: _Negation, lists: Mapping[str, list[str]]) -> Negation:
    """Return the constructions of plain negation, expanded."""
    words = {key: frozenset(value) for key, value in table.model_dump(exclude={"kind", "fillers", "intents"}).items()}
    kinds = tuple(
        NegationKind(_phrases(kind.heads, lists, where="violence_negated"), frozenset(kind.forms), kind.gerunds)
        for kind in table.kind
    )
    fillers, intents = (_phrases(each, lists, where="violence_negated") for each in (table.fillers, table.intents))
    forms = frozenset(form for kind in kinds for form in kind.forms)
    return Negation(kinds=kinds, fillers=fillers, intents=intents, forms=forms, **words)


def _cut_off(table: _CutOff, lists: Mapping[str, list[str]]) -> CutOff:
    """Return the beginnings, of two letters or more, of the words of [cut_off] that are no ordinary words themselves."""
    whole = set(table.words) | set(table.ordinary)
    beginnings = frozenset(word[:size] for word in table.words for size in range(2, len(word))) - whole
    return CutOff(before=_phrases(table.before, lists, where="cut_off"), beginnings=beginnings)


def _refusal(error: ValidationError, data: Mapping[str, object]) -> InvalidRulebook:
    """Return the first fault that pydantic found, with the rule's id in place of its index."""
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    rules = data.get("rule")
    if len(place) > 1 and place[0] == "rule" and isinstance(place[1], int) and isinstance(rules, list):
        entry = rules[place[1]]
        place[1] = str(entry.get("id", place[1])) if isinstance(entry, Mapping) else place[1]
    fault = f"rulebook is wrong at {'.'.join(map(str, place))}: {first['msg'].lower()}"
    return InvalidRulebook(fault, value=None if first["type"] == "missing" else first["input"], remedy="mend that entry")


def _rule(entry: _RuleEntry, lists: Mapping[str, list[str]]) -> Rule:
    """Return one rule, expanded."""
    phrases = _phrases(entry.words, lists, where=entry.id)
    near_misses = _phrases(entry.near_misses, lists, where=entry.id)
    both = phrases & near_misses
    if both:
        raise InvalidRulebook(f"rule {entry.id} both lists and excuses", value=" ".join(min(both)), remedy="remove one")
    return Rule(
        id=entry.id,
        rule_class=entry.rule_class,
        note=entry.note,
        source=entry.source,
        phrases=_without_redundant(phrases, near_misses),
        near_misses=near_misses,
        inside=entry.inside,
        fold=entry.fold,
        gaps=tuple(_gap(gap, lists, where=entry.id) for gap in entry.gap),
    )


def _gap(gap: _Gap, lists: Mapping[str, list[str]], *, where: str) -> Gap:
    """Return one pair of phrases, expanded."""
    first, last = (_phrases(each, lists, where=where) for each in (gap.first, gap.last))
    return Gap(first, last, gap.least, gap.most, frozenset(gap.without), gap.excuses, gap.sentences)


def _phrases(written: Iterable[str], lists: Mapping[str, list[str]], *, where: str) -> frozenset[Phrase]:
    """Return written phrases, expanded and cut into tokens."""
    return frozenset(phrase for text in written for phrase in _expand(text, lists, where=where) if phrase)


def _without_redundant(phrases: frozenset[Phrase], near_misses: frozenset[Phrase]) -> frozenset[Phrase]:
    """Drop phrases that hold a shorter phrase of the same rule, which fires anyway, unless they override a near-miss."""
    held, excused = PhrasesBySize(phrases), PhrasesBySize(near_misses)
    return frozenset(phrase for phrase in phrases if not held.within(phrase) or excused.within(phrase))


def _expand(text: str, lists: Mapping[str, list[str]], *, where: str) -> Iterator[Phrase]:
    """Yield the phrases that a text stands for, each {list} replaced by every phrase of that list."""
    names = _LIST.findall(text)
    missing = [name for name in names if name not in lists]
    if missing:
        raise InvalidRulebook(f"{where}: no such list", value=missing[0], remedy="add it under [lists]")
    frame = [_tokens(part) for part in _LIST.split(text)[::2]]
    choices = itertools.product(*([_tokens(part) for part in lists[name]] for name in names))
    for choice in choices:
        phrase = frame[0]
        for listed, after in zip(choice, frame[1:], strict=True):
            phrase += listed + after
        yield phrase


@lru_cache(maxsize=100_000)
def _tokens(text: str) -> Phrase:
    """Return the tokens of a written text, normalised as a note is."""
    return phrase_tokens(normalise(text).text)
