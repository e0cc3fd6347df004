"""One call while it is typed. The page keeps its session, encrypted and signed, so that any worker can resume it."""

import base64
import json
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from models.call import MAX_NARRATIVE
from serving.decisions import trial
from serving.decisions.held_vetoes import HeldVetoes, touches, unfinished_word
from serving.decisions.service import DecisionService, Request
from serving.schemas import CallIn
from serving.security.principal import Principal

STREAM = "stream"
"""The way in of calls on a WebSocket."""
KEEP_SECONDS = 3600
"""How long after its last answer a session can be resumed."""


class NoteTooLong(ValueError):
    """A change that would make the note longer than a note may be."""


class SessionTokens:
    """The encryption of sessions; every worker of one service has the same key."""

    def __init__(self, key: bytes) -> None:
        """Store a key of 32 bytes."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def dump(self, session: "TypingSession") -> str:
        """Return a session as a token that only this service can read."""
        values = {
            "owner": session.owner, "vetoes": session.vetoes.dump(), "follows": session.follows, "case": session.case,
            "practice": session.practice,
        }  # fmt: skip
        return self._fernet.encrypt(zlib.compress(json.dumps(values).encode(), 1)).decode()

    def load(self, token: str, owner: str) -> "TypingSession | None":
        """Return the session of a token, or `None` where the token is not valid, has expired, or is another person's."""
        try:
            values = json.loads(zlib.decompress(self._fernet.decrypt(token.encode(), ttl=KEEP_SECONDS)))
        except (InvalidToken, ValueError):
            return None
        if values["owner"] != owner:
            return None
        return TypingSession(
            owner, vetoes=HeldVetoes.load(values["vetoes"]), follows=values["follows"], case=values["case"],
            practice=values["practice"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One state of a call to be answered: its number, the call, the caret, and whether it is the final one."""

    seq: int
    call: CallIn
    caret: int | None = None
    final: bool = False


@dataclass(slots=True)
class TypingSession:
    """The newest state of one call, its held vetoes, and the id of its last final decision (`follows`).

    `case` is common to all answers to one typed call in the ledger; a `practice` call is not written there.
    """

    owner: str
    call: CallIn = field(default_factory=lambda: CallIn(narrative=""))
    vetoes: HeldVetoes = field(default_factory=HeldVetoes)
    follows: str | None = None
    case: str = field(default_factory=lambda: secrets.token_hex(8))
    practice: bool = False

    def patch(self, at: int, delete: int, insert: str) -> None:
        """Replace `delete` characters of the note after `at` by `insert`; raise `NoteTooLong` and change nothing else."""
        note = self.call.narrative
        changed = note[:at] + insert + note[at + delete :]
        if len(changed) > MAX_NARRATIVE:
            raise NoteTooLong
        self.call = self.call.model_copy(update={"narrative": changed})

    async def clear(self, veto_ids: list[str], decisions: DecisionService, principal: Principal) -> None:
        """Write into the ledger who cleared which held vetoes, and only then clear them; raise `NotWritten`."""
        by_decision: dict[str, list[Any]] = {}
        for mention in self.vetoes.find(veto_ids):
            by_decision.setdefault(mention.decision_id, []).append(mention)
        for decision_id, mentions in by_decision.items():
            content = {
                "decision_id": decision_id,
                "actor": principal.name,
                "rules": [mention.rule_id for mention in mentions],
                "vetoes": [mention.veto_id for mention in mentions],
            }
            if not self.practice:
                await decisions.write("cleared", content)
            self.vetoes.clear(mention.veto_id for mention in mentions)

    async def answer(
        self, change: Change, decisions: DecisionService, principal: Principal, tokens: SessionTokens, *, via: str
    ) -> dict[str, Any]:
        """Return the answer to a state of the call, once its decision is durable; raise `NotWritten`."""
        call, final = change.call, change.final
        self.vetoes.change(call.narrative)
        unfinished = None if final else unfinished_word(call.narrative, change.caret)
        request = Request(
            via=via,
            final=final,
            caller=call.caller_key,
            address=call.address_key,
            held=self.vetoes.rules,
            follows=self.follows,
            case=self.case,
            practice=self.practice,
            attended=True,
        )
        answer = await decisions.decide(call.to_call(), principal, request, bounded=via != STREAM)
        self.vetoes.update(answer.record, unfinished)
        if final:
            self.follows = answer.decision.decision_id
        sent = answer.shown
        held = self.vetoes.to_records()
        return {
            "type": "decision",
            "seq": change.seq,
            "final": final,
            "at": datetime.now(UTC).isoformat(),
            "decision": sent,
            "shown": "NOT_ELIGIBLE" if held else trial.shown(sent),
            "held_vetoes": held,
            "pending": [place for place, reason in enumerate(sent["reasons"]) if touches(reason, unfinished)],
            "session": tokens.dump(self),
        }
