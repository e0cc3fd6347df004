"""The way from a call to a decision. Read this first: it is the whole program on one page.

Training's evaluation, batch scoring, HTTP, the stream and MLflow all call `Router.decide`, so what is evaluated is what is
served, and no path scores a call without the veto. `Router.decide_many` gives the same answers to many calls in less time.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from time import perf_counter

from models.call import Call, utc_now
from models.classifier import bundle as bundles
from models.classifier.bundle import Bundle
from models.classifier.features import row
from models.classifier.heads import RISKS
from models.classifier.scorer import Parts, Scores
from models.decision import Decision, Recommendation, RiskBand, Versions
from models.errors import InvalidCall
from models.policy import Policy, Verdict
from models.programs.files import DEFAULT_PROGRAM, ProgramSource
from models.programs.program import Program, load_program
from models.reading import Reader, Reading
from models.reasons import Detail, Explanation, explain, refused
from models.signals import SignalDetector, detector_of
from models.text.normalize import TEXT_VERSION
from models.veto import Roster, VetoMatcher, shipped_matcher
from models.veto import load as load_rulebook

BLOCK = 256
"""Calls that are scored together: more gain little and hold more notes in memory."""

_PARTS: Mapping[Detail, Parts] = {"all": "all", "short": "note", "none": "none"}
_NO_SCORES = Scores(response={})
_FAILED = Scores(response={}, failed=True)


class Router:
    """A program, the veto, the signals and a model; safe to share between threads."""

    def __init__(
        self,
        *,
        bundle: Bundle | None,
        program: Program,
        matcher: VetoMatcher,
        signals: SignalDetector | None = None,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Store the parts; without a bundle the rules still run and every call that is not vetoed is REVIEW."""
        signals = signals or detector_of(program.signals)
        self.bundle, self.program, self.matcher = bundle, program, matcher
        self.reader = Reader(matcher, signals, call_types=program.call_types, time_zone=program.time_zone)
        groups = (name for name, group in signals.lexicon.groups.items() if group.program)
        self.policy = Policy(program, bundle, program_groups=groups, now=now)
        self._now, self._new_id = now, new_id
        self.versions = Versions(
            model=bundle.digest if bundle else "none",
            rulebook=matcher.version,
            signals=signals.version,
            program=program.version,
            text=TEXT_VERSION,
            certified_on=_certified_on(bundle, rulebook=matcher.version, signals=signals.version),
        )

    @classmethod
    def load(cls, folder: Path | None, *, program: ProgramSource | None = None) -> "Router":
        """Return a router over a bundle's folder and a program; raise `BundleError` or `InvalidConfig`."""
        bundle = bundles.load(folder) if folder else None
        loaded = load_program(program or DEFAULT_PROGRAM)
        return cls(bundle=bundle, program=loaded, matcher=matcher_of(loaded))

    def decide(self, call: Call, *, attended: bool = False) -> Decision:
        """Return the decision on one call; never raises: a fault of ours is a REVIEW that says so.

        `attended` says that a person is taking the call: ELIGIBLE then waits for the safety questions, where the program
        wants it so.
        """
        started = perf_counter()
        reading = self.reader.read(call)
        scores = self._score(reading)
        verdict = self.policy.judge(reading, scores, attended=attended)
        return self._decision(call, verdict, explain(reading, scores, verdict), scores, started=started)

    def decide_many(self, calls: Iterable[Call], *, attended: bool = False, detail: Detail = "all") -> Iterator[Decision]:
        """Yield the decision on each call, the same as `decide` makes, in less time and with as much of why as is asked.

        Calls are taken in blocks of `BLOCK`: a note that recurs is read once, and a block is scored in one pass. `detail`
        is `all`, `short` (the reasons, without the hits of the rules and the contributions) or `none` (nothing but what
        vetoes). `latency_ms` shares out what a block took.
        """
        read, remaining = self.reader.remembering(), iter(calls)
        while block := list(islice(remaining, BLOCK)):
            started = perf_counter()
            readings = list(map(read, block))
            scores = self._score_all(readings, detail)
            share = (perf_counter() - started) / len(block)
            for call, reading, each in zip(block, readings, scores, strict=True):
                begun = perf_counter() - share
                verdict = self.policy.judge(reading, each, attended=attended)
                explanation = explain(reading, each, verdict, detail=detail)
                yield self._decision(call, verdict, explanation, each, started=begun)

    def refuse(self, error: InvalidCall, *, call_id: str | None = None) -> Decision:
        """Return the REVIEW of a row that could not be read as a call, naming the field and never its text."""
        explanation = refused(f"The call could not be read ({error.field}: {error.fault}).")
        verdict = Verdict(recommendation=Recommendation.REVIEW, response=None, availability=None, risk_band=RiskBand.UNKNOWN)
        return self._decision(Call(narrative="", call_id=call_id), verdict, explanation, _NO_SCORES, started=perf_counter())

    def _score(self, reading: Reading) -> Scores:
        """Return the heads' probabilities; none of them without a model, after a fault, or where the rules failed."""
        if self.bundle is None or reading.rules_failed:
            return _NO_SCORES
        try:
            scores = self.bundle.scorer.score(row(reading))
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            return _FAILED
        return self._adjusted(self.bundle, scores)

    def _score_all(self, readings: list[Reading], detail: Detail) -> list[Scores]:
        """Return the probabilities of several calls, scored together; one by one where that fails, to know which failed."""
        if self.bundle is None or any(reading.rules_failed for reading in readings):
            return [self._score(reading) for reading in readings]
        try:
            scores = self.bundle.scorer.score_all([row(reading) for reading in readings], contributions=_PARTS[detail])
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            return [self._score(reading) for reading in readings]
        return [self._adjusted(self.bundle, each) for each in scores]

    def _adjusted(self, bundle: Bundle, scores: Scores) -> Scores:
        """Return scores with the eligibility of the calls that the bundle was measured on; failed where one is no number."""
        if not all(map(math.isfinite, scores.probabilities.values())):
            return _FAILED
        if scores.eligible is None:
            return scores
        return replace(scores, eligible=bundle.adjustment.apply(scores.eligible))

    def _decision(
        self, call: Call, verdict: Verdict, explanation: Explanation, scores: Scores, *, started: float
    ) -> Decision:
        """Return the decision; `started` is when it was begun, in seconds of `perf_counter`."""
        return Decision(
            decision_id=self._new_id(),
            call_id=call.call_id,
            decided_at=self._now(),
            recommendation=verdict.recommendation,
            response=verdict.response,
            with_ems=verdict.with_ems,
            care_navigation=verdict.care_navigation,
            eligible_probability=scores.eligible,
            danger_probability=scores.danger,
            medical_probability=scores.medical,
            self_harm_probability=scores.self_harm,
            risk_probability=scores.risk,
            **self._intervals(scores),
            risk_band=verdict.risk_band,
            reasons=explanation.reasons,
            more_reasons=explanation.more_reasons,
            hits=explanation.hits,
            more_hits=explanation.more_hits,
            contributions=explanation.contributions,
            questions=explanation.questions,
            availability=verdict.availability,
            missing=call.missing,
            versions=self.versions,
            latency_ms=round((perf_counter() - started) * 1000, 3),
        )

    def _intervals(self, scores: Scores) -> dict[str, tuple[float, float] | None]:
        """Return the interval of each risk: how often labelled calls of such a probability were so."""
        tables = self.bundle.risks if self.bundle else {}
        return {
            f"{name}_interval": tables[name].interval(getattr(scores, name)) if name in tables else None
            for name in (*RISKS, "risk")
        }


