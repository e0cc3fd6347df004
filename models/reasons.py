"""Say in sentences that a clinician can read why a decision came out as it did."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.call import Answer, Call
from models.decision import Reason
from models.programs.call_types import CallType
from models.text.normalize import Normalised
from models.text.tokens import NEUTRAL, Word
from models.veto.matcher import Hit, Scan
from models.veto.rulebook import RuleClass

_MEANT = {
    "asserted": "",
    "negated": " (worded as absent; the wording does not lift the veto)",
    "uncertain": " (worded as possible)",
    "historical": " (worded as past)",
    "self_only": " (worded as against the person themselves)",
}
_SHOWN_WORDS, _SHOWN_FIELDS = 3, 2
_SLIGHT = 0.2
_CODES = {RuleClass.WEAPON: "veto_weapon", RuleClass.VIOLENCE: "veto_violence", RuleClass.MEANS: "self_harm_words"}
_KINDS = {
    RuleClass.WEAPON: "a weapon",
    RuleClass.VIOLENCE: "violence or a threat",
    RuleClass.MEANS: "means of self-harm",
}


def hit_reasons(hits: Iterable[Hit], *, suppressed: bool = False, answers_veto: bool = False) -> list[Reason]:
    """Turn rule hits into reasons; near-misses are shown as such, and recorded answers too unless they veto."""
    return [_hit_reason(replace(hit, question=None) if answers_veto else hit, suppressed=suppressed) for hit in hits]


def _hit_reason(hit: Hit, *, suppressed: bool) -> Reason:
    """Turn one rule hit into a reason."""
    code, sentence = _CODES[hit.rule_class], f'"{hit.words}" mentions {_KINDS[hit.rule_class]}'
    if suppressed:
        code, sentence = "near_miss", f'"{hit.words}" is part of a listed phrase that is not {_KINDS[hit.rule_class]}'
    elif hit.question is not None:
        code, sentence = f"screening_{hit.question}", f'"{hit.words}" records an answer on {hit.question}'
    meant = "" if suppressed else _MEANT.get(hit.annotation, "")
    return Reason(
        code=code,
        sentence=f"{sentence}{meant}.",
        words=hit.words,
        start=hit.start,
        end=hit.end,
        rule_id=hit.rule_id,
        annotation=str(hit.annotation),
    )


def type_reasons(scan: Scan, kind: CallType, excluded: frozenset[str]) -> list[Reason]:
    """Read the call type as a mention too: by its words, and by what the program excludes. It has no place in the note."""
    reasons = [
        Reason(
            code=_CODES[hit.rule_class],
            sentence=f'The call type says "{hit.words}".',
            words=hit.words,
            rule_id=hit.rule_id,
            annotation=str(hit.annotation),
        )
        for hit in scan.vetoes
    ]
    if not reasons and kind.name in excluded:
        code = "veto_weapon" if kind.name in {"weapon", "shots_fired"} else "veto_violence"
        sentence = f"The program excludes the call type {kind.name.replace('_', ' ')}."
        reasons.append(Reason(code=code, sentence=sentence, rule_id=f"call-type:{kind.name}"))
    return reasons


def answer_reasons(call: Call) -> list[Reason]:
    """Read the call-taker's structured answers; yes and unknown veto whatever the note says."""
    reasons = []
    for name, about in (("weapons_answer", "weapons"), ("violence_answer", "violence")):
        answer = getattr(call, name)
        if answer in {Answer.YES, Answer.UNKNOWN}:
            reasons.append(Reason(code=name, sentence=f"The call-taker's answer on {about} is {answer}."))
    return reasons


def missing_reasons(call: Call) -> list[Reason]:
    """Name the questions whose answers could change the decision."""
    asked = {"weapons_answer": "weapons", "violence_answer": "violence"}
    return [
        Reason(code=f"ask_{about}", sentence=f"The question on {about} has no answer yet: ask it.")
        for name, about in asked.items()
        if getattr(call, name) in {None, Answer.NOT_ASKED}
    ]


def word_reasons(
    shares: Iterable[tuple[str, float]], narrative: str, note: Normalised, read: Sequence[Word]
) -> list[Reason]:
    """Show the strongest words for and against, with their first place in the note; numbers are left out.

    Where the classifier reads one neutral word for what the note says of a person or a street, the reason says so.
    """
    reasons: list[Reason] = []
    shown = {True: 0, False: 0}
    texts = [word.text for word in read]
    for term, weight in shares:
        towards = weight >= 0
        if shown[towards] >= _SHOWN_WORDS or not any(map(str.isalpha, term)):
            continue
        words = term.split()
        place = _find(words, texts)
        if place is None:
            continue
        start, end = note.span(read[place].start, read[place + len(words) - 1].end)
        side, quoted = "for" if towards else "against", narrative[start:end]
        neutral = term if not NEUTRAL.isdisjoint(words) and quoted.lower().split() != words else None
        said = f' (read as "{neutral}")' if neutral else ""
        reasons.append(
            Reason(
                code=f"word_{side}",
                sentence=f'"{quoted}"{said} speaks {side} eligibility.',
                words=quoted,
                start=start,
                end=end,
                weight=round(weight, 6),
                read_as=neutral,
            )
        )
        shown[towards] += 1
    return reasons


def field_reasons(fields: Iterable[tuple[str, float]], call: Call) -> list[Reason]:
    """Show what else moved the classifier, strongest first: fields that were given and whose part is not slight."""
    hidden = {*call.missing, "length"}
    given = [(name, part) for name, part in fields if abs(part) >= _SLIGHT and name not in hidden]
    reasons = []
    for name, part in sorted(given, key=lambda pair: -abs(pair[1]))[:_SHOWN_FIELDS]:
        side = "for" if part >= 0 else "against"
        said = getattr(call, name, None)
        what = name.replace("_", " ") if said is None else f"{name.replace('_', ' ')} ({said})"
        reasons.append(
            Reason(code=f"field_{side}", sentence=f"The {what} speaks {side} eligibility.", weight=round(part, 6))
        )
    return reasons


def _find(term: list[str], texts: list[str]) -> int | None:
    """Return the first place where a term's words were read one after another."""
    place = -1
    while True:
        try:
            place = texts.index(term[0], place + 1)
        except ValueError:
            return None
        if texts[place : place + len(term)] == term:
            return place
