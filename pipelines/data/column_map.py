"""Column maps: which columns of an export make which field of a call, and how its times and notes are written, as TOML."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from models.call import FIELDS, Answer
from models.common.config import read_toml, validate
from models.errors import InvalidCall, InvalidConfig, InvalidData
from models.programs.schema import TimeZoneName
from pipelines.data.dispositions import outcome_of
from pipelines.data.formats.cad_text import CadText, read_log, read_ossi
from pipelines.data.formats.key_questions import key_answers
from pipelines.data.formats.mapped_text import joined
from pipelines.data.formats.markup import plain_text
from pipelines.data.labels import KEYS, LABELS
from pipelines.data.rows import FileLayout

MAPS = Path(__file__).parent / "maps"
TARGETS = (*FIELDS, *KEYS, *LABELS)

NoteFormat = Literal["plain", "html", "log", "ossi"]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which columns make which field; several columns are joined, a narrative's by line ends.

    `notes` is how the note is written; `roster` holds logins and officers' names; `key_questions` reads a protocol's fixed
    sentences as answers; `without_notes` says that the file has no note column.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    time_zone: ZoneInfo | None = None
    time_formats: tuple[str, ...] = ()
    layout: FileLayout = field(default_factory=FileLayout)
    notes: NoteFormat = "plain"
    roster: frozenset[str] = frozenset()
    key_questions: bool = False
    without_notes: bool = False

    def apply(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with the names of a call; raise `InvalidCall` where its time cannot be read."""
        row: dict[str, Any] = {target: self.value(target, record) for target in self.columns}
        self._read_note(row)
        if row.get("received_at") is not None:
            row["received_at"] = self._time(str(row["received_at"]))
        if row.get("disposition") is not None and row.get("outcome") is None:
            row["outcome"] = outcome_of(row["disposition"])
        return row

    def value(self, target: str, record: Mapping[str, Any]) -> str | None:
        """Return the value of a field: its columns joined, and an agency's own word translated; `None` where it is blank."""
        cells = [str(record[name]).strip() for name in self.columns.get(target, ()) if record.get(name) is not None]
        value = ("\n" if target == "narrative" else " ").join(filter(None, cells))
        return self.values.get(target, {}).get(value, value) or None

    def missing(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns that the map names and a file lacks; raise `InvalidData` where one of them holds the note."""
        present = set(columns)
        lacking = tuple(name for named in self.columns.values() for name in named if name not in present)
        for name in self.columns.get("narrative", ()):
            if name in lacking:
                raise InvalidData("the file has no such column for the note", value=name, remedy="mend the map's narrative")
        return lacking

    def _read_note(self, row: dict[str, Any]) -> None:
        """Put the note of a row as its CAD system writes it in order, and take from it what the row does not say."""
        text = str(row.get("narrative") or "")
        row["narrative"] = text
        if self.notes != "plain":
            note = _note_of(text, self.notes, self.roster)
            row["narrative"] = note.note.text
            first_at = note.first_at.isoformat() if note.first_at else None
            for name, value in (("call_type", note.nature), ("address_key", note.address), ("received_at", first_at)):
                row[name] = row.get(name) or value
        if self.key_questions:
            for name, answer in key_answers(text).items():
                row[name] = _more_cautious(row.get(name), answer)

    def _time(self, text: str) -> str:
        """Return a time by the map's formats, or ISO 8601; one without an offset is of the map's zone."""
        moment = parse_time(text, self.time_formats)
        if moment is None:
            raise InvalidCall("received_at is not a time", field="received_at", value=text, remedy="add its time_formats")
        if moment.utcoffset() is None and self.time_zone is not None:
            local = moment.replace(tzinfo=self.time_zone)
            if local.astimezone(UTC).astimezone(self.time_zone).replace(tzinfo=None) != moment:
                raise InvalidCall(
                    "received_at does not exist: clocks went forward",
                    field="received_at",
                    value=text,
                    remedy="export times with an offset",
                )
            moment = local
        return moment.isoformat()


class _File(BaseModel):
    """A column map's file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str | tuple[str, ...]]
    name: str | None = None
    source: str | None = None
    time_zone: TimeZoneName | None = None
    time_formats: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = {}
    file: FileLayout = FileLayout()
    notes: NoteFormat = "plain"
    roster: str | None = None
    key_questions: bool = False
    without_notes: bool = False


def load_map(name: str | Path) -> ColumnMap:
    """Return a map by the path of its file or the name of a shipped one; raise `InvalidConfig` naming the key."""
    path = Path(name)
    path = path if path.is_file() else MAPS / f"{path.stem}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in MAPS.glob("*.toml")))
        raise InvalidConfig("no such column map", value=str(name), remedy=f"give a file, or one of: {known}")
    file = validate(_File, read_toml(path), what="column map", remedy=f"map to: {', '.join(TARGETS)}")
    unknown = {*file.columns, *file.values} - set(TARGETS)
    if unknown:
        raise InvalidConfig("unknown key in column map", value=min(unknown), remedy=f"map to: {', '.join(TARGETS)}")
    if "narrative" not in file.columns and not file.without_notes:
        raise InvalidConfig(
            "column map has no narrative",
            value=path.name,
            remedy="name the column that holds the note, or write without_notes = true where there is none",
        )
    return ColumnMap(
        name=file.name or path.stem,
        columns={key: (one,) if isinstance(one, str) else one for key, one in file.columns.items()},
        values=file.values,
        time_zone=ZoneInfo(file.time_zone) if file.time_zone else None,
        time_formats=file.time_formats,
        layout=file.file,
        notes=file.notes,
        roster=_roster(path.parent / file.roster) if file.roster else frozenset(),
        key_questions=file.key_questions,
        without_notes=file.without_notes,
    )


def parse_time(text: str, formats: Iterable[str]) -> datetime | None:
    """Return a time by the first format that fits, or ISO 8601; `None` where none does."""
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  the map's zone is added by the caller
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _note_of(text: str, notes: NoteFormat, roster: frozenset[str]) -> CadText:
    """Return a note as its format says."""
    if notes == "ossi":
        return read_ossi(text)
    if notes == "log":
        return read_log(text, roster=roster)
    return CadText(plain_text(text)) if notes == "html" else CadText(joined(()))


def _more_cautious(given: str | None, answer: str) -> str:
    """Return the answer of a column or that of the note's fixed sentences; a yes or unknown is never overruled."""
    open_or_safe = given is None or given in {Answer.NONE, Answer.NOT_ASKED}
    return answer if open_or_safe and (answer != Answer.NONE or given != Answer.NONE) else str(given)


def _roster(path: Path) -> frozenset[str]:
    """Return the logins and names of a city's roster: every cell of a CSV file."""
    if not path.is_file():
        raise InvalidConfig("no such roster", value=str(path), remedy="write its path relative to the map")
    rows = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    return frozenset(cell.strip() for row in rows for cell in row if cell.strip())
