"""Answers that protocol software writes as fixed sentences, read as the call's structured answers.

The list is closed. Only a whole sentence counts; where sentences differ the more cautious answer stands: yes, then unknown,
then none.
"""

import re

from models.call import Answer

_PERSON = r"(?:persons?|people|subjects?|patients?|callers?|suspects?|males?|females?)"
_WHO, _NOBODY = rf"(?:he|she|they|it|the {_PERSON})", r"(?:no one|nobody)"
_SOME = rf"(?:{_WHO}|anyone|someone|(?:\d{{1,2}}|one|two|three|several|some) {_PERSON})"
"""Whom a positive sentence may be about: that some are not armed says nothing of the others."""
_IS, _IS_NOT = r"(?:is|are|was|were)", r"(?:(?:is|are|was|were) not|(?:is|are|was|were)n't)"
_UNKNOWN = r"(?:it'?s|it is) (?:not known|unknown) (?:if|whether) "
_SENTENCE = re.compile(r"(?:^|(?<=[.!?\n]))\s*(?:\d{1,2}\s*[.)]\s*)?((?:\d{1,2} )?[A-Za-z][^.!?\n]*)[.!?]?")
_FIELD = re.compile(r"\b(CONSCIOUS|BREATHING)\s*:\s*(\w+)", re.IGNORECASE)

_SENTENCES: dict[str, tuple[tuple[Answer, str], ...]] = {
    "weapons_answer": (
        (
            Answer.UNKNOWN,
            _UNKNOWN + rf"(?:{_SOME} (?:has|have|had) (?:a |any )?weapons?|(?:a |any )?weapons? (?:is|are|was|were) .*)",
        ),
        (Answer.NONE, rf"{_WHO} (?:(?:does|do|did) not|(?:does|do|did)n't) have (?:a |any )?weapons?"),
        (
            Answer.NONE,
            rf"(?:a )?weapons? {_IS_NOT} (?:involved|mentioned|involved or mentioned|seen|seen or mentioned)",
        ),
        (Answer.NONE, r"no weapons? (?:was|were|is|are) (?:involved|mentioned|involved or mentioned|seen)"),
        (Answer.NONE, rf"{_NOBODY} (?:has|had) (?:a |any )?weapons?"),
        (Answer.YES, rf"{_SOME} (?:has|have|had) (?:a |any )?weapons?"),
        (Answer.YES, r"(?:a )?weapons? (?:was|were|is|are) (?:involved|mentioned|involved or mentioned|seen)"),
    ),
    "violence_answer": (
        (Answer.UNKNOWN, _UNKNOWN + rf"{_SOME} {_IS} violent"),
        (Answer.NONE, rf"{_WHO} {_IS_NOT} (?:acting |being )?violent"),
        (Answer.NONE, rf"{_NOBODY} (?:is|was) (?:being )?violent"),
        (Answer.YES, rf"{_SOME} {_IS} (?:acting |being )?violent"),
    ),
    "medical_answer": (
        (Answer.UNKNOWN, _UNKNOWN + rf"{_SOME} {_IS} (?:injured|hurt|sick)"),
        (Answer.NONE, rf"{_WHO} {_IS_NOT} (?:injured|hurt|sick)"),
        (Answer.NONE, rf"{_NOBODY} (?:is|was) (?:injured|hurt|sick)"),
        (Answer.YES, rf"{_SOME} {_IS} (?:injured|hurt|sick)"),
    ),
}
_PATTERNS = {
    name: tuple((answer, re.compile(pattern, re.IGNORECASE)) for answer, pattern in listed)
    for name, listed in _SENTENCES.items()
}
_CAUTION = (Answer.YES, Answer.UNKNOWN, Answer.NONE)


def key_answers(text: str) -> dict[str, str]:
    """Return the answers that a text's fixed sentences record, by the names of `Call`'s fields.

    >>> key_answers("1.He is not violent.2.It's not known if he has a weapon.")
    {'weapons_answer': 'unknown', 'violence_answer': 'none'}
    """
    sentences = [match.group(1).replace("\u2019", "'").strip() for match in _SENTENCE.finditer(text)]
    answers: dict[str, set[Answer]] = {name: set() for name in _PATTERNS}
    for sentence in sentences:
        for name, patterns in _PATTERNS.items():
            answer = next((answer for answer, pattern in patterns if pattern.fullmatch(sentence)), None)
            if answer is not None:
                answers[name].add(answer)
    if any(match.group(2).lower() in {"no", "not", "unknown"} for match in _FIELD.finditer(text)):
        answers["medical_answer"].add(Answer.YES)
    return {name: most_cautious(found).value for name, found in answers.items() if found}


def most_cautious(answers: set[Answer]) -> Answer:
    """Return the most cautious of some answers: yes, then unknown, then none."""
    return next((answer for answer in _CAUTION if answer in answers), Answer.NOT_ASKED)
