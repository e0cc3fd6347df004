"""One WebSocket on which a note is answered while it is typed; serving/README.md describes the messages.

One task reads the changes, one answers the newest, and one sends a heartbeat. Changes that arrive while one is being
answered get one answer together; a final change always gets its own, and is stored even if the client has disconnected.
"""

import asyncio
import json
import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from pydantic_core import to_json

from serving.decisions.messages import (
    MESSAGE,
    CallMessage,
    ClearMessage,
    FinalMessage,
    PatchMessage,
    ResumeMessage,
)
from serving.decisions.service import DecisionService, NotWritten
from serving.decisions.typing_session import STREAM, Change, NoteTooLong, SessionTokens, TypingSession
from serving.security.authentication import Authenticator
from serving.security.principal import Principal
from serving.security.rate_limit import RateLimiter

PROTOCOL = 2
DEBOUNCE_SECONDS = 0.03
"""How long a change waits for the next one; keystrokes are about 100 ms apart, the changes of a paste arrive together."""
HEARTBEAT_SECONDS = 1.0
MAX_MESSAGE = 256 * 1024
"""The longest message, in characters."""
MESSAGES_PER_SECOND = 100
STREAMS_PER_PERSON, STREAMS = 300, 1000
"""How many streams may be open in one process for one person, and for all persons."""
FINAL_SECONDS = 30.0
"""How long a final answer may take after its client has disconnected."""

NOT_ALLOWED, TOO_LARGE, TOO_MANY, FAILED, NOT_WRITTEN = 4401, 4413, 4429, 4500, 4503


class _Closing(Exception):
    """A reason to close the stream, with its code."""

    def __init__(self, code: int, reason: str) -> None:
        """Store code and reason."""
        super().__init__(reason)
        self.code, self.reason = code, reason


