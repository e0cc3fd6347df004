"""Suggestions and judgements that wait to be sent to CAD, and those that could not be sent: the dead letters.

Several workers share the table. A worker takes a row by moving its due time ahead, so that the row becomes due again where
that worker ends before it has sent it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from models.common.instants import instant_text
from models.ledger.schema import incident_pushes as pushes

WAITING, DEAD = "waiting", "dead"
LEASE_SECONDS = 60
"""How long a worker has for one attempt before another may take the row."""

MOST_LISTED = 1000
Writing = Callable[[], AbstractContextManager[sa.Connection]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One changed suggestion, or one judgement, as it is sent: `body` is JSON."""

    push_id: str
    incident_id: str
    revision: int
    made_at: str
    body: str
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A push that could not be sent, without its content."""

    push_id: str
    incident_id: str
    revision: int
    made_at: str
    attempts: int
    fault: str | None


def insert_push(connection: sa.Connection, push: Push, sealed: bytes) -> None:
    """Write a push in the transaction of its answer, so that both are stored or neither is."""
    values = {"push_id": push.push_id, "incident_id": push.incident_id, "revision": push.revision, "made_at": push.made_at}
    connection.execute(sa.insert(pushes).values(**values, state=WAITING, attempts=0, next_at=push.made_at, body=sealed))


class Outbox:
    """The pushes of one database; safe to share between threads."""

    def __init__(self, writing: Writing, cipher: Fernet) -> None:
        """Store the function that begins a transaction, and the cipher of the bodies."""
        self._writing, self._cipher = writing, cipher

    def add(self, push: Push) -> None:
        """Queue a push to be sent; one with the same id that is queued, or is a dead letter, is left unchanged."""
        known = sa.select(pushes.c.push_id).where(pushes.c.push_id == push.push_id)
        with self._writing() as connection:
            if connection.execute(known).first() is None:
                insert_push(connection, push, self._cipher.encrypt(push.body.encode()))

    def take(self, now: datetime) -> Push | None:
        """Return the push that has been due longest, reserved for this worker for a while; `None` where none is due.

        Of each incident only the oldest waiting push is due, so that changes arrive in order.
        """
        older = pushes.alias("older")
        before = sa.or_(
            older.c.revision < pushes.c.revision,
            sa.and_(older.c.revision == pushes.c.revision, older.c.made_at < pushes.c.made_at),
        )
        first = ~sa.exists().where(older.c.incident_id == pushes.c.incident_id, older.c.state == WAITING, before)
        due = sa.select(pushes).where(pushes.c.state == WAITING, pushes.c.next_at <= instant_text(now), first)
        with self._writing() as connection:
            row = connection.execute(due.order_by(pushes.c.next_at, pushes.c.push_id).limit(1)).first()
            if row is None:
                return None
            lease = instant_text(now + timedelta(seconds=LEASE_SECONDS))
            self._update(connection, row.push_id, attempts=row.attempts + 1, next_at=lease)
        return Push(
            push_id=row.push_id, incident_id=row.incident_id, revision=row.revision, made_at=row.made_at,
            attempts=row.attempts + 1, body=self._cipher.decrypt(row.body).decode(),
        )  # fmt: skip

    def sent(self, push_id: str) -> None:
        """Delete a push that was delivered."""
        with self._writing() as connection:
            connection.execute(sa.delete(pushes).where(pushes.c.push_id == push_id))

    def failed(self, push_id: str, *, fault: str, retry_at: datetime | None) -> None:
        """Store why a push was not delivered and when it is tried again; without a time it becomes a dead letter."""
        values: dict[str, Any] = {"fault": fault[:100]}
        values |= {"state": DEAD} if retry_at is None else {"next_at": instant_text(retry_at)}
        with self._writing() as connection:
            self._update(connection, push_id, **values)

    def dead(self) -> list[DeadLetter]:
        """Return the dead letters, oldest first."""
        names = ("push_id", "incident_id", "revision", "made_at", "attempts", "fault")
        query = sa.select(*(pushes.c[name] for name in names)).where(pushes.c.state == DEAD)
        with self._writing() as connection:
            rows = connection.execute(query.order_by(pushes.c.made_at).limit(MOST_LISTED)).mappings().all()
        return [DeadLetter(**row) for row in rows]

    def resend(self, push_id: str, now: datetime) -> bool:
        """Queue a dead letter again; return whether there is one with this id."""
        again = sa.update(pushes).where(pushes.c.push_id == push_id, pushes.c.state == DEAD)
        with self._writing() as connection:
            return bool(connection.execute(again.values(state=WAITING, attempts=0, next_at=instant_text(now))).rowcount)

    @staticmethod
    def _update(connection: sa.Connection, push_id: str, **values: Any) -> None:
        """Change one row."""
        connection.execute(sa.update(pushes).where(pushes.c.push_id == push_id).values(**values))
