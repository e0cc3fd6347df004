"""Read `rulebook.toml` and expand it into phrases; say which line is wrong where one is.

A phrase in the file is normalised like a note, cut into tokens like a note, and each {list} in it stands for every
phrase of that list. What comes out is plain data: for each rule its phrases and its near-misses as tuples of tokens.
"""

import hashlib
import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.errors import InvalidRulebook
from models.text.normalize import normalise

RULEBOOK_PATH = Path(__file__).with_name("rulebook.toml")

# Words and emoji; a point or dash only where digits make it part of a code or a calibre (10-32, .45, 273.5).
TOKEN = re.compile(r"[a-z0-9]+|(?<=[0-9])[-.:](?=[0-9])|(?<![a-z0-9])\.(?=[0-9])|[^\x00-\x7f\s]")
_LIST = re.compile(r"\{([a-z_]+)\}")
_EVERYDAY = ("a", "art", "the", "whose", "person", "relation", "self", "everyday")
_RULE_KEYS = {"id", "class", "words", "note", "near_misses", "source", "inside", "fold"}


class RuleClass(StrEnum):
    """Name what a rule is about; weapon and violence veto, means asks for review."""

    WEAPON = "weapon"
    VIOLENCE = "violence"
    MEANS = "means"


Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one rule, expanded."""

    id: str
    rule_class: RuleClass
    note: str
    source: str | None
    phrases: frozenset[Phrase]
    near_misses: frozenset[Phrase]
    inside: bool
    fold: bool


@dataclass(frozen=True, slots=True)
class RulebookData:
    """Hold the whole rulebook, expanded; `version` joins the file's own version and its SHA-256."""

    version: str
    rules: tuple[Rule, ...]
    screening: Mapping[str, frozenset[Phrase]]
    turned_by: frozenset[str]
    excepted_by: frozenset[Phrase]
    ordinary: frozenset[str]
    run_together: frozenset[str]
    everyday: frozenset[str]


def tokens(text: str) -> Phrase:
    """Cut normalised text into the tokens that rules are written in.

    >>> tokens("s/f at 9:30, poss 10-32 w/ .45")
    ('s', 'f', 'at', '9', ':', '30', 'poss', '10', '-', '32', 'w', '.', '45')
    """
    return tuple(TOKEN.findall(text))


@lru_cache(maxsize=4)
def load(path: Path = RULEBOOK_PATH) -> RulebookData:
    """Read a rulebook file; raise `InvalidRulebook` where it does not hold together."""
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


def parse(data: Mapping[str, object], *, digest: str) -> RulebookData:
    """Expand the parsed file; raise `InvalidRulebook` naming the rule and the value."""
    table: dict[str, object] = dict(data)
    lists = _table(table, "lists")
    rules = tuple(_rule(entry, lists) for entry in _list(table, "rule"))
    _no_repeats(rule.id for rule in rules)
    screening = _table(table, "screening")
    answers: dict[str, frozenset[Phrase]] = {}
    for entry in screening.get("answer", []):
        answers[entry["question"]] = _phrases(entry["words"], lists, where="screening")
    return RulebookData(
        version=f"{table['version']}+{digest[:12]}",
        rules=rules,
        screening=answers,
        turned_by=frozenset(screening.get("turned_by", [])),
        excepted_by=_phrases(screening.get("excepted_by", []), lists, where="screening"),
        ordinary=frozenset(_table(table, "ordinary").get("words", [])),
        run_together=frozenset(_table(table, "run_together").get("words", [])),
        everyday=frozenset(word for name in _EVERYDAY for text in lists.get(name, []) for word in tokens(text)),
    )


def _rule(entry: Mapping[str, object], lists: Mapping[str, list[str]]) -> Rule:
    """Expand one rule."""
    name = str(entry.get("id", ""))
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise InvalidRulebook("rule id is not lower-case words and dashes", value=name, remedy="rename it")
    unknown = set(entry) - _RULE_KEYS
    if unknown:
        raise InvalidRulebook(f"rule {name} has an unknown key", value=min(unknown), remedy="remove it")
    if not entry.get("note") or not entry.get("words"):
        raise InvalidRulebook("rule lacks words or a note why", value=name, remedy="add them")
    if entry.get("class") not in set(RuleClass):
        raise InvalidRulebook(f"rule {name} has no such class", value=entry.get("class"), remedy="weapon, violence or means")
    near_written = entry.get("near_misses", [])
    phrases = _phrases(entry["words"], lists, where=name)
    near_misses = _phrases(near_written, lists, where=name)
    both = phrases & near_misses
    if both:
        raise InvalidRulebook(f"rule {name} both lists and excuses", value=" ".join(min(both)), remedy="remove one")
    source = entry.get("source")
    return Rule(
        id=name,
        rule_class=RuleClass(str(entry["class"])),
        note=str(entry["note"]),
        source=None if source is None else str(source),
        phrases=_without_redundant(phrases, near_misses),
        near_misses=near_misses,
        inside=bool(entry.get("inside", False)),
        fold=bool(entry.get("fold", True)),
    )


def _phrases(written: object, lists: Mapping[str, list[str]], *, where: str) -> frozenset[Phrase]:
    """Expand written phrases into token tuples."""
    if not isinstance(written, list):
        raise InvalidRulebook(f"{where}: words are not a list", value=written, remedy="write a list of phrases")
    expanded = (phrase for text in written for phrase in _expand(text, lists, where=where))
    return frozenset(phrase for phrase in map(tokens, map(_plain, expanded)) if phrase)


def _without_redundant(phrases: frozenset[Phrase], near_misses: frozenset[Phrase]) -> frozenset[Phrase]:
    """Drop phrases that hold a shorter phrase of the same rule, which fires anyway, unless they override a near-miss."""
    return frozenset(p for p in phrases if not _holds(p, phrases) or _holds(p, near_misses))


def _holds(phrase: Phrase, others: frozenset[Phrase]) -> bool:
    """Tell whether a phrase holds another, shorter one."""
    size = len(phrase)
    parts = ((start, end) for start in range(size) for end in range(start + 1, size + 1) if end - start < size)
    return any(phrase[start:end] in others for start, end in parts)


def _expand(text: str, lists: Mapping[str, list[str]], *, where: str) -> Iterable[str]:
    """Replace each {list} by every phrase of that list."""
    names = _LIST.findall(text)
    missing = [name for name in names if name not in lists]
    if missing:
        raise InvalidRulebook(f"{where}: no such list", value=missing[0], remedy="add it under [lists]")
    if not names:
        return (text,)
    frame = _LIST.sub("\0", text).split("\0")
    choices = itertools.product(*(lists[name] for name in names))
    return ("".join(itertools.chain.from_iterable(zip(frame, [*choice, ""], strict=True))) for choice in choices)


@lru_cache(maxsize=100_000)
def _plain(text: str) -> str:
    """Normalise one phrase as a note is; an apostrophe joins, as call-takers leave it out."""
    return normalise(text).text


def _no_repeats(names: Iterable[str]) -> None:
    """Refuse two rules of one id."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRulebook("two rules share an id", value=name, remedy="rename one")
        seen.add(name)


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a table of the file; raise where it is missing."""
    value = data.get(key)
    if not isinstance(value, dict):
        raise InvalidRulebook("rulebook lacks a table", value=key, remedy=f"add [{key}]")
    return value


def _list(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of tables of the file; raise where it is missing."""
    value = data.get(key)
    if not isinstance(value, list):
        raise InvalidRulebook("rulebook lacks a list of tables", value=key, remedy=f"add [[{key}]]")
    return value
