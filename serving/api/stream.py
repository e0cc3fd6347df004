"""The note while it is typed: a WebSocket, and single requests for clients without one."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, WebSocket
from pydantic_core import to_json

from serving.api.dependencies import ServicesOf, Typist
from serving.decisions.messages import StreamIn
from serving.decisions.typing_session import Change, TypingSession
from serving.problems import RESPONSES
from serving.schemas import AnswerOut
from serving.services import Services

Practice = Annotated[bool, Query(description="Whether this is practice: nothing of the call is recorded.")]

router = APIRouter(prefix="/v1/stream", responses=RESPONSES, tags=["decisions"])


@router.websocket("")
async def stream(socket: WebSocket, principal: Typist, practice: Practice = False) -> None:  # noqa: FBT002  a query
    """Answer a note while it is typed; serving/README.md describes the messages."""
    services: Services = socket.app.state.services
    await services.stream_of(socket, principal, practice=practice).run()


@router.post("", response_model=AnswerOut)
async def answer_once(
    state: StreamIn,
    principal: Typist,
    services: ServicesOf,
    practice: Practice = False,  # noqa: FBT002  a query
) -> Response:
    """Answer one state of a note that is being typed, as the WebSocket does; `session` carries the held vetoes."""
    tokens = services.session_tokens
    session = tokens.load(state.session, principal.name) if state.session else None
    session = session or TypingSession(principal.name, practice=practice)
    await session.clear(state.clear, services.decisions, principal)
    change = Change(state.seq, state.call, state.caret, final=state.final)
    answer = await session.answer(change, services.decisions, principal, tokens, via="http")
    return Response(to_json(answer), media_type="application/json")
