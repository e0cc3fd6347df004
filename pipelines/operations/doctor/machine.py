"""Checks of the machine: room on the disks that the service writes to, and its clock."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.operations.doctor.finding import Deployment, Finding, Level

LITTLE, LEAST = 2 * 2**30, 256 * 2**20
"""Free bytes below which a disk is a warning, and below which it fails: a full one ends all answers (503)."""

DRIFT, BROKEN = timedelta(seconds=2), timedelta(seconds=60)
"""How far a clock may be off before it is a warning, and before it fails."""


def disk(deployment: Deployment) -> Iterator[Finding]:
    """Yield the room on each disk that the service writes to, each disk once."""
    seen = set()
    for folder in deployment.folders:
        place = _existing(folder.absolute())
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(place).free
        detail = f"{free / 2**30:.1f} GiB free under {place}"
        if free >= LITTLE:
            yield Finding(Level.OK, "disk", detail)
        else:
            remedy = "make room: without it no decision can be written, and none is given"
            yield Finding(Level.FAIL if free < LEAST else Level.WARN, "disk", detail, remedy)


def clock(now: datetime, *, server: datetime | None, last_entry: datetime | None) -> Finding:
    """Return how far this machine's clock is from the database's, and whether the last entry lies in the future."""
    off = max(
        timedelta(0) if server is None else abs(server - now),
        timedelta(0) if last_entry is None else last_entry - now,
        timedelta(0),
    )
    if server is None and last_entry is None:
        return Finding(Level.OK, "clock", "there is nothing to compare it with: no entry yet")
    compared = "the last entry" if server is None else "the database and the last entry"
    detail = f"{off.total_seconds():.1f} s off {compared}"
    if off <= DRIFT:
        return Finding(Level.OK, "clock", detail)
    return Finding(Level.FAIL if off > BROKEN else Level.WARN, "clock", detail, "synchronise it (NTP)")


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())
