"""Add the incidents that a CAD system links, their notes, and the changes of a suggestion that wait to be sent to it."""

from alembic import op

from models.ledger.schema import incident_notes, incident_pushes, incidents

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Make the tables."""
    for table in (incidents, incident_notes, incident_pushes):
        table.create(op.get_bind())
