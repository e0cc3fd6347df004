"""Make the ledger: entries that can only be added, and notes that can be purged."""

import sqlalchemy as sa
from alembic import op

from models.ledger.schema import APPEND_ONLY

revision, down_revision = "0001", None


def upgrade() -> None:
    """Make the tables and the triggers."""
    op.create_table(
        "entries",
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
    for name, column in (("call", "call_id"), ("decision", "decision_id"), ("time", "at")):
        op.create_index(f"entries_by_{name}", "entries", [column])
    op.create_table(
        "notes",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column("delete_after", sa.String(40), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name].values():
        op.execute(statement)
