"""Reads of a ledger: rows in order, a page at a time, each page in a transaction of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from models.common.instants import instant_text, parse_instant
from models.ledger.database import database_errors
from models.ledger.schema import entries

PAGE = 1000
"""How many rows a read takes at once; between two pages nothing is held, neither lock nor snapshot."""

FAULT = "the ledger cannot be read"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger; `repeated` where the same request had written it before."""

    seq: int
    content: dict[str, Any]
    repeated: bool = False


def select(
    engine: sa.Engine,
    *conditions: sa.ColumnElement[bool],
    after: int = 0,
    up_to: int | None = None,
    limit: int | None = None,
) -> Iterator[Entry]:
    """Yield the entries that meet all conditions, in order; raise `LedgerUnavailable`."""
    for row in rows(engine, *conditions, after=after, up_to=up_to, limit=limit):
        yield Entry(int(row["seq"]), json.loads(row["payload"]))


def rows(
    engine: sa.Engine,
    *conditions: sa.ColumnElement[bool],
    after: int = 0,
    up_to: int | None = None,
    limit: int | None = None,
) -> Iterator[sa.RowMapping]:
    """Yield rows numbered above `after` and not above `up_to`, at most `limit`; raise `LedgerUnavailable`."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        query = sa.select(entries).where(entries.c.seq > after, *conditions).order_by(entries.c.seq).limit(size)
        if up_to is not None:
            query = query.where(entries.c.seq <= up_to)
        with database_errors(engine, FAULT), engine.connect() as connection:
            page = connection.execute(query).mappings().all()
        yield from page
        if len(page) < size:
            return
        after, left = int(page[-1]["seq"]), None if left is None else left - len(page)


def count(engine: sa.Engine) -> int:
    """Return the number of the last entry, 0 where there is none; raise `LedgerUnavailable`."""
    with database_errors(engine, FAULT), engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.max(entries.c.seq))).scalar() or 0)


def between(since: str | datetime | None, until: str | datetime | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a period, from `since` to before `until`; raise `InvalidInstant`.

    ISO 8601; a date is the start of that day, and where no offset is given the time is UTC.
    """
    conditions = []
    if since is not None:
        conditions.append(entries.c.at >= instant_text(parse_instant(since, zone=UTC)))
    if until is not None:
        conditions.append(entries.c.at < instant_text(parse_instant(until, zone=UTC)))
    return conditions
