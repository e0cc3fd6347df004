"""Be the least a service can be with the same schemas: it reads a call, and answers one and the same decision.

`synced` first writes one row of a decision's size into SQLite, in WAL and fully synced: the least that a service can be that
keeps what it acknowledges.
"""

import os
import sqlite3
from datetime import UTC, datetime

from fastapi import FastAPI

from models.call import Call
from models.programs.program import load_program
from models.router import Router
from models.veto import VetoMatcher
from serving.schemas import CallIn, DecisionOut

app = FastAPI()
_SAME = Router(
    bundle=None, program=load_program(), matcher=VetoMatcher(), now=lambda: datetime(2026, 1, 1, tzinfo=UTC)
).decide(Call(narrative="male asleep in doorway of store, refusing to leave", call_type="Trespass"))
_ANSWER = DecisionOut.model_validate(_SAME.to_dict())


@app.post("/v1/decisions")
async def decide(call: CallIn) -> DecisionOut:  # noqa: ARG001
    """Answer what was answered before."""
    return _ANSWER


def synced() -> FastAPI:
    """Return the service that keeps a row of each request."""
    kept = FastAPI()
    connection = sqlite3.connect(os.environ["NOOP_DATABASE"], isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows (payload TEXT)")
    payload = "x" * 1500

    @kept.post("/v1/decisions")
    async def decide(call: CallIn) -> DecisionOut:  # noqa: ARG001
        """Write, and answer what was answered before."""
        connection.execute("INSERT INTO rows VALUES (?)", (payload,))
        return _ANSWER

    return kept
