"""How much of a note the model has never met: the share of content words that neither a signal nor the vocabulary knows."""

from collections.abc import Container

from models.reading import Reading
from models.text.tokens import NEUTRAL

_FUNCTION_WORDS = frozenset(
    """a about above across after again against all also am an and any are around as at back be because been before
    being below beside between both but by can cannot cant could did didnt do does doesnt doing dont down during
    each either else ever every few for from further get gets getting go goes going gone got had has hasnt have
    having he hence her here hers him his how however i if in inside into is isnt it its just like made make many
    may maybe me might more most much must my near neither no none nor not now of off often on once one only onto or
    other our ours out outside over own per put rather same she should since so some still such than that the their
    theirs them then there these they this those though through to today tonight too toward towards under until up
    upon upset us very via was wasnt we well went were what when where whether which while who whom whose why will
    with within without would yes yet you your rp adv adv's caller states sts advised reports reported reporting
    report stated says said party r/p w ref re unk poss possible possibly approx nfd nfi de la el en que un una los
    las por con no se y es su al lo""".split()
)
"""Words that carry no meaning of their own in a note, English, Spanish and a call-taker's shorthand."""


def is_content(word: str) -> bool:
    """Return whether a word of the classifier carries a meaning: not a function word, a number, a mask or a neutral word."""
    return len(word) > 2 and word.isalpha() and word not in _FUNCTION_WORDS and word not in NEUTRAL


def unfamiliar_share(reading: Reading, vocabulary: Container[str]) -> float:
    """Return the share of a note's content words that neither a signal covers nor the vocabulary holds; nought of none."""
    content = [(number, word) for number, word in enumerate(reading.words) if is_content(word.text)]
    unknown = sum(word.text not in vocabulary for number, word in content if number not in reading.covered)
    return unknown / len(content) if content else 0.0
