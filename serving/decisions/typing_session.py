"""One call as it is typed. Between connections the page holds it, encrypted and signed, so that any worker can resume it."""

import base64
import json
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from models.call import MAX_NARRATIVE
from serving.decisions.held_vetoes import HeldVetoes, touches, unfinished_word
from serving.decisions.service import DecisionService
from serving.schemas import CallIn
from serving.security.principal import Principal

STREAM = "stream"
"""The way in of answers on a WebSocket."""
KEEP_SECONDS = 3600
"""How long after its last answer a session can be resumed."""


class NoteTooLong(ValueError):
    """A change would make the note longer than a note may be."""


class SessionTokens:
    """Encrypts and reads sessions; every worker of one service holds the same key."""

    def __init__(self, key: bytes) -> None:
        """Keep a key of 32 bytes."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def dump(self, session: "TypingSession") -> str:
        """Return a session as a token that only this service can read."""
        values = {
            "owner": session.owner, "vetoes": session.vetoes.dump(), "follows": session.follows, "case": session.case,
            "practice": session.practice,
        }  # fmt: skip
        return self._fernet.encrypt(zlib.compress(json.dumps(values).encode(), 1)).decode()

    def load(self, token: str, owner: str) -> "TypingSession | None":
        """Return the session of a token, or `None` where it is not valid here, is over, or is another person's."""
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
    """One state of a call that wants an answer: its number, the call, the caret, and whether it is the final one."""

    seq: int
    call: CallIn
    caret: int | None = None
    final: bool = False


@dataclass(slots=True)
class TypingSession:
    """The newest state of one call, the vetoes whose words are gone, and the final decision before the next one.

    `case` joins all answers to one typed call in the ledger; nothing of a call that is `practice` is written there.
    """

    owner: str
    call: CallIn = field(default_factory=lambda: CallIn(narrative=""))
    vetoes: HeldVetoes = field(default_factory=HeldVetoes)
    follows: str | None = None
    case: str = field(default_factory=lambda: secrets.token_hex(8))
    practice: bool = False

    def patch(self, at: int, delete: int, insert: str) -> None:
        """Change the note where it was changed; raise `NoteTooLong` and change nothing where it would be too long."""
        note = self.call.narrative
        changed = note[:at] + insert + note[at + delete :]
        if len(changed) > MAX_NARRATIVE:
            raise NoteTooLong
        self.call = self.call.model_copy(update={"narrative": changed})

    async def clear(self, veto_ids: list[str], decisions: DecisionService, principal: Principal) -> None:
        """Write into the ledger who cleared which held vetoes, and only then forget them; raise `NotWritten`."""
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
        answer = await decisions.decide(
            call.to_call(),
            principal,
            via=via,
            final=final,
            caller=call.caller_key,
            address=call.address_key,
            held=self.vetoes.rules,
            follows=self.follows,
            case=self.case,
            practice=self.practice,
            attended=True,
            bounded=via != STREAM,
        )
        self.vetoes.judge(answer.record, unfinished)
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
            "shown": "NOT_ELIGIBLE" if held else _shown(sent),
            "held_vetoes": held,
            "pending": [place for place, reason in enumerate(sent["reasons"]) if touches(reason, unfinished)],
            "session": tokens.dump(self),
        }


def _shown(sent: dict[str, Any]) -> str | None:
    """Return what the person is shown: the recommendation, or `None` where a trial hides it."""
    hidden = any(reason["code"] == "suggestion_hidden" for reason in sent["reasons"])
    return None if hidden else str(sent["recommendation"])
