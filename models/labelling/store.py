"""Labels in an SQLite or PostgreSQL database of their own: the queue, who has which call, and every answer.

Calls are encrypted with a key made from the hash key; a labeller's browser keeps nothing. Share a store between threads,
and a database between processes. Errors of the database are `LedgerUnavailable`.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken

from models.call import Call
from models.common.instants import instant_text
from models.errors import InvalidConfig, InvalidEntry
from models.labelling import schema
from models.labelling.label import FLAGS, Judgement, Label, LabelTask, Prediction
from models.labelling.progress import LabelledItem
from models.ledger import database
from models.ledger.database import WRITING, database_errors, exclusive
from models.ledger.encryption import NoteEncryption

GUIDE = Path(__file__).with_name("guide.txt")
LEASE_MINUTES = 15
"""How long a call waits for the person who has it before them, until another may have it."""

LOCK = database.LOCK + 2
"""The number of PostgreSQL's advisory lock that writers of labels share."""

_FAULT = "labels cannot be read or written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A task with its place: how it was drawn, its rank in the random permutation, and how many people label it."""

    task: LabelTask
    drawn_by: str
    random_rank: int | None
    needed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a project was made with; `pool` is how many calls it was drawn from."""

    guide: str
    pool: int
    random_share: float
    double_share: float
    seed: int
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A call before a person; to an adjudicator also what was said of it."""

    item_id: int
    task: LabelTask
    judgements: tuple[Judgement, ...] = ()


