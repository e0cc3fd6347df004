"""The operating point of a model: labelled calls as the Router scores them, and the thresholds that they prove."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.classifier import operating_point as points
from models.classifier.bundle import Bundle
from models.classifier.compiler import compiled
from models.classifier.encoder import Parts
from models.classifier.heads import RISKS
from models.classifier.operating_point import Block, OperatingPoint, Promises
from models.classifier.risk import certified_low
from models.classifier.scorer import LinearScorer
from models.decision import Decision, Recommendation
from models.programs.program import Program
from models.router import Router
from models.signals.detector import SignalDetector
from models.statistics import ClusteredBound
from models.veto import VetoMatcher
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import is_true
from pipelines.settings import Config
from pipelines.training.block_checks import (
    Likeness,
    clustered_bounds,
    clustered_lines,
    decided_sample,
    likeness,
    require_likeness,
)  # fmt: skip

WIDE_OPEN = OperatingPoint(
    eligible_at=0.0, not_eligible_below=0.0, confidence=0.0, max_false_clear=1.0, max_dangerous_clear=1.0,
    max_missed_eligible=1.0, n_ineligible=0, n_dangerous=0, n_eligible=0,
)  # fmt: skip
"""A point at which nothing but a veto or a doubt keeps a call from ELIGIBLE."""


def promises(config: Config) -> Promises:
    """Return what the settings promise."""
    threshold = config.threshold
    return Promises(
        confidence=threshold.confidence,
        max_false_clear=threshold.max_false_clear,
        max_dangerous_clear=threshold.max_dangerous_clear,
        max_missed_eligible=threshold.max_missed_eligible,
    )


def open_router(
    parts: Parts, program: Program, matcher: VetoMatcher, signals: SignalDetector, *, max_unfamiliar: float
) -> Router:
    """Return a router over fitted parts whose thresholds keep nothing from ELIGIBLE."""
    point = replace(WIDE_OPEN, max_unfamiliar=max_unfamiliar)
    scorer = LinearScorer(compiled(parts))
    bundle = Bundle("open", scorer, point, {}, 0.0, vocabulary=scorer.vocabulary)
    return Router(bundle=bundle, program=program, matcher=matcher, signals=signals)


def with_risk_bound(router: Router, point: OperatingPoint) -> Router:
    """Return an open router that keeps a certified point's bound on the risks."""
    if router.bundle is None:
        return router
    bounded = replace(router.bundle, operating_point=replace(router.bundle.operating_point, max_risk=point.max_risk))
    return Router(bundle=bounded, program=router.program, matcher=router.matcher, signals=router.reader.signals)


def block_of(decisions: list[Decision], table: Table, *, adverse_is_dangerous: bool) -> Block:
    """Return labelled calls, all with an eligible label, as an open router decided them."""
    dangerous = is_true(table.labels["danger"])
    if adverse_is_dangerous:
        dangerous |= is_true(table.labels["adverse_event"])
    could_clear = np.array([decision.recommendation is Recommendation.ELIGIBLE for decision in decisions], dtype=bool)
    scores = np.array([decision.eligible_probability or 0.0 for decision in decisions], dtype=np.float64)
    return Block(
        scores=np.where(could_clear, scores, -1.0),
        risks=np.array([largest_risk(decision) for decision in decisions], dtype=np.float64),
        eligible=table.labels["eligible"].to_numpy(dtype=bool),
        dangerous=dangerous,
    )


def largest_risk(decision: Decision) -> float:
    """Return the largest of the three risks of a decision."""
    return max(getattr(decision, f"{name}_probability") or 0.0 for name in RISKS)


def any_risk(labels: pd.DataFrame) -> NDArray[np.object_]:
    """Return whether any of the three risks or an adverse event is true of each call, `None` where unknown; shape (n,)."""
    risks, outcome = labels[list(RISKS)], labels["adverse_event"]
    true = risks.eq(True).any(axis=1) | outcome.eq(True)
    known = true | risks.notna().all(axis=1)
    return true.astype(object).where(known, None).to_numpy(dtype=object)


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """An operating point, how like the block is to the calls of its weeks, and the bounds by caller and address."""

    point: OperatingPoint
    likeness: Likeness
    clustered: dict[str, ClusteredBound]

    def lines(self) -> list[str]:
        """Return what the block is and what it proves by caller, in words."""
        return [str(self.likeness), *clustered_lines(self.clustered, self.point)]

    def to_record(self) -> dict[str, Any]:
        """Return both as plain JSON values."""
        return {
            "likeness": self.likeness.to_record(),
            "clustered": {name: asdict(bound) for name, bound in self.clustered.items()},
        }


def certify(
    router: Router, calibrate: Table, certify_on: Table, config: Config, *, left_out: Table | None = None
) -> CertifiedBlock:
    """Return the operating point that one block puts in order and a later one proves; raise `NoSafeThreshold`.

    `router` is an open one; both tables hold only calls whose eligible label is yes or no. `left_out` are the calls of the
    later block's weeks without a label: where they are shown to be unlike the block's, nothing is certified.
    """
    adverse_too = config.threshold.adverse_is_dangerous
    earlier = [router.decide(call) for call in calibrate.calls]
    later = [router.decide(call) for call in certify_on.calls]
    others = [] if left_out is None else decided_sample(router, left_out.calls, seed=config.classifier.seed)
    alike = likeness(later, others, left_out=len(left_out.calls) if left_out else 0, confidence=config.threshold.confidence)
    require_likeness(alike, max_gap=config.split.max_gap)
    block = block_of(later, certify_on, adverse_is_dangerous=adverse_too)
    wanted = promises(config)
    served = certify_on.labels["adverse_event"].notna().to_numpy()
    point = points.choose(
        block,
        wanted,
        pairs=points.candidates(
            block_of(earlier, calibrate, adverse_is_dangerous=adverse_too),
            wanted,
            min_probability=config.threshold.min_probability,
        ),
        served=(block.scores[served], is_true(certify_on.labels["adverse_event"])[served]),
        max_adverse_share=config.threshold.max_adverse_share,
    )
    low = low_band(earlier, later, certify_on, config)
    point = replace(point, low_risk_below=low, max_unfamiliar=config.threshold.max_unfamiliar)
    return CertifiedBlock(point, alike, clustered_bounds(block, certify_on.labels, point))


def low_band(earlier: list[Decision], later: list[Decision], certify_on: Table, config: Config) -> float | None:
    """Return the risk below which the band is low, proved on the later decisions' labels, or `None` where none can be."""
    known = any_risk(certify_on.labels)
    counted = np.array([value is not None for value in known], dtype=bool)
    risk = np.array([decision.risk_probability or 0.0 for decision in later])
    return certified_low(
        risk[counted],
        known[counted].astype(bool),
        edges_from=np.array([decision.risk_probability or 0.0 for decision in earlier]),
        max_share=config.threshold.max_low_risk,
        confidence=config.threshold.confidence,
    )
