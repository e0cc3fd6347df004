"""The incidents of a CAD system, encrypted in the ledger's database: they outlast a restart, and all workers share them.

Every method may wait for the database: call them outside the event loop. Errors of the database are `LedgerUnavailable`.
"""

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from models.call import MAX_NARRATIVE
from models.common.instants import instant_text
from models.errors import InvalidEntry, LedgerConflict
from models.ledger import database
from models.ledger.database import database_errors, exclusive
from models.ledger.encryption import NoteEncryption
from models.ledger.schema import incident_notes as notes
from models.ledger.schema import incident_pushes as pushes
from models.ledger.schema import incidents
from serving.incidents.outbox import Push, insert_push

KEEP_HOURS = 12
"""How long an incident is kept after its last change, a shift; its decisions stay in the ledger."""

LOCK = database.LOCK + 1
"""The number of PostgreSQL's advisory lock that writers of incidents share."""

KEEP_PUSHES_HOURS = 72
"""How long a push that could not be sent is kept: longer than a weekend."""

MOST_READ, MOST_SEEN = 500, 300
"""How many of the latest incidents are searched for the values of a field, and how many values are returned."""

_FAULT = "incidents cannot be read or written"


@dataclass(frozen=True, slots=True)
class Note:
    """One note of an incident, numbered from 1 in the order of arrival."""

    number: int
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The present state of an incident.

    `revision` counts its changes and `answered` is the newest one with an answer; `answer` is that answer as JSON and
    `suggestion` its suggestion, by which changes are recognised.
    """

    incident_id: str
    revision: int
    answered: int
    closed: bool
    fields: Mapping[str, Any]
    notes: tuple[Note, ...]
    suggestion: str | None
    answer: str | None

    @property
    def narrative(self) -> str:
        """Return all notes, one per line."""
        return "\n".join(note.text for note in self.notes)


class IncidentStore:
    """The incidents of one database; safe to share between threads."""

    def __init__(self, url: str, encryption: NoteEncryption) -> None:
        """Open the database, which the ledger has migrated, and derive the key of the incidents."""
        self.engine = database.open_engine(url)
        self._fingerprint, self._lock = encryption.fingerprint, threading.Lock()
        self.cipher = Fernet(base64.urlsafe_b64encode(encryption.derive("incidents")))

    def put(self, incident_id: str, fields: Mapping[str, Any], *, closed: bool) -> tuple[Incident, bool]:
        """Store the fields of an incident; return it, and whether it was created or changed."""
        with self.writing() as connection:
            current = self._read(connection, incident_id)
            if current is not None and current.closed == closed and dict(current.fields) == dict(fields):
                return current, False
            values = {
                "closed": int(closed), "changed_at": instant_text(datetime.now(UTC)),
                "fields": self._seal(json.dumps(fields)), "revision": 1 if current is None else current.revision + 1,
            }  # fmt: skip
            if current is None:
                connection.execute(sa.insert(incidents).values(incident_id=incident_id, answered=0, **values))
            else:
                connection.execute(sa.update(incidents).where(incidents.c.incident_id == incident_id).values(**values))
            changed = self._read(connection, incident_id)
        assert changed is not None  # noqa: S101  it was written in this transaction
        return changed, True

    def add_note(self, incident_id: str, note_id: str, text: str) -> tuple[Incident, bool] | None:
        """Add a note; return the incident, and whether the note is new, or `None` where no such incident is linked.

        Raises `LedgerConflict` where the id was used for another text, and `InvalidEntry` where the notes together would be
        longer than a narrative may be.
        """
        fingerprint = self._fingerprint(text)
        with self.writing() as connection:
            current = self._read(connection, incident_id)
            if current is None:
                return None
            query = sa.select(notes.c.fingerprint).where(notes.c.incident_id == incident_id, notes.c.note_id == note_id)
            stored = connection.execute(query).scalar()
            if stored is not None:
                if stored != fingerprint:
                    raise LedgerConflict("this note_id was used for another text", remedy="give each note an id of its own")
                return current, False
            if len(current.narrative) + 1 + len(text) > MAX_NARRATIVE:
                raise InvalidEntry("the notes are too long together", remedy=f"at most {MAX_NARRATIVE} characters")
            self._insert_note(connection, current, Note(len(current.notes) + 1, note_id, text))
            changed = self._read(connection, incident_id)
        assert changed is not None  # noqa: S101  it was written in this transaction
        return changed, True

    def keep_answer(self, incident_id: str, *, revision: int, answer: str, suggestion: str, push: Push | None) -> bool:
        """Store the answer to a revision; return whether it changed the suggestion.

        Where a newer revision has an answer already, nothing is stored. `push` is stored together with the answer.
        """
        where = incidents.c.incident_id == incident_id
        with self.writing() as connection:
            row = connection.execute(sa.select(incidents.c.answered, incidents.c.suggestion).where(where)).first()
            if row is None or row.answered >= revision:
                return False
            values = {"answered": revision, "answer": self._seal(answer), "suggestion": suggestion}
            connection.execute(sa.update(incidents).where(where).values(**values))
            changed = bool(row.suggestion != suggestion)
            if changed and push is not None:
                insert_push(connection, push, self._seal(push.body))
        return changed

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident, or `None` where none with this id is linked."""
        with database_errors(self.engine, _FAULT), self.engine.connect() as connection:
            return self._read(connection, incident_id)

    def seen(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the values of some fields in the latest incidents, the most frequent first."""
        latest = sa.select(incidents.c.fields).order_by(incidents.c.changed_at.desc()).limit(MOST_READ)
        with database_errors(self.engine, _FAULT), self.engine.connect() as connection:
            sealed = connection.execute(latest).scalars().all()
        counts: dict[str, Counter[str]] = {name: Counter() for name in names}
        for fields in (json.loads(self._open(each)) for each in sealed):
            for name in names:
                counts[name].update([fields[name].strip()] if fields.get(name, "").strip() else [])
        return {name: [value for value, _ in count.most_common(MOST_SEEN)] for name, count in counts.items()}

    def purge(self, now: datetime | None = None) -> int:
        """Delete incidents unchanged for `KEEP_HOURS`, their notes, and old pushes; return the number of incidents."""
        now = now or datetime.now(UTC)
        before, pushed_before = (instant_text(now - timedelta(hours=hours)) for hours in (KEEP_HOURS, KEEP_PUSHES_HOURS))
        old = sa.select(incidents.c.incident_id).where(incidents.c.changed_at < before)
        with self.writing() as connection:
            connection.execute(sa.delete(notes).where(notes.c.incident_id.in_(old)))
            connection.execute(sa.delete(pushes).where(pushes.c.made_at < pushed_before))
            return int(connection.execute(sa.delete(incidents).where(incidents.c.changed_at < before)).rowcount)

    def close(self) -> None:
        """Close the database's connections."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that excludes other writers of incidents."""
        # Threads of one process wait for the first lock, and not in the database.
        with self._lock, database_errors(self.engine, _FAULT), exclusive(self.engine, lock=LOCK) as connection:
            yield connection

    def _insert_note(self, connection: sa.Connection, incident: Incident, note: Note) -> None:
        """Insert a note, and raise the incident's revision."""
        revision, where = incident.revision + 1, incidents.c.incident_id == incident.incident_id
        connection.execute(
            sa.insert(notes).values(
                incident_id=incident.incident_id,
                number=note.number,
                note_id=note.note_id,
                revision=revision,
                fingerprint=self._fingerprint(note.text),
                text=self._seal(note.text),
            )
        )
        values = {"revision": revision, "changed_at": instant_text(datetime.now(UTC))}
        connection.execute(sa.update(incidents).where(where).values(**values))

    def _read(self, connection: sa.Connection, incident_id: str) -> Incident | None:
        """Return an incident with its notes."""
        row = connection.execute(sa.select(incidents).where(incidents.c.incident_id == incident_id)).first()
        if row is None:
            return None
        query = sa.select(notes).where(notes.c.incident_id == incident_id).order_by(notes.c.number)
        return Incident(
            incident_id=incident_id,
            revision=row.revision,
            answered=row.answered,
            closed=bool(row.closed),
            fields=json.loads(self._open(row.fields)),
            notes=tuple(Note(each.number, each.note_id, self._open(each.text)) for each in connection.execute(query)),
            suggestion=row.suggestion,
            answer=None if row.answer is None else self._open(row.answer),
        )

    def _seal(self, text: str) -> bytes:
        """Return a text, encrypted."""
        return self.cipher.encrypt(text.encode())

    def _open(self, sealed: bytes) -> str:
        """Return an encrypted text, decrypted."""
        return self.cipher.decrypt(sealed).decode()
