"""The ledger's tables and the triggers that forbid changes, stated once for the code and for the migrations."""

import sqlalchemy as sa

from models.common.instants import WIDTH

REVISION = "0004"
"""The newest migration; a ledger of another revision is migrated when it is opened."""

metadata = sa.MetaData()
SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.String(WIDTH).with_variant(sa.String(WIDTH, collation="C"), "postgresql")
"""UTC text of one width; PostgreSQL compares it byte by byte as SQLite does, whatever language the database speaks."""

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("entry_id", sa.String(64), nullable=False, unique=True),
    sa.Column("at", INSTANT, nullable=False),
    sa.Column("call_id", sa.String(200)),
    sa.Column("decision_id", sa.String(64)),
    sa.Column("idempotency_key", sa.String(200), unique=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("hash_version", sa.SmallInteger, nullable=False, server_default="1"),
)
sa.Index("entries_by_call", entries.c.call_id)
sa.Index("entries_by_decision", entries.c.decision_id)
sa.Index("entries_by_time", entries.c.at)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("decision_id", sa.String(64), primary_key=True),
    sa.Column("delete_after", INSTANT, nullable=False),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
)

callers = sa.Table(
    "callers",
    metadata,
    sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
    sa.Column("caller", sa.String(64), nullable=False),
    sa.Column("decision_id", sa.String(64), nullable=False),
)
"""An index of final decisions by the keyed hash of who called; the entries themselves hold the same under their hash."""
sa.Index("callers_by_caller", callers.c.caller)

properties = sa.Table(
    "properties",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(64), nullable=False),
)
"""Facts of the ledger itself: `key_check` tells another key apart from a changed row."""

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("incident_id", sa.String(200), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("closed", sa.SmallInteger, nullable=False),
    sa.Column("changed_at", INSTANT, nullable=False),
    sa.Column("fields", sa.LargeBinary, nullable=False),
    sa.Column("suggestion", sa.String(100)),
    sa.Column("answer", sa.LargeBinary),
)
"""Incidents as a CAD system last described them, fields and answer encrypted; `answered` is the newest answered revision."""

incident_notes = sa.Table(
    "incident_notes",
    metadata,
    sa.Column("incident_id", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("note_id", sa.String(200), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("incident_id", "note_id"),
)
"""The notes of an incident in the order in which they came, encrypted; `revision` is the incident's with this note."""

incident_pushes = sa.Table(
    "incident_pushes",
    metadata,
    sa.Column("push_id", sa.String(64), primary_key=True),
    sa.Column("incident_id", sa.String(200), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("made_at", INSTANT, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", INSTANT, nullable=False),
    sa.Column("fault", sa.String(100)),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""Changes of a suggestion that are to be sent, encrypted: `waiting`, `dead` after the last attempt, deleted once sent."""
sa.Index("incident_pushes_due", incident_pushes.c.state, incident_pushes.c.next_at)

APPEND_ONLY = {
    "sqlite": {
        f"entries_no_{what.lower()}": f"""CREATE TRIGGER entries_no_{what.lower()} BEFORE {what} ON entries
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
        for what in ("UPDATE", "DELETE")
    },
    "postgresql": {
        "heartline_refuse": """CREATE FUNCTION heartline_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
        "entries_no_change": """CREATE TRIGGER entries_no_change BEFORE UPDATE OR DELETE ON entries
        FOR EACH ROW EXECUTE FUNCTION heartline_refuse()""",
        "entries_no_truncate": """CREATE TRIGGER entries_no_truncate BEFORE TRUNCATE ON entries
        EXECUTE FUNCTION heartline_refuse()""",
    },
}
"""What forbids changes, whoever asks, by dialect and name."""

NO_REPLACE = {
    "sqlite": {
        "entries_no_replace": """CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries WHEN EXISTS (
            SELECT 1 FROM entries
            WHERE seq = NEW.seq OR entry_id = NEW.entry_id OR idempotency_key = NEW.idempotency_key)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
    },
    "postgresql": {},
}
"""SQLite deletes a row that INSERT OR REPLACE replaces without asking the trigger on deletion."""

_PG_BODY = " BEGIN RAISE EXCEPTION 'the ledger is append-only'; END "


def guards_stand(connection: sa.Connection) -> bool:
    """Return whether every trigger that forbids changes is there, enabled and as it was written."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'"
        present = {row.name: row.sql for row in connection.exec_driver_sql(query)}
        return all(present.get(name) == sql for name, sql in (APPEND_ONLY["sqlite"] | NO_REPLACE["sqlite"]).items())
    enabled = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'entries'::regclass AND tgenabled IN ('O', 'A')"
    names = set(connection.exec_driver_sql(enabled).scalars())
    body = connection.exec_driver_sql("SELECT prosrc FROM pg_proc WHERE proname = 'heartline_refuse'").scalar()
    return {"entries_no_change", "entries_no_truncate"} <= names and body == _PG_BODY
