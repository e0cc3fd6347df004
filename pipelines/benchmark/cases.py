"""The cases of the benchmark, read from its files: a call with the answers that are acceptable and its labels."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from models.call import Answer, Call, CallerParty
from models.common.config import read_toml, validate
from models.decision import Recommendation
from models.errors import InvalidData
from pipelines.data.table import read_table
from pipelines.rules import traps

FILES = Path("data/benchmark")
"""The folder of the files in a checkout."""

_ALL = frozenset(Recommendation)
_NAMES = ("call_types.toml", "assertions.toml", "typical_calls.toml", "formats.toml", "notes.csv")
_REMEDY = "see data/benchmark/README.md"
Word = Literal["ELIGIBLE", "REVIEW", "NOT_ELIGIBLE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call with what is expected of an answer to it; where a field is `None`, nothing is expected.

    `acceptable` are the answers that are right or tolerable. `must_veto` is whether the call must be vetoed. `eligible`,
    `danger`, `medical` and `self_harm` are labels. `call_type` is the known type as which the call's own must be read.
    """

    part: str
    group: str
    id: str
    call: Call
    acceptable: frozenset[Recommendation] = _ALL
    must_veto: bool | None = None
    response: str | None = None
    eligible: bool | None = None
    danger: bool | None = None
    medical: bool | None = None
    self_harm: bool | None = None
    call_type: str | None = None


class _Strict(BaseModel):
    """A table of a benchmark file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Types(_Strict):
    """Call types as agencies write them, by the known type that each must be read as."""

    types: dict[str, list[str]]


class _Assertion(_Strict):
    """A note with a wording of danger: the answers that are never right, and whether it must be vetoed."""

    wording: str
    note: str
    never: list[Word] = Field(default_factory=list)
    veto: bool | None = None


class _Assertions(_Strict):
    """The file of assertion traps."""

    cases: list[_Assertion]


class _Typical(_Strict):
    """A typical call with its acceptable answers and the expected unit."""

    note: str
    type: str
    recommendation: list[Word]
    party: str | None = None
    response: str | None = None
    with_ems: bool | None = None
    follow_up: bool | None = None


class _TypicalCalls(_Strict):
    """The file of typical calls."""

    calls: list[_Typical]


class FormatFile(_Strict):
    """A file in one of the forms that agencies use, its number of calls, and the expected fields of the first call."""

    file: str
    form: str
    calls: int
    map: str | None = None
    first: dict[str, Any] = Field(default_factory=dict)


class _Formats(_Strict):
    """The list of format files."""

    files: list[FormatFile]


def digest_of(folder: Path) -> str:
    """Return the digest of a folder's files and of the trap notes, which identifies the release of the benchmark."""
    digest = hashlib.sha256()
    for path in (*(_existing(folder / name) for name in _NAMES), traps.TRAPS):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def load_cases(folder: Path) -> list[Case]:
    """Return the cases of all parts but the formats; raise `InvalidConfig` or `InvalidData` for a fault of a file."""
    return [*_call_types(folder), *_traps(), *_assertions(folder), *_typical(folder), *_blind_notes(folder)]


def load_formats(folder: Path) -> list[FormatFile]:
    """Return the files in the forms that agencies use, with what must be read from each."""
    return validate(_Formats, read_toml(folder / "formats.toml"), what="formats.toml", remedy=_REMEDY).files


def labelled_cases(path: Path) -> list[Case]:
    """Return the calls of any labelled file as cases of the part `transfer`."""
    return list(_labelled(path, part="transfer", groups=None))


def _existing(path: Path) -> Path:
    """Return a path; raise `InvalidData` where there is no such file."""
    if not path.is_file():
        raise InvalidData("a file of the benchmark is missing", value=str(path), remedy="give its folder with --files")
    return path


def _call_types(folder: Path) -> Iterator[Case]:
    """Yield a case for each call type as an agency writes it."""
    table = validate(_Types, read_toml(folder / "call_types.toml"), what="call_types.toml", remedy=_REMEDY)
    for name, spellings in table.types.items():
        for written in spellings:
            yield Case(part="call types", group="", id=written, call=Call(narrative="", call_type=written), call_type=name)


def _traps() -> Iterator[Case]:
    """Yield a case for each trap note of the veto, dangerous and harmless."""
    tables = read_toml(traps.TRAPS)
    for name in (*traps.DANGEROUS, *traps.HARMLESS):
        dangerous = name in traps.DANGEROUS
        for number, marked in enumerate(tables[name]["notes"]):
            yield Case(
                part="veto traps",
                group="dangerous" if dangerous else "harmless",
                id=f"{name}-{number}",
                call=Call(narrative=traps.MARK.sub(lambda match: match.group(2), marked)),
                acceptable=_ALL - {Recommendation.ELIGIBLE} if dangerous else _ALL,
                must_veto=dangerous,
                danger=True if dangerous else None,
            )


def _assertions(folder: Path) -> Iterator[Case]:
    """Yield a case for each wording of a danger."""
    table = validate(_Assertions, read_toml(folder / "assertions.toml"), what="assertions.toml", remedy=_REMEDY)
    for number, row in enumerate(table.cases):
        yield Case(
            part="assertion traps",
            group=row.wording,
            id=f"{row.wording}-{number}",
            call=Call(narrative=row.note),
            acceptable=_ALL - {Recommendation(word) for word in row.never},
            must_veto=row.veto,
        )


def _typical(folder: Path) -> Iterator[Case]:
    """Yield a case for each typical call, its safety questions answered no."""
    table = validate(_TypicalCalls, read_toml(folder / "typical_calls.toml"), what="typical_calls.toml", remedy=_REMEDY)
    for number, row in enumerate(table.calls):
        party = CallerParty(row.party) if row.party else None
        yield Case(
            part="typical calls",
            group="",
            id=f"typical-{number}",
            call=Call(
                narrative=row.note,
                call_type=row.type,
                caller_party=party,
                weapons_answer=Answer.NONE,
                violence_answer=Answer.NONE,
                medical_answer=Answer.NONE,
            ),
            acceptable=frozenset(Recommendation(word) for word in row.recommendation),
            response=row.response,
        )


def _blind_notes(folder: Path) -> Iterator[Case]:
    """Yield a case for each note whose author did not see the rules, grouped by its set."""
    path = _existing(folder / "notes.csv")
    yield from _labelled(path, part="blind notes", groups=pd.read_csv(path, dtype=str)["set"].tolist())


def _labelled(path: Path, *, part: str, groups: list[str] | None) -> Iterator[Case]:
    """Yield the labelled calls of a file; `groups` has one entry for each row of the file."""
    table = read_table(path)
    for call, labels in zip(table.calls, table.labels.to_dict("records"), strict=True):
        eligible = _flag(labels["eligible"])
        wrong = {True: Recommendation.NOT_ELIGIBLE, False: Recommendation.ELIGIBLE}
        yield Case(
            part=part,
            group=path.stem if groups is None else groups[labels["row"] - 1],
            id=f"row {labels['row']}",
            call=call,
            acceptable=_ALL if eligible is None else _ALL - {wrong[eligible]},
            eligible=eligible,
            danger=_flag(labels["danger"]),
            medical=_flag(labels["medical"]),
            self_harm=_flag(labels["self_harm"]),
        )


def _flag(value: object) -> bool | None:
    """Return a label as yes or no, `None` where it is neither."""
    return value if isinstance(value, bool) else None
