"""Checks of the program: that its file is valid, that its units have hours, and that CAD sends the zones that it names."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from models.decision import Response
from models.errors import HeartlineError
from models.ledger import database, queries, schema
from models.programs.program import Program, load_program
from pipelines.operations.doctor.finding import NO_LEDGER, Deployment, Finding, Level, failed
from pipelines.operations.programs import faults

RECENT = 500
"""How many of the last entries are searched for the zones that CAD sends."""


def findings(deployment: Deployment, *, now: datetime) -> Iterator[Finding]:
    """Yield the findings on whether the program is valid and, where it is, on its hours and zones."""
    try:
        program = load_program(deployment.program)
    except HeartlineError as error:
        yield failed("program", error)
        return
    wrong = faults(program)
    remedy = f"heartline programs check {deployment.program}"
    yield (
        Finding(Level.FAIL, "program", "; ".join(wrong), remedy) if wrong else Finding(Level.OK, "program", program.version)
    )
    yield _hours(program, now)
    try:
        sent = _zones_sent(deployment)
    except HeartlineError:
        return  # the check of the database has said so
    yield _zones(program, sent)


def _hours(program: Program, now: datetime) -> Finding:
    """Return the finding on whether every unit has hours, with the units that are on duty now."""
    without_hours = sorted(response.value for response, unit in program.units.items() if not unit.shifts)
    remedy = "give each unit its hours in the program's file"
    if len(without_hours) == len(program.units):
        return Finding(Level.FAIL, "hours", "no unit is ever on duty", remedy)
    if without_hours:
        return Finding(Level.WARN, "hours", f"never on duty: {', '.join(without_hours)}", remedy)
    on_duty = [unit.value for unit in program.units if _on_duty(program, unit, now)]
    local = now.astimezone(program.time_zone)
    return Finding(Level.OK, "hours", f"on duty at {local:%a %H:%M} {program.time_zone}: {', '.join(on_duty) or 'nobody'}")


def _on_duty(program: Program, unit: Response, now: datetime) -> bool:
    """Return whether a unit is on duty at a moment."""
    availability = program.availability(unit, now, None)
    return availability is not None and bool(availability.on_duty)


def _zones(program: Program, sent: frozenset[str] | None) -> Finding:
    """Return the finding on whether the zones that CAD sends are those that the program names."""
    zones = [unit.zones for unit in program.units.values()]
    if not all(served is None or served for served in zones):
        return Finding(Level.FAIL, "zones", "a unit serves no zone", 'name its zones, or "all", in the program\'s file')
    named = frozenset().union(*(served for served in zones if served is not None))
    if not named:
        return Finding(Level.OK, "zones", "every unit serves the whole city")
    listed = f"the program names {', '.join(sorted(named)[:20])}"
    if sent is None:
        return Finding(Level.OK, "zones", f"{listed}; no call has been decided yet")
    if named & sent:
        return Finding(Level.OK, "zones", f"{listed}; recent calls came from {len(named & sent)} of them")
    if not sent:
        remedy = "map CAD's zone; without it no unit is known to be in reach"
        return Finding(Level.WARN, "zones", f"{listed}; no recent call has a zone", remedy)
    remedy = "write the program's zones as CAD writes them"
    return Finding(Level.FAIL, "zones", f"{listed}; no recent call came from any of them", remedy)


def _zones_sent(deployment: Deployment) -> frozenset[str] | None:
    """Return the zones of recent decisions; `None` where there are none, or no ledger of this release."""
    if deployment.ledger == NO_LEDGER:
        return None
    engine = database.open_engine(deployment.ledger)
    try:
        file = database.sqlite_file(engine)
        if file is not None and not file.exists():
            return None
        with database.database_errors(engine, queries.FAULT), engine.connect() as connection:
            if database.revision_of(connection) != schema.REVISION:
                return None
        after = max(0, queries.count(engine) - RECENT)
        decisions = [entry.content for entry in queries.select(engine, _IS_DECISION, after=after)]
    finally:
        engine.dispose()
    if not decisions:
        return None
    return frozenset(str(content["call"]["zone"]) for content in decisions if content.get("call", {}).get("zone"))


_IS_DECISION: sa.ColumnElement[bool] = schema.entries.c.kind == "decision"
