"""Text as every reader of a note sees it: normalised once, cut into words, with obfuscated words recovered.

`normalise` folds a note to plain lower-case letters and keeps the way back to the original. `phrase_tokens` cuts it for
the phrases of the veto, `model_words` for the classifier. `ObfuscationFinder` recovers disguised words.
"""

from models.text.normalize import TEXT_VERSION, Normalised, normalise
from models.text.obfuscation import ObfuscationFinder, Vocabulary
from models.text.tokens import NEUTRAL, PHRASE_TOKEN, Word, model_words, phrase_tokens, words_for_model

__all__ = [
    "NEUTRAL",
    "PHRASE_TOKEN",
    "TEXT_VERSION",
    "Normalised",
    "ObfuscationFinder",
    "Vocabulary",
    "Word",
    "model_words",
    "normalise",
    "phrase_tokens",
    "words_for_model",
]
