"""Add the index of who called: the keyed hash of a caller beside the final decisions on their calls."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "callers",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("decision_id", sa.String(64), nullable=False),
    )
    op.create_index("callers_by_caller", "callers", ["caller"])