class LabelStore:
    """The one project of a database."""

    def __init__(self, url: str, encryption: NoteEncryption) -> None:
        """Open a project; raise `InvalidConfig` where there is none, or where it was made with another key."""
        self._engine = database.open_engine(url)
        self._cipher = Fernet(base64.urlsafe_b64encode(encryption.derive("labels")))
        try:
            self.project = self._read_project()
        except BaseException:
            self._engine.dispose()
            raise

    @classmethod
    def create(cls, url: str, encryption: NoteEncryption, project: Project, queue: Sequence[Queued]) -> "LabelStore":
        """Create a project with its calls and the judgements that came with them, and open it.

        Raises `InvalidConfig` where there is one already.
        """
        engine = database.open_engine(url)
        cipher = Fernet(base64.urlsafe_b64encode(encryption.derive("labels")))
        file = database.sqlite_file(engine)
        if file is not None and file.exists():
            raise InvalidConfig("there are labels here already", value=str(file), remedy="give another place")
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with database_errors(engine, _FAULT):
                if sa.inspect(engine).has_table(schema.project.name):
                    raise InvalidConfig("there are labels here already", value=engine.url.database)
                with engine.connect().execution_options(**WRITING) as connection, connection.begin():
                    schema.metadata.create_all(connection)
                    _fill(connection, cipher, project, queue)
        finally:
            engine.dispose()
        return cls(url, encryption)

    def next_item(self, person: str, *, adjudicate: bool = False, now: datetime | None = None) -> Item | None:
        """Return the next call for a person: the one before them already, or else the first that waits for them.

        A person labels a call once, and nobody adjudicates a call that they labelled. An adjudicator is also told what was
        said of it; `None` where nothing waits.
        """
        now = now or datetime.now(UTC)
        with self._writing() as connection:
            items = self._items(connection)
            if adjudicate:
                waiting = [item for item in items if item.disputed and person not in _people(item)]
            else:
                waiting = _waiting(items, person, _leased(connection, now))
            item = next(iter(waiting), None)
            if item is None:
                return None
            if not adjudicate:
                _lease(connection, item.item_id, person, now)
            task = self._task(connection, item.item_id)
        return Item(item_id=item.item_id, task=task, judgements=item.judgements if adjudicate else ())

    def last_item(self, person: str) -> Item | None:
        """Return the call that a person labelled last and may still correct: nobody has adjudicated it."""
        table = schema.answers
        query = sa.select(table.c.item_id).where(table.c.person == person, table.c.adjudication.is_(False))
        with self._writing() as connection:
            item_id = connection.execute(query.order_by(table.c.seq.desc()).limit(1)).scalar()
            item = next((each for each in self._items(connection) if each.item_id == item_id), None)
            if item is None or any(each.adjudication for each in item.judgements):
                return None
            task = self._task(connection, item.item_id)
        own = tuple(each for each in item.judgements if each.person == person)
        return Item(item_id=item.item_id, task=task, judgements=own)

    def answer(self, item_id: int, judgement: Judgement) -> None:
        """Keep a judgement; a person's later one on the same call counts in place of the earlier.

        Raises `InvalidEntry` where there is no such call, where enough others have labelled it, or where it is not in
        dispute or was labelled by the adjudicator.
        """
        with self._writing() as connection:
            item = next((each for each in self._items(connection) if each.item_id == item_id), None)
            if item is None:
                raise InvalidEntry("there is no such call", value=item_id)
            _check(item, judgement)
            connection.execute(sa.insert(schema.answers).values(item_id=item_id, **_row(judgement)))
            table = schema.leases
            connection.execute(sa.delete(table).where(table.c.item_id == item_id, table.c.person == judgement.person))

    def items(self) -> list[LabelledItem]:
        """Return the queue in order, each call with its judgements."""
        with database_errors(self._engine, _FAULT), self._engine.connect() as connection:
            return self._items(connection)

    def tasks(self) -> Iterator[tuple[LabelledItem, LabelTask]]:
        """Yield the queue in order with the calls."""
        with database_errors(self._engine, _FAULT), self._engine.connect() as connection:
            for item in self._items(connection):
                yield item, self._task(connection, item.item_id)

    def close(self) -> None:
        """Close the database's connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that no other writer of labels shares."""
        with database_errors(self._engine, _FAULT), exclusive(self._engine, lock=LOCK) as connection:
            yield connection

    def _read_project(self) -> Project:
        """Return the project; raise `InvalidConfig` where there is none or the key is another."""
        file = database.sqlite_file(self._engine)
        place = str(file or self._engine.url.database)
        missing = InvalidConfig("there are no labels here", value=place, remedy="heartline label create makes a project")
        if file is not None and not file.exists():
            raise missing
        with database_errors(self._engine, _FAULT), self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(schema.project.name):
                raise missing
            row = connection.execute(sa.select(schema.project)).mappings().one()
            first = connection.execute(sa.select(schema.items.c.task).limit(1)).scalar()
        if row["format"] != schema.FORMAT:
            raise InvalidConfig("a later release wrote these labels", value=row["format"])
        try:
            self._cipher.decrypt(first or self._cipher.encrypt(b""))
        except InvalidToken:
            raise InvalidConfig("this is not the key of these labels", remedy="set HEARTLINE_HASH_KEY to the same") from None
        return Project(**{name: row[name] for name in Project.__dataclass_fields__})

    @staticmethod
    def _items(connection: sa.Connection) -> list[LabelledItem]:
        """Return the queue with the last judgement of each person on each call, in the order in which they came."""
        judgements: dict[int, dict[tuple[str, bool], Judgement]] = {}
        for row in connection.execute(sa.select(schema.answers).order_by(schema.answers.c.seq)).mappings():
            label = Label(eligible=row["eligible"], call_type=row["call_type"], **{name: row[name] for name in FLAGS})
            judgement = Judgement(
                person=row["person"], label=label, seconds=row["seconds"], adjudication=row["adjudication"]
            )
            judgements.setdefault(row["item_id"], {})[judgement.person, judgement.adjudication] = judgement
        columns = schema.items.c
        query = sa.select(columns.item_id, columns.needed, columns.drawn_by, columns.random_rank).order_by(columns.item_id)
        return [
            LabelledItem(**row, judgements=tuple(judgements.get(row["item_id"], {}).values()))
            for row in connection.execute(query).mappings()
        ]

    def _task(self, connection: sa.Connection, item_id: int) -> LabelTask:
        """Return the call of an item, with the predictions that came with it."""
        query = sa.select(schema.items.c.task).where(schema.items.c.item_id == item_id)
        record = json.loads(self._cipher.decrypt(connection.execute(query).scalar_one()))
        predictions = tuple(
            Prediction(model_version=each["model_version"], score=each["score"], choices=tuple(each["choices"]))
            for each in record["predictions"]
        )
        return LabelTask(call=Call.from_record(record["call"]), predictions=predictions, more=record["more"])


