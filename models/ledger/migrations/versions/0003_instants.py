"""Write every instant as UTC text of one width, name the version of each hash, and refuse INSERT OR REPLACE.

The content of old rows is not touched and their hashes stay verifiable: only the columns that searches read are rewritten.
"""

import sqlalchemy as sa
from alembic import op

from models.common.instants import instant_text, parse_instant
from models.ledger.schema import APPEND_ONLY, INSTANT, NO_REPLACE

revision, down_revision = "0003", "0002"
_PAGE = 1000


def upgrade() -> None:
    """Add the columns and the table, rewrite the instants, and put the triggers back."""
    dialect = op.get_bind().dialect.name
    op.add_column("entries", sa.Column("hash_version", sa.SmallInteger, nullable=False, server_default="1"))
    op.execute("ALTER TABLE notes RENAME COLUMN sealed TO ciphertext")
    op.create_table(
        "properties",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
    )
    allow = "DROP TRIGGER entries_no_update" if dialect == "sqlite" else "ALTER TABLE entries DISABLE TRIGGER USER"
    op.execute(allow)
    _rewrite("entries", "seq", "at")
    _rewrite("notes", "decision_id", "delete_after")
    if dialect == "sqlite":
        op.execute(APPEND_ONLY["sqlite"]["entries_no_update"])
    else:
        op.execute("ALTER TABLE entries ENABLE TRIGGER USER")
        op.alter_column("entries", "at", type_=INSTANT)
        op.alter_column("notes", "delete_after", type_=INSTANT)
    for statement in NO_REPLACE[dialect].values():
        op.execute(statement)


def _rewrite(table: str, key: str, column: str) -> None:
    """Rewrite the instants of one column, page by page in the order of its key."""
    rows = sa.table(table, sa.column(key), sa.column(column))
    connection, last = op.get_bind(), None
    changed = sa.update(rows).where(rows.c[key] == sa.bindparam("row")).values({column: sa.bindparam("instant")})
    while True:
        query = sa.select(rows.c[key], rows.c[column]).order_by(rows.c[key]).limit(_PAGE)
        page = connection.execute(query if last is None else query.where(rows.c[key] > last)).all()
        if not page:
            return
        connection.execute(changed, [{"row": name, "instant": instant_text(parse_instant(at))} for name, at in page])
        last = page[-1][0]
