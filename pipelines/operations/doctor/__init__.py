"""The examination of a deployment: keys, database, clock, disk, model and program, each with a remedy for what is wrong.

Nothing is changed: an older ledger is not migrated, and the row that shows that the database can be written is undone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from pipelines.operations.doctor import database, keys, machine, model, program
from pipelines.operations.doctor.finding import Deployment, Finding, Level

__all__ = ["Deployment", "Finding", "Level", "examine"]


def examine(deployment: Deployment, *, now: datetime | None = None) -> Iterator[Finding]:
    """Yield what each check of a deployment says, in an order in which faults are mended."""
    moment = now or datetime.now(UTC)
    yield from keys.findings(deployment)
    yield from machine.disk(deployment)
    yield from database.findings(deployment, now=moment)
    yield from model.findings(deployment, now=moment)
    yield from program.findings(deployment, now=moment)
