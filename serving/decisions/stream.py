"""Answer a note while it is typed: each change gets a decision, stale work is dropped, and a veto stays until cleared.

The client sends JSON: `{"type": "call", "seq": 1, "call": {...}}` for the whole call, `{"type": "patch", "seq": 2, "at": 10,
"delete": 0, "insert": "knife"}` for a change of the note, `{"type": "final", "seq": 3}` at the end, `{"type": "clear",
"seq": 4, "words": ["knife"]}` to take a veto back whose words are gone from the note, `{"type": "resume", "session": "..."}`
after a lost connection. The server answers `{"type": "session"}` once and `{"type": "decision", "seq": n}` for the newest
change. A decision given while typing is in the ledger too, marked as not final.
"""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from serving.api.schemas import CallIn
from serving.decisions.held_vetoes import Holds
from serving.decisions.service import Desk, NotWritten
from serving.security.authentication import Principal

DEBOUNCE_SECONDS = 0.03
"""How long a change waits for the next one; a typist's strokes are 100 ms apart, a pasted note comes at once."""

_KEEP_SECONDS, _MOST_SESSIONS, _MOST_BYTES = 600.0, 2000, 256 * 1024


@dataclass(slots=True)
class Session:
    """Hold one call as it is typed: the newest state, and the vetoes whose words are gone."""

    session: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    owner: str = ""
    call: dict[str, Any] = field(default_factory=lambda: {"narrative": ""})
    seq: int = 0
    final: bool = False
    holds: Holds = field(default_factory=Holds)
    seen: float = field(default_factory=time.monotonic)


class Sessions:
    """Keep calls for a while after their connection was lost, so that typing goes on where it stopped."""

    def __init__(self) -> None:
        """Start without any."""
        self._held: dict[str, Session] = {}

    def resume(self, name: str, owner: str) -> Session | None:
        """Return a call that the same person was typing."""
        found = self._held.get(name)
        return found if found is not None and found.owner == owner else None

    def keep(self, session: Session) -> None:
        """Keep a call, and forget those that were left long ago."""
        session.seen = time.monotonic()
        self._held[session.session] = session
        old = [name for name, held in self._held.items() if session.seen - held.seen > _KEEP_SECONDS]
        for name in [*old, *list(self._held)[: max(0, len(self._held) - _MOST_SESSIONS)]]:
            self._held.pop(name, None)

    def forget(self, session: Session) -> None:
        """Forget a call that is closed."""
        self._held.pop(session.session, None)


class Stream:
    """Serve one connection: one task reads what is typed, another answers the newest of it."""

    def __init__(self, socket: WebSocket, desk: Desk, principal: Principal, sessions: Sessions) -> None:
        """Keep the parts."""
        self.socket, self.desk, self.principal, self.sessions = socket, desk, principal, sessions
        self.session = Session(owner=principal.name)
        self._changed, self._closed = asyncio.Event(), False

    async def run(self) -> None:
        """Answer until the client leaves."""
        await self.socket.accept()
        self.desk.metrics.sockets.inc()
        await self._send({"type": "session", "session": self.session.session, "resumed": False})
        answering = asyncio.create_task(self._answer())
        try:
            while True:
                text = await self.socket.receive_text()
                if len(text) > _MOST_BYTES:
                    await self._refuse("the message is too large")
                    continue
                await self._read(text)
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass  # gone, or not text; what was typed is kept for a while
        finally:
            self._closed = True
            self._changed.set()
            self.sessions.forget(self.session) if self.session.final else self.sessions.keep(self.session)
            answering.cancel()
            self.desk.metrics.sockets.dec()

    async def _read(self, text: str) -> None:
        """Take one message in."""
        try:
            message = json.loads(text)
            kind, seq = message["type"], int(message.get("seq", self.session.seq + 1))
        except (ValueError, KeyError, TypeError, RecursionError):
            await self._refuse("the message is not what this route reads")
            return
        try:
            await self._take(kind, seq, message)
        except (ValueError, TypeError):
            await self._refuse("a part of the message is of another kind", seq)
        except NotWritten as error:
            await self._refuse(str(error), seq)

    async def _take(self, kind: str, seq: int, message: dict[str, Any]) -> None:
        """Do what a message says; raise `ValueError` or `TypeError` where a part of it is of another kind."""
        if kind == "resume":
            await self._resume(str(message.get("session", "")))
            return
        if kind == "call" and isinstance(message.get("call"), dict):
            self.session.call = {"narrative": ""} | message["call"]
        elif kind == "patch":
            self._patch(message)
        elif kind == "clear":
            await self._clear(message)
        elif kind != "final":
            await self._refuse("no such type of message")
            return
        self.session.seq, self.session.final = seq, kind == "final"
        self._changed.set()

    def _patch(self, message: dict[str, Any]) -> None:
        """Change the note as it was changed where it is typed."""
        note = str(self.session.call.get("narrative", ""))
        at = max(0, min(len(note), int(message.get("at", len(note)))))
        end = max(at, min(len(note), at + int(message.get("delete", 0))))
        self.session.call["narrative"] = note[:at] + str(message.get("insert", "")) + note[end:]

    async def _clear(self, message: dict[str, Any]) -> None:
        """Take back a veto whose words a person says are no longer so; the ledger keeps who did it."""
        taken = self.session.holds.take_back({str(word).lower() for word in message.get("words", [])})
        if taken:
            rules = [veto.rule_id for veto in taken]
            content = {"decision_id": taken[0].decision_id, "actor": self.principal.name, "rules": rules}
            await self.desk.write("cleared", content)

    async def _resume(self, name: str) -> None:
        """Go on with a call after a lost connection."""
        found = self.sessions.resume(name, self.principal.name)
        if found is not None:
            self.session = found
            self._changed.set()
        await self._send({"type": "session", "session": self.session.session, "resumed": found is not None})

    async def _answer(self) -> None:
        """Decide the newest state again and again; what came meanwhile makes older work stale."""
        while not self._closed:
            await self._changed.wait()
            if not self.session.final:
                await asyncio.sleep(DEBOUNCE_SECONDS)
            self._changed.clear()
            seq, final = self.session.seq, self.session.final
            try:
                call = CallIn.model_validate_json(json.dumps(self.session.call))
            except (ValidationError, ValueError):
                await self._refuse("the call cannot be read: mend its fields and send it again", seq)
                continue
            holds = self.session.holds
            holds.change(call.narrative)
            try:
                decision, text = await self.desk.decide(
                    call.to_call(), self.principal, via="stream", final=final, caller=call.caller_key, held=holds.rules
                )
            except NotWritten as error:
                await self._refuse(str(error), seq)
                continue
            holds.judge(decision.to_dict())
            if seq != self.session.seq:
                continue  # another change came while this one was decided
            held = holds.to_records()
            answer = {"type": "decision", "seq": seq, "final": final, "decision": json.loads(text), "held_vetoes": held}
            if held and not decision.vetoed:
                answer["recommendation"] = "NOT_ELIGIBLE"
            await self._send(answer)

    async def _refuse(self, why: str, seq: int | None = None) -> None:
        """Say what is wrong, and never what was sent."""
        await self._send({"type": "error", "seq": seq, "detail": why})

    async def _send(self, message: dict[str, Any]) -> None:
        """Send one message, unless the client has gone."""
        try:
            await self.socket.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        except (RuntimeError, WebSocketDisconnect):
            self._closed = True
