"""The signals: what a note says, in named clinical and operational terms, each defined in `signals.toml`."""

from models.signals.detector import Detection, Signal, SignalDetector, detector_of, shipped_detector, signal_tokens
from models.signals.lexicon import Lexicon, load_lexicon

__all__ = [
    "Detection",
    "Lexicon",
    "Signal",
    "SignalDetector",
    "detector_of",
    "load_lexicon",
    "shipped_detector",
    "signal_tokens",
]
