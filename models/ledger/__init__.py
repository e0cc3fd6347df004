"""The ledger: every decision, judgement and outcome in rows that can only be added, hashed in a chain.

`Ledger` opens one by its database URL. The names below are loaded when they are first used, because a command that only
reads a table of calls has no need of a database driver.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.ledger.anchor import anchor_file_of
    from models.ledger.encryption import NoteEncryption, key_file_of
    from models.ledger.hash_chain import Anchor, Verdict
    from models.ledger.queries import Entry
    from models.ledger.records import decision_content
    from models.ledger.store import Ledger
    from models.ledger.writer import Draft

__all__ = [
    "Anchor",
    "Draft",
    "Entry",
    "Ledger",
    "NoteEncryption",
    "Verdict",
    "anchor_file_of",
    "decision_content",
    "key_file_of",
]

_MODULES = {
    "Anchor": "hash_chain", "Verdict": "hash_chain", "Draft": "writer", "Entry": "queries", "Ledger": "store",
    "NoteEncryption": "encryption", "key_file_of": "encryption", "decision_content": "records",
    "anchor_file_of": "anchor",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Return a public name, imported when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
