"""What a client sends on the stream, checked before anything is done with it; unknown types and fields are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.call import MAX_NARRATIVE
from serving.schemas import CallIn

MAX_SEQ = 2**53 - 1
"""The largest number that JavaScript counts to exactly."""
MAX_SESSION = 512 * 1024
Seq = Annotated[int, Field(ge=0, le=MAX_SEQ, description="The number of this change; never below the one before.")]
Caret = Annotated[
    int | None,
    Field(ge=0, le=MAX_NARRATIVE, description="Characters before the caret; the word that ends there is unfinished."),
]
VetoIds = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]
SessionToken = Annotated[str, Field(max_length=MAX_SESSION)]


class _Message(BaseModel):
    """A message: strict, and without unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CallMessage(_Message):
    """The whole call as it stands."""

    type: Literal["call"]
    seq: Seq
    call: CallIn
    caret: Caret = None


class PatchMessage(_Message):
    """A change of the note: `delete` characters after `at` are replaced by `insert`."""

    type: Literal["patch"]
    seq: Seq
    at: int = Field(ge=0, le=MAX_NARRATIVE)
    delete: int = Field(default=0, ge=0, le=MAX_NARRATIVE)
    insert: str = Field(default="", max_length=MAX_NARRATIVE)
    caret: Caret = None


class FinalMessage(_Message):
    """The end of typing: the answer to it is the final decision."""

    type: Literal["final"]
    seq: Seq


class ClearMessage(_Message):
    """A person says that held vetoes are no longer so, each by its id."""

    type: Literal["clear"]
    seq: Seq
    ids: VetoIds


class ResumeMessage(_Message):
    """A session that another connection began, as the last answer gave it."""

    type: Literal["resume"]
    session: SessionToken


Message = CallMessage | PatchMessage | FinalMessage | ClearMessage | ResumeMessage
MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


class StreamIn(_Message):
    """One state of the call for those without a WebSocket: what `call`, `clear`, `resume` and `final` would say at once."""

    seq: Seq = 0
    call: CallIn
    final: bool = False
    clear: VetoIds = Field(default_factory=list)
    session: SessionToken | None = None
    caret: Caret = None
