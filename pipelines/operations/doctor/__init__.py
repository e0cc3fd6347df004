"""Checks of a deployment: keys, database, clock, disk, model and program, with a remedy for each fault.

Nothing is changed: an older ledger is not migrated, and the test write to the database is rolled back.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from pipelines.operations.doctor import database, keys, machine, model, program
from pipelines.operations.doctor.finding import Deployment, Finding, Level

__all__ = ["Deployment", "Finding", "Level", "examine"]


def examine(deployment: Deployment, *, now: datetime | None = None) -> Iterator[Finding]:
    """Yield the finding of each check of a deployment, in the order in which to repair faults."""
    moment = now or datetime.now(UTC)
    yield from keys.findings(deployment)
    yield from machine.disk(deployment)
    yield from database.findings(deployment, now=moment)
    yield from model.findings(deployment, now=moment)
    yield from program.findings(deployment, now=moment)
