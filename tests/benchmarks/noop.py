"""Be the least a service can be with the same schemas: it reads a call, and answers one and the same decision."""

from datetime import UTC, datetime

from fastapi import FastAPI

from models.call import Call
from models.program import load_program
from models.router import Router
from models.rules import Rulebook
from serving.schemas import CallIn, DecisionOut

app = FastAPI()
_SAME = Router(
    bundle=None, program=load_program(), rulebook=Rulebook(), now=lambda: datetime(2026, 1, 1, tzinfo=UTC)
).decide(Call(narrative="male asleep in doorway of store, refusing to leave", call_type="Trespass"))
_ANSWER = DecisionOut.model_validate(_SAME.to_dict())


@app.post("/v1/decisions")
async def decide(call: CallIn) -> DecisionOut:  # noqa: ARG001
    """Answer what was answered before."""
    return _ANSWER
