"""One WebSocket on which a note is answered while it is typed; serving/README.md describes the messages.

One task reads what is typed, one answers the newest of it, one sends a heartbeat. Changes that come while one is answered
are answered together by the next answer; a final one is always answered, and stored even if the client has gone.
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
"""How long a change waits for the next one; a typist's strokes are 100 ms apart, a pasted note comes at once."""
HEARTBEAT_SECONDS = 1.0
MAX_MESSAGE = 256 * 1024
"""The longest message, in characters."""
MESSAGES_PER_SECOND = 100
STREAMS_PER_PERSON, STREAMS = 300, 1000
"""How many streams one person and all together may have open in one process."""
FINAL_SECONDS = 30.0
"""How long a final answer may take once its client has gone."""

NOT_ALLOWED, TOO_LARGE, TOO_MANY, FAILED, NOT_WRITTEN = 4401, 4413, 4429, 4500, 4503


class _Closing(Exception):
    """The stream is to be closed, with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep both."""
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
        """Keep the parts; `streams` counts the open ones of each person. Nothing of a `practice` call is written down."""
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
        """Answer until the client leaves, or close with a code and a reason where something fails."""
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
        except Exception:  # noqa: BLE001  whatever failed, the client must learn that nothing answers any more
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
                await asyncio.wait([answering], timeout=FINAL_SECONDS)  # stored, although the client has gone
            answering.cancel()

    async def _read(self) -> None:
        """Read messages until the client leaves."""
        while True:
            try:
                text = await self._socket.receive_text()
            except (WebSocketDisconnect, KeyError, RuntimeError):
                return  # gone, or bytes where text belongs
            if len(text) > MAX_MESSAGE:
                raise _Closing(TOO_LARGE, f"a message may have {MAX_MESSAGE} characters")
            if not self._rate.allows("messages"):
                raise _Closing(TOO_MANY, f"a stream may send {MESSAGES_PER_SECOND} messages a second")
            await self._take_text(text)

    async def _take_text(self, text: str) -> None:
        """Read one message, or answer what is wrong with it and go on."""
        try:
            message = MESSAGE.validate_json(text)
        except ValidationError as error:
            await self._refuse(*_described(error), seq=_seq_of(text))
            return
        if isinstance(message, ResumeMessage):
            await self._resume(message.session)
        elif message.seq < self._seq:
            await self._refuse("out_of_order", "the number is below the one before", seq=message.seq)
        else:
            await self._take(message)

    async def _take(self, message: CallMessage | PatchMessage | FinalMessage | ClearMessage) -> None:
        """Store a change, and let it be answered."""
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
            self._waiting.pop()  # a newer state is answered instead; a final one always is
        self._waiting.append(change)
        self._changed.set()

    async def _clear(self, message: ClearMessage) -> None:
        """Clear held vetoes; what cannot be written down is not cleared."""
        async with self._turn:
            try:
                await self._session.clear(message.ids, self._decisions, self._principal)
            except NotWritten as error:
                raise _Closing(NOT_WRITTEN, str(error)) from None

    async def _resume(self, token: str) -> None:
        """Go on with a call after a lost connection; what was typed on this one stays."""
        async with self._turn:
            session = self._tokens.load(token, self._principal.name)
            if session is not None:
                session.call = self._session.call
                self._session = session
        await self._greet(resumed=session is not None)

    async def _answer(self) -> None:
        """Answer what waits, in order, until the client has gone and no final change waits."""
        while True:
            while not self._waiting:
                if self._gone.is_set():
                    return
                self._changed.clear()
                await self._changed.wait()
            if not self._waiting[0].final:
                await asyncio.sleep(DEBOUNCE_SECONDS)
            while not self._authenticator.within_rate(self._principal):  # noqa: ASYNC110  time alone fills the bucket
                await asyncio.sleep(DEBOUNCE_SECONDS)
            change = self._waiting.popleft()
            if change.final or not self._gone.is_set():
                await self._answer_one(change)

    async def _answer_one(self, change: Change) -> None:
        """Answer one change; an answer that a newer change has overtaken is not sent."""
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
        """Send a heartbeat each second in which nothing else was sent; close where the person may no longer ask."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if not self._authenticator.still_valid(self._principal):
                raise _Closing(NOT_ALLOWED, "the key or the session has ended: sign in again")
            if time.monotonic() - self._sent_at >= HEARTBEAT_SECONDS * 0.9:
                await self._send({"type": "heartbeat", "at": _now(), "seq": self._seq})

    async def _greet(self, *, resumed: bool) -> None:
        """Send what the stream is, and its session."""
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
        """Send what is wrong, and never what was sent; the stream goes on."""
        await self._send({"type": "error", "seq": seq, "code": code, "detail": detail, "at": _now()})

    async def _send(self, message: dict[str, Any]) -> None:
        """Send one message, unless the client has gone."""
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
    """Take a task's exception, which `run` has dealt with or which comes after its end."""
    if not task.cancelled():
        task.exception()


def _now() -> str:
    """Return the present moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()


def _described(error: ValidationError) -> tuple[str, str]:
    """Return a code and what is wrong with a message, without the value."""
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return "invalid_message", "the message is not JSON"
    code = "invalid_call" if "call" in fault["loc"][1:] else "invalid_message"
    if fault["type"] == "extra_forbidden":
        return code, "there is an unknown field"
    return code, f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'message'}: {fault['msg']}"


def _seq_of(text: str) -> int | None:
    """Return the number that a refused message bears, where it can be read."""
    try:
        seq = json.loads(text).get("seq")
    except (ValueError, AttributeError, RecursionError):
        return None
    return seq if type(seq) is int else None