class CallStream:
    """One connection on which one call is typed."""

    def __init__(
        self,
        socket: WebSocket,
        principal: Principal,
        *,
        decisions: DecisionService,
        tokens: SessionTokens,
        authenticator: Authenticator,
        streams: Counter[str],
        practice: bool = False,
    ) -> None:
        """Store the parts; `streams` counts the open ones of each person. A `practice` call is not recorded."""
        self._socket, self._principal = socket, principal
        self._decisions, self._tokens = decisions, tokens
        self._authenticator, self._streams = authenticator, streams
        self._session = TypingSession(principal.name, practice=practice)
        self._waiting: deque[Change] = deque()
        self._answering_final = False
        self._changed, self._gone, self._turn = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._seq, self._sent_at = 0, 0.0
        self._rate = RateLimiter(MESSAGES_PER_SECOND)

    async def run(self) -> None:
        """Answer until the client disconnects; where something fails, close with a code and a reason."""
        await self._socket.accept()
        name, streams, metrics = self._principal.name, self._streams, self._decisions.metrics
        if streams[name] >= STREAMS_PER_PERSON or streams.total() >= STREAMS:
            await self._close(TOO_MANY, "too many streams are open")
            return
        streams[name] += 1
        metrics.sockets.inc()
        await self._greet(resumed=False)
        reading, answering, beating = (asyncio.create_task(run()) for run in (self._read, self._answer, self._beat))
        for task in (reading, answering, beating):
            task.add_done_callback(_retrieve)
        try:
            done, _ = await asyncio.wait([reading, answering, beating], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _Closing as closing:
            await self._close(closing.code, closing.reason)
        except Exception:  # noqa: BLE001  whatever failed, the client must be told that no answer will come
            metrics.faults.labels("stream").inc()
            await self._close(FAILED, "the service failed: treat the call as REVIEW")
        finally:
            metrics.sockets.dec()
            streams[name] -= 1
            self._gone.set()
            self._changed.set()
            reading.cancel()
            beating.cancel()
            if self._answering_final or any(change.final for change in self._waiting):
                await asyncio.wait([answering], timeout=FINAL_SECONDS)  # a final change is stored without its client too
            answering.cancel()

    async def _read(self) -> None:
        """Read messages until the client disconnects."""
        while True:
            try:
                text = await self._socket.receive_text()
            except (WebSocketDisconnect, KeyError, RuntimeError):
                return  # disconnected, or bytes in place of text
            if len(text) > MAX_MESSAGE:
                raise _Closing(TOO_LARGE, f"a message may have {MAX_MESSAGE} characters")
            if not self._rate.allows("messages"):
                raise _Closing(TOO_MANY, f"a stream may send {MESSAGES_PER_SECOND} messages a second")
            await self._take_text(text)

    async def _take_text(self, text: str) -> None:
        """Read one message; where it is invalid, send the fault and continue."""
        try:
            message = MESSAGE.validate_json(text)
        except ValidationError as error:
            await self._refuse(*_described(error), seq=_seq_of(text))
            return
        if isinstance(message, ResumeMessage):
            await self._resume(message.session)
        elif message.seq < self._seq:
            await self._refuse("out_of_order", "the number is lower than the last one", seq=message.seq)
        else:
            await self._take(message)

    async def _take(self, message: CallMessage | PatchMessage | FinalMessage | ClearMessage) -> None:
        """Store a change, and queue it to be answered."""
        caret = None
        if isinstance(message, CallMessage):
            self._session.call, caret = message.call, message.caret
        elif isinstance(message, PatchMessage):
            try:
                self._session.patch(message.at, message.delete, message.insert)
            except NoteTooLong:
                await self._refuse("note_too_long", "the note would be longer than a note may be", seq=message.seq)
                return
            caret = message.caret
        elif isinstance(message, ClearMessage):
            await self._clear(message)
        self._seq = message.seq
        change = Change(message.seq, self._session.call, caret, final=isinstance(message, FinalMessage))
        if self._waiting and not self._waiting[-1].final:
            self._waiting.pop()  # the newer state is answered in its place
        self._waiting.append(change)
        self._changed.set()

    async def _clear(self, message: ClearMessage) -> None:
        """Clear held vetoes; where that cannot be written into the ledger, none is cleared."""
        async with self._turn:
            try:
                await self._session.clear(message.ids, self._decisions, self._principal)
            except NotWritten as error:
                raise _Closing(NOT_WRITTEN, str(error)) from None

    async def _resume(self, token: str) -> None:
        """Continue a call after a lost connection; what was typed on this connection is kept."""
        async with self._turn:
            session = self._tokens.load(token, self._principal.name)
            if session is not None:
                session.call = self._session.call
                self._session = session
        await self._greet(resumed=session is not None)

    async def _answer(self) -> None:
        """Answer the queued changes in order, until the client has disconnected and no final change is queued."""
        while True:
            while not self._waiting:
                if self._gone.is_set():
                    return
                self._changed.clear()
                await self._changed.wait()
            if not self._waiting[0].final:
                await asyncio.sleep(DEBOUNCE_SECONDS)
            while not self._authenticator.within_rate(self._principal):  # noqa: ASYNC110  no event tells when the rate allows more
                await asyncio.sleep(DEBOUNCE_SECONDS)
            change = self._waiting.popleft()
            if change.final or not self._gone.is_set():
                await self._answer_one(change)

    async def _answer_one(self, change: Change) -> None:
        """Answer one change; its answer is not sent where a newer change is queued."""
        self._answering_final = change.final
        async with self._turn:
            try:
                answer = await self._session.answer(change, self._decisions, self._principal, self._tokens, via=STREAM)
            except NotWritten as error:
                raise _Closing(NOT_WRITTEN, str(error)) from None
        self._answering_final = False
        if change.final or not self._waiting:
            await self._send(answer)

    async def _beat(self) -> None:
        """Send a heartbeat in each second without another message; close where the person's access has ended."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if not self._authenticator.still_valid(self._principal):
                raise _Closing(NOT_ALLOWED, "the key or the session has ended: sign in again")
            if time.monotonic() - self._sent_at >= HEARTBEAT_SECONDS * 0.9:
                await self._send({"type": "heartbeat", "at": _now(), "seq": self._seq})

    async def _greet(self, *, resumed: bool) -> None:
        """Send the protocol and the session of the stream."""
        await self._send(
            {
                "type": "session",
                "protocol": PROTOCOL,
                "resumed": resumed,
                "session": self._tokens.dump(self._session),
                "held_vetoes": self._session.vetoes.to_records(),
                "heartbeat_ms": int(HEARTBEAT_SECONDS * 1000),
                "at": _now(),
            }
        )

    async def _refuse(self, code: str, detail: str, *, seq: int | None = None) -> None:
        """Send a fault, without the message that has it; the stream continues."""
        await self._send({"type": "error", "seq": seq, "code": code, "detail": detail, "at": _now()})

    async def _send(self, message: dict[str, Any]) -> None:
        """Send one message, unless the client has disconnected."""
        if self._gone.is_set():
            return
        self._sent_at = time.monotonic()
        try:
            await self._socket.send_text(to_json(message).decode())
        except (RuntimeError, WebSocketDisconnect):
            self._gone.set()

    async def _close(self, code: int, reason: str) -> None:
        """Close the socket; a reason may have 123 bytes."""
        try:
            await self._socket.close(code, reason.encode()[:120].decode(errors="ignore"))
        except (RuntimeError, WebSocketDisconnect):
            return  # closed already


def _retrieve(task: asyncio.Task[None]) -> None:
    """Retrieve a task's exception, so that asyncio does not report it: `run` has handled it, or has ended."""
    if not task.cancelled():
        task.exception()


def _now() -> str:
    """Return the present moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()


def _described(error: ValidationError) -> tuple[str, str]:
    """Return the code and the fault of a message, without its value."""
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return "invalid_message", "the message is not JSON"
    code = "invalid_call" if "call" in fault["loc"][1:] else "invalid_message"
    if fault["type"] == "extra_forbidden":
        return code, "there is an unknown field"
    return code, f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'message'}: {fault['msg']}"


def _seq_of(text: str) -> int | None:
    """Return the number of a refused message, `None` where it cannot be read."""
    try:
        seq = json.loads(text).get("seq")
    except (ValueError, AttributeError, RecursionError):
        return None
    return seq if type(seq) is int else None