def _fill(connection: sa.Connection, cipher: Fernet, project: Project, queue: Sequence[Queued]) -> None:
    """Write a project's row, its calls, and the judgements that came with them."""
    values = asdict(project) | {"format": schema.FORMAT, "created_at": instant_text(datetime.now(UTC))}
    connection.execute(sa.insert(schema.project).values(**values))
    for item_id, queued in enumerate(queue, start=1):
        record = {
            "call": queued.task.call.to_record(), "more": dict(queued.task.more),
            "predictions": [asdict(each) for each in queued.task.predictions],
        }  # fmt: skip
        row = {"item_id": item_id, "needed": queued.needed, "drawn_by": queued.drawn_by, "random_rank": queued.random_rank}
        sealed = cipher.encrypt(json.dumps(record, default=str).encode())
        connection.execute(sa.insert(schema.items).values(**row, task=sealed))
        for judgement in queued.task.judgements:
            connection.execute(sa.insert(schema.answers).values(item_id=item_id, **_row(judgement)))


def _row(judgement: Judgement) -> dict[str, object]:
    """Return a judgement as the columns of an answer, given now."""
    label = judgement.label
    return {
        "person": judgement.person, "adjudication": judgement.adjudication, "at": instant_text(datetime.now(UTC)),
        "seconds": judgement.seconds, "eligible": label.eligible, "call_type": label.call_type,
        **{name: getattr(label, name) for name in FLAGS},
    }  # fmt: skip


def _people(item: LabelledItem) -> set[str]:
    """Return who labelled a call blind."""
    return {each.person for each in item.judgements if not each.adjudication}


def _waiting(items: Sequence[LabelledItem], person: str, leased: dict[int, set[str]]) -> list[LabelledItem]:
    """Return the calls that wait for a person: those before them first, then those that nobody else has or will finish."""
    mine, free = [], []
    for item in items:
        people, holders = _people(item), leased.get(item.item_id, set())
        if person in people or len(people) >= item.needed:
            continue
        if person in holders:
            mine.append(item)
        elif len(people | holders) < item.needed:
            free.append(item)
    return [*mine, *free]


def _leased(connection: sa.Connection, now: datetime) -> dict[int, set[str]]:
    """Return who has which call before them now."""
    table, holders = schema.leases, dict[int, set[str]]()
    for row in connection.execute(sa.select(table.c.item_id, table.c.person).where(table.c.until > instant_text(now))):
        holders.setdefault(row.item_id, set()).add(row.person)
    return holders


def _lease(connection: sa.Connection, item_id: int, person: str, now: datetime) -> None:
    """Put a call before a person for a while."""
    table = schema.leases
    connection.execute(sa.delete(table).where(table.c.item_id == item_id, table.c.person == person))
    until = instant_text(now + timedelta(minutes=LEASE_MINUTES))
    connection.execute(sa.insert(table).values(item_id=item_id, person=person, until=until))


def _check(item: LabelledItem, judgement: Judgement) -> None:
    """Raise `InvalidEntry` where a judgement may not be added."""
    people = _people(item)
    adjudicated = any(each.adjudication for each in item.judgements)
    if judgement.adjudication:
        if judgement.person in people:
            raise InvalidEntry("a call is adjudicated by someone who did not label it", value=item.item_id)
        if not (item.disputed or adjudicated):
            raise InvalidEntry("the call is not in dispute", value=item.item_id)
    elif adjudicated:
        raise InvalidEntry("the call was adjudicated", value=item.item_id)
    elif judgement.person not in people and len(people) >= item.needed:
        raise InvalidEntry("enough people labelled the call", value=item.item_id)
