"""The messages of a client on the stream, validated when they are read; unknown types and fields are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.call import MAX_NARRATIVE
from serving.schemas import CallIn

MAX_SEQ = 2**53 - 1
"""The largest integer that JavaScript represents exactly."""
MAX_SESSION = 512 * 1024
Seq = Annotated[int, Field(ge=0, le=MAX_SEQ, description="The number of this change; never lower than the last.")]
Caret = Annotated[
    int | None,
    Field(ge=0, le=MAX_NARRATIVE, description="Characters before the caret; the word that ends there is unfinished."),
]
VetoIds = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]
SessionToken = Annotated[str, Field(max_length=MAX_SESSION)]


class _Message(BaseModel):
    """A message; unknown fields and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CallMessage(_Message):
    """The present state of the whole call."""

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
    """The end of typing: its answer is the final decision."""

    type: Literal["final"]
    seq: Seq


class ClearMessage(_Message):
    """A person clears held vetoes, by their ids."""

    type: Literal["clear"]
    seq: Seq
    ids: VetoIds


class ResumeMessage(_Message):
    """The session of another connection, from its last answer."""

    type: Literal["resume"]
    session: SessionToken


Message = CallMessage | PatchMessage | FinalMessage | ClearMessage | ResumeMessage
MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


class StreamIn(_Message):
    """One state of the call, for clients without a WebSocket: `call`, `clear`, `resume` and `final` in one message."""

    seq: Seq = 0
    call: CallIn
    final: bool = False
    clear: VetoIds = Field(default_factory=list)
    session: SessionToken | None = None
    caret: Caret = None
