"""The library: what a call is, what a decision is, and how one becomes the other.

>>> from models import Call, Router
>>> router = Router.load(None)  # the rules alone; give the folder of a bundle to score calls too
>>> decision = router.decide(Call(narrative="man asleep in the lobby, knife in his hand"))
>>> decision.recommendation.value, decision.vetoed
('NOT_ELIGIBLE', True)

Importing this package is light: a name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.call import Answer, Call, Source
    from models.decision import Availability, Decision, Reason, Recommendation, Response, RiskBand, Versions
    from models.errors import HeartlineError
    from models.programs.program import Program, load_program
    from models.reading import Reader, Reading
    from models.router import Router
    from models.veto import VetoMatcher

__all__ = [
    "Answer", "Availability", "Call", "Decision", "HeartlineError", "Program", "Reader", "Reading", "Reason",
    "Recommendation", "Response", "RiskBand", "Router", "Source", "Versions", "VetoMatcher", "load_program",
]  # fmt: skip

_HOMES = {
    "models.call": ("Answer", "Call", "Source"),
    "models.decision": ("Availability", "Decision", "Reason", "Recommendation", "Response", "RiskBand", "Versions"),
    "models.errors": ("HeartlineError",),
    "models.programs.program": ("Program", "load_program"),
    "models.reading": ("Reader", "Reading"),
    "models.router": ("Router",),
    "models.veto": ("VetoMatcher",),
}


def __getattr__(name: str) -> Any:
    """Return a public name from its module, on first use."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