def matcher_of(program: Program) -> VetoMatcher:
    """Return the veto of a program: its own rulebook, or the shipped one, with the roster that it names.

    Raises `InvalidRulebook` or `InvalidConfig` where one of them is wrong.
    """
    if not program.rulebook and not program.roster:
        return shipped_matcher()
    rulebook = load_rulebook(program.rulebook) if program.rulebook else None
    return VetoMatcher(rulebook, roster=Roster.load(program.roster) if program.roster else None)


def reader_of(program: Program) -> Reader:
    """Return a reader of calls as a program reads them: with its veto, its signals, its call types and its time zone.

    Raises `InvalidRulebook`, `InvalidLexicon` or `InvalidConfig` where one of its files is at fault.
    """
    matcher, signals = matcher_of(program), detector_of(program.signals)
    return Reader(matcher, signals, call_types=program.call_types, time_zone=program.time_zone)


def _certified_on(bundle: Bundle | None, *, rulebook: str, signals: str) -> str:
    """Return on which calls the promise was proved; `other_parts` where other rules or signals are in use than then."""
    if bundle is None:
        return "none"
    training = bundle.manifest.get("training", {})
    same = training.get("rulebook", rulebook) == rulebook and training.get("signals", signals) == signals
    return bundle.certified_on if same else "other_parts"
