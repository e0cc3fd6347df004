"""What can be chosen about the classifier, apart from the code that fits it, so that settings are read without it."""

from dataclasses import dataclass

INPUTS = ("words", "signals", "text", "metadata", "both")
"""What the encoder may read. `text` is signals and words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """What can be chosen about the classifier. `inputs` is one of `INPUTS`; weights scale the blocks of the encoder."""

    inputs: str
    word_ngrams: int
    min_document_frequency: int
    max_words: int
    regularisation: float
    signal_weight: float
    word_weight: float
    metadata_weight: float
    seed: int
