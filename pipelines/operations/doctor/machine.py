"""Checks of the machine: free space on the disks that the service writes to, and its clock."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.operations.doctor.finding import Deployment, Finding, Level

LITTLE, LEAST = 2 * 2**30, 256 * 2**20
"""Free bytes below which a disk gives WARN, and below which it gives FAIL: with a full disk every answer is 503."""

DRIFT, BROKEN = timedelta(seconds=2), timedelta(seconds=60)
"""The deviation of the clock from which on it gives WARN, and from which on it gives FAIL."""


def disk(deployment: Deployment) -> Iterator[Finding]:
    """Yield the finding on the free space of each disk that the service writes to, once per disk."""
    seen = set()
    for folder in deployment.folders:
        existing = _existing(folder.absolute())
        device = existing.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(existing).free
        detail = f"{free / 2**30:.1f} GiB free under {existing}"
        if free >= LITTLE:
            yield Finding(Level.OK, "disk", detail)
        else:
            remedy = "free some space: a decision that cannot be recorded is not given"
            yield Finding(Level.FAIL if free < LEAST else Level.WARN, "disk", detail, remedy)


def clock(now: datetime, *, server: datetime | None, last_entry: datetime | None) -> Finding:
    """Return the finding on this machine's clock, compared with the database's and with the time of the last entry."""
    off = max(
        timedelta(0) if server is None else abs(server - now),
        timedelta(0) if last_entry is None else last_entry - now,
        timedelta(0),
    )
    if server is None and last_entry is None:
        return Finding(Level.OK, "clock", "nothing to compare it with: the ledger has no entry yet")
    compared = "the last entry" if server is None else "the database and the last entry"
    detail = f"{off.total_seconds():.1f} s off {compared}"
    if off <= DRIFT:
        return Finding(Level.OK, "clock", detail)
    return Finding(Level.FAIL if off > BROKEN else Level.WARN, "clock", detail, "synchronise the clock (NTP)")


def _existing(folder: Path) -> Path:
    """Return a folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
