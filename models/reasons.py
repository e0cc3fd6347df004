"""The reasons of a decision, as sentences for the clinician.

At most six, the strongest first: what vetoes, what raises doubt, then what the note says in named signals, with the words
that carry it. A single word is named only where no signal covers it and it has a meaning of its own. Every contribution
to the probability is kept beside them, and they add up.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.call import Answer, Call
from models.classifier.familiarity import is_content
from models.classifier.scorer import Scores
from models.decision import Contribution, Reason, Recommendation
from models.policy import QUESTIONS, Ground, Verdict
from models.reading import Reading
from models.signals.detector import Signal
from models.text.tokens import Word
from models.veto import Assertion, Hit, RuleClass

MOST_REASONS = 6
MOST_HITS = 64

_MOST_VETOES = 3
_MOST_WORDS = 2
_SLIGHT = 0.2
_MEANT = {
    "asserted": "",
    "negated": " (worded as absent; the wording does not lift the veto)",
    "uncertain": " (worded as possible)",
    "historical": " (worded as past)",
    "self_only": " (worded as against the person themselves)",
}
_SAID = {"negated": "The note denies: {}", "historical": "In the past: {}", "uncertain": "Possibly: {}"}
_CODES = {
    RuleClass.WEAPON: "veto_weapon",
    RuleClass.VIOLENCE: "veto_violence",
    RuleClass.MEANS: "self_harm_words",
    RuleClass.OBJECT: "object_words",
}
_KINDS = {
    RuleClass.WEAPON: "a weapon",
    RuleClass.VIOLENCE: "violence or a threat",
    RuleClass.MEANS: "means of self-harm",
    RuleClass.OBJECT: "an object that can be a weapon",
}
_OPEN = frozenset({None, Answer.NOT_ASKED})


Detail = Literal["none", "short", "all"]
"""How much a decision says of why: nothing but what vetoes, the reasons for the clinician, or everything."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision came out as it did: `reasons` for the clinician, `hits` of the rules, and every contribution."""

    reasons: tuple[Reason, ...]
    more_reasons: int
    hits: tuple[Reason, ...]
    more_hits: int
    contributions: tuple[Contribution, ...]
    questions: tuple[str, ...]


def explain(reading: Reading, scores: Scores, verdict: Verdict, *, detail: Detail = "all") -> Explanation:
    """Return the explanation of a verdict, as `detail` asks.

    `short` is the reasons alone; their signals and words need `scores` with the contributions of the note. `none` is
    nothing but what vetoes, which no reader may miss; other reasons are then not counted either.
    """
    vetoes = _veto_reasons(reading, verdict)
    if detail == "none":
        return _brief(reading, verdict, vetoes[:_MOST_VETOES], more=len(vetoes[_MOST_VETOES:]))
    doubts, notes, score = (_ground_reasons(grounds) for grounds in (verdict.doubts, verdict.notes, verdict.score))
    evidence = _evidence(reading, scores)
    rest = [*score, *evidence] if verdict.recommendation is Recommendation.REVIEW else [*evidence, *score]
    listed = [*vetoes[:_MOST_VETOES], *doubts, *notes, *rest]
    more = len(listed) - len(listed[:MOST_REASONS]) + len(vetoes[_MOST_VETOES:])
    if detail == "short":
        return _brief(reading, verdict, listed[:MOST_REASONS], more=more)
    hits = _hit_reasons(reading, verdict)
    intercept = [Contribution("intercept", "intercept", scores.intercept)] if scores.contributions else []
    return Explanation(
        reasons=tuple(listed[:MOST_REASONS]),
        more_reasons=more,
        hits=tuple(hits[:MOST_HITS]),
        more_hits=len(hits[MOST_HITS:]),
        contributions=(*intercept, *scores.contributions),
        questions=_questions(reading.call),
    )


def _brief(reading: Reading, verdict: Verdict, reasons: Sequence[Reason], *, more: int) -> Explanation:
    """Return an explanation of some reasons, with the hits of the rules counted and not listed."""
    hits = len(reading.veto.hits) + len(_type_reasons(reading, verdict)) + len(reading.veto.suppressed)
    return Explanation(tuple(reasons), more, (), hits, (), _questions(reading.call))


def _questions(call: Call) -> tuple[str, ...]:
    """Return the safety questions without an answer."""
    return tuple(name for name in QUESTIONS if getattr(call, f"{name}_answer") in _OPEN)


def refused(sentence: str) -> Explanation:
    """Return the explanation of a row that could not be read as a call."""
    return Explanation((Reason(code="invalid_call", sentence=sentence),), 0, (), 0, (), ())


def _veto_reasons(reading: Reading, verdict: Verdict) -> list[Reason]:
    """Return what vetoes, each word once: in the note, in the call type, in the call-taker's answers."""
    if not verdict.vetoed:
        return []
    hits = {(hit.rule_id, hit.words.lower()): hit for hit in reversed(reading.veto.vetoes)}
    in_note = [_hit_reason(hit) for hit in sorted(hits.values(), key=lambda hit: hit.start)]
    screening = reading.veto.screening if verdict.recorded_vetoes else ()
    negated = reading.veto.negated if verdict.negated_vetoes else ()
    recorded = [_hit_reason(hit, recorded=False) for hit in (*screening, *negated)]
    return [*in_note, *_type_reasons(reading, verdict), *_answer_reasons(reading.call), *recorded]


