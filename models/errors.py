"""The one tree of errors; every message is the fault, the value, the remedy, and never the narrative.

HeartlineError
├── InvalidCall         a call has a field that cannot be read
├── InvalidData         a table of calls cannot be read
├── InvalidConfig       a settings or program file is wrong
├── InvalidRulebook     the rulebook does not hold together
├── InvalidLexicon      the signals do not hold together
├── BundleError         a saved model cannot be trusted
├── LeakageError        one caller or moment stands on both sides of a split
├── InvalidInstant      a time cannot be read
├── MissingExtra        an extra of the package is not installed
├── LedgerError         a ledger cannot be opened, read or written
│   ├── LedgerMissing   the ledger or its anchor is not there
│   ├── LedgerUnavailable the database, the disk or the file of the ledger fails
│   ├── LedgerConflict  an idempotency key was used for another request
│   └── InvalidEntry    an entry cannot be stored as it is
└── WorkRefused         the work was done and says no (exit code 1)
    ├── NoSafeThreshold no operating point keeps the promise
    └── GateFailed      the candidate may not be promoted
"""


class HeartlineError(Exception):
    """A fault, the value that has it, and the remedy."""

    def __init__(self, fault: str, *, value: object = None, remedy: str = "") -> None:
        """Store the three parts and join them into one line."""
        self.fault, self.value, self.remedy = fault, value, remedy
        shown = "" if value is None else f": {_short(value)}"
        super().__init__(f"{fault}{shown}{'. ' + remedy if remedy else ''}")


class MissingExtra(HeartlineError):
    """Report that an extra of the package is not installed; `extra` names it."""

    def __init__(self, what: str, *, module: str, extra: str) -> None:
        """Store the extra's name beside the message."""
        super().__init__(f"{what} needs {module}, which is not installed", remedy=f'pip install "heartline[{extra}]"')
        self.extra = extra


class InvalidCall(HeartlineError):
    """Report a field of one call; `field` names it."""

    def __init__(self, fault: str, *, field: str, value: object = None, remedy: str = "") -> None:
        """Store the field's name beside the message; a narrative's value is never passed in."""
        super().__init__(fault, value=value, remedy=remedy)
        self.field = field


class InvalidData(HeartlineError):
    """Report a table that cannot be read as calls."""


class InvalidConfig(HeartlineError):
    """Report a settings or program file that is wrong."""


class InvalidRulebook(HeartlineError):
    """Report a rulebook that does not hold together."""


class InvalidLexicon(HeartlineError):
    """A file of signals that does not hold together."""


class BundleError(HeartlineError):
    """Report a saved model that cannot be trusted."""


class LeakageError(HeartlineError):
    """Report a split that would let a model see its own test."""


class InvalidInstant(HeartlineError):
    """A time that cannot be read, or that has no offset where one is needed."""


class LedgerError(HeartlineError):
    """Report a ledger that cannot be opened, read or written."""


class LedgerMissing(LedgerError):
    """A ledger, or the anchor of one, that is not there; it is never created in silence."""


class LedgerUnavailable(LedgerError):
    """A database, disk or file that fails now; nothing that was asked is known to be written."""


class LedgerConflict(LedgerError):
    """An idempotency key that was used before for another request; nothing was written."""


class InvalidEntry(LedgerError):
    """An entry that cannot be stored as it is; others are not affected."""


class WorkRefused(HeartlineError):
    """Report that the work was done and the answer is no."""


class NoSafeThreshold(WorkRefused):
    """Report that no operating point keeps the promise on the false-clear rate."""


class GateFailed(WorkRefused):
    """Report which release gates failed and by how much."""


class LedgerBroken(WorkRefused):
    """Report that a ledger was verified and is not whole."""


class RebuildDiffers(WorkRefused):
    """Report that training again did not give the same bundle, and where it differs."""


def _short(value: object) -> str:
    """Show at most 60 characters of a value."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
