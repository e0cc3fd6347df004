"""Declare the ledger's tables once, for the code and for the migrations."""

import sqlalchemy as sa

metadata = sa.MetaData()

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("entry_id", sa.String(64), nullable=False, unique=True),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("call_id", sa.String(200)),
    sa.Column("decision_id", sa.String(64)),
    sa.Column("idempotency_key", sa.String(200), unique=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
sa.Index("entries_by_call", entries.c.call_id)
sa.Index("entries_by_decision", entries.c.decision_id)
sa.Index("entries_by_time", entries.c.at)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("decision_id", sa.String(64), primary_key=True),
    sa.Column("delete_after", sa.String(40), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

callers = sa.Table(
    "callers",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("caller", sa.String(64), nullable=False),
    sa.Column("decision_id", sa.String(64), nullable=False),
)
"""An index of final decisions by the keyed hash of who called; what it says stands sealed in the entries."""
sa.Index("callers_by_caller", callers.c.caller)

APPEND_ONLY = {
    "sqlite": [
        f"""CREATE TRIGGER entries_no_{what.lower()} BEFORE {what} ON entries
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
        for what in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """CREATE FUNCTION heartline_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
        """CREATE TRIGGER entries_no_change BEFORE UPDATE OR DELETE ON entries
        FOR EACH ROW EXECUTE FUNCTION heartline_refuse()""",
        "CREATE TRIGGER entries_no_truncate BEFORE TRUNCATE ON entries EXECUTE FUNCTION heartline_refuse()",
    ],
}
"""What the database itself refuses, whoever asks."""