def _hit_reasons(reading: Reading, verdict: Verdict) -> list[Reason]:
    """Return every mention that the rules found in the note, in reading order, then in the call type, then near-misses."""
    vetoing = {Assertion.SCREENING: verdict.recorded_vetoes, Assertion.PLAINLY_NEGATED: verdict.negated_vetoes}
    hits = [_hit_reason(hit, recorded=not vetoing.get(hit.assertion, False)) for hit in reading.veto.hits]
    near = [_hit_reason(hit, suppressed=True) for hit in reading.veto.suppressed]
    return [*hits, *_type_reasons(reading, verdict), *near]


def _hit_reason(hit: Hit, *, suppressed: bool = False, recorded: bool = True) -> Reason:
    """Return one mention as a reason; `recorded` says that a recorded answer or a plain negation does not veto."""
    code, sentence = _CODES[hit.rule_class], f'"{hit.words}" mentions {_KINDS[hit.rule_class]}'
    if suppressed:
        code, sentence = (
            "near_miss",
            f'"{hit.words}" is part of a listed phrase or a name that is not {_KINDS[hit.rule_class]}',
        )
    elif hit.assertion is Assertion.PLAINLY_NEGATED and recorded:
        code, sentence = "negated_violence", f'"{hit.words}" is violence that the note says is absent'
    elif hit.question is not None and recorded:
        code, sentence = f"screening_{hit.question}", f'"{hit.words}" records an answer on {hit.question}'
    meant = "" if suppressed else _MEANT.get(hit.assertion, "")
    return Reason(code=code, sentence=f"{sentence}{meant}.", **_place(hit))


def _type_reasons(reading: Reading, verdict: Verdict) -> list[Reason]:
    """Return the mentions in the call type, which have no place in the note: its words, or what the program excludes."""
    reasons = [
        Reason(
            code=_CODES[hit.rule_class],
            sentence=f'The call type says "{hit.words}".',
            words=hit.words,
            rule_id=hit.rule_id,
            annotation=str(hit.assertion),
        )
        for hit in reading.type_veto.vetoes
    ]
    if verdict.program_excludes is not None:
        name = verdict.program_excludes
        code = "veto_weapon" if reading.call_type.danger == "weapon" else "veto_violence"
        sentence = f"The program excludes the call type {name.replace('_', ' ')}."
        reasons.append(Reason(code=code, sentence=sentence, rule_id=f"call-type:{name}"))
    return reasons


def _answer_reasons(call: Call) -> list[Reason]:
    """Return the call-taker's structured answers that veto whatever the note says: yes and unknown."""
    answers = {about: getattr(call, f"{about}_answer") for about in ("weapons", "violence")}
    return [
        Reason(code=f"{about}_answer", sentence=f"The call-taker's answer on {about} is {answer}.")
        for about, answer in answers.items()
        if answer in {Answer.YES, Answer.UNKNOWN}
    ]


def _ground_reasons(grounds: Iterable[Ground]) -> list[Reason]:
    """Return the grounds of a verdict as reasons, with their words where they have a place in the note."""
    return [
        Reason(code=ground.code, sentence=ground.sentence, **({} if ground.place is None else _place(ground.place)))
        for ground in grounds
    ]


def _evidence(reading: Reading, scores: Scores) -> list[Reason]:
    """Return the signals that the note holds and the words that no signal covers, the strongest first."""
    weights: dict[tuple[str, str], float] = {(part.kind, part.name): part.weight for part in scores.contributions}
    reasons = [*_signal_reasons(reading.signals, weights), *_word_reasons(reading, scores)]
    return sorted(reasons, key=lambda reason: -abs(reason.weight or 0.0))


def _signal_reasons(signals: Sequence[Signal], weights: dict[tuple[str, str], float]) -> Iterator[Reason]:
    """Yield each signal once, with its part in the log-odds: its own and its share of its group's."""
    once = {(signal.id, signal.asserted): signal for signal in reversed(signals)}
    in_group: dict[str, int] = {}
    for signal in once.values():
        in_group[signal.group] = in_group.get(signal.group, 0) + signal.asserted
    for signal in sorted(once.values(), key=lambda signal: signal.start):
        weight = weights.get(("signal", signal.token), 0.0)
        if signal.asserted:
            weight += weights.get(("signal", f"group:{signal.group}"), 0.0) / in_group[signal.group]
        sentence = _SAID.get(str(signal.assertion), "{}").format(signal.sentence)
        side = "for" if weight >= 0 else "against"
        yield Reason(code=f"signal_{side}", sentence=f"{sentence}.", weight=round(weight, 6), **_place(signal))


def _word_reasons(reading: Reading, scores: Scores) -> list[Reason]:
    """Return the strongest words with a meaning of their own that no signal covers, with their first place in the note."""
    first: dict[str, Word] = {}
    for number, word in enumerate(reading.words):
        if number not in reading.covered and is_content(word.text):
            first.setdefault(word.text, word)
    parts = [part for part in scores.contributions if part.kind == "word" and part.name in first]
    reasons = []
    for part in sorted(parts, key=lambda part: -abs(part.weight))[:_MOST_WORDS]:
        start, end = reading.note.span(first[part.name].start, first[part.name].end)
        words, side = reading.call.narrative[start:end], "for" if part.weight >= 0 else "against"
        if abs(part.weight) >= _SLIGHT:
            sentence = f'"{words}" speaks {side} eligibility.'
            reasons.append(
                Reason(
                    code=f"word_{side}", sentence=sentence, words=words, start=start, end=end, weight=round(part.weight, 6)
                )
            )
    return reasons


def _place(mention: Hit | Signal) -> dict[str, Any]:
    """Return the words of a hit or a signal, their place in the note, its id and how it is meant."""
    name = mention.rule_id if isinstance(mention, Hit) else mention.id
    place = {"words": mention.words, "start": mention.start, "end": mention.end}
    return place | {"rule_id": name, "annotation": str(mention.assertion)}
