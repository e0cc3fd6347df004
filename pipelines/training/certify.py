"""The operating point of a model: the thresholds that labelled calls, decided by the Router, prove."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
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
from models.decision import Decision
from models.programs.program import Program
from models.router import Router
from models.signals.detector import SignalDetector
from models.statistics import ClusteredBound
from models.veto import VetoMatcher
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import is_cleared, is_true
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
"""A point at which only a veto or a doubt keeps a call from ELIGIBLE."""


def open_point(config: Config) -> OperatingPoint:
    """Return the open point with the settings' bound on unfamiliar words."""
    return replace(WIDE_OPEN, max_unfamiliar=config.threshold.max_unfamiliar)


def promises(config: Config) -> Promises:
    """Return the promises of the settings: confidence and the highest rate of each error."""
    threshold = config.threshold
    return Promises(
        confidence=threshold.confidence,
        max_false_clear=threshold.max_false_clear,
        max_dangerous_clear=threshold.max_dangerous_clear,
        max_missed_eligible=threshold.max_missed_eligible,
    )


def unsaved_bundle(
    parts: Parts, point: OperatingPoint, *, name: str, manifest: Mapping[str, Any] = MappingProxyType({})
) -> Bundle:
    """Return fitted parts at an operating point as a bundle that is on no disk; `name` stands for its digest."""
    scorer = LinearScorer(compiled(parts))
    return Bundle(name, scorer, point, dict(manifest), 0.0, vocabulary=scorer.vocabulary)


def open_router(parts: Parts, program: Program, matcher: VetoMatcher, signals: SignalDetector, *, config: Config) -> Router:
    """Return a router over fitted parts whose thresholds keep no call from ELIGIBLE."""
    bundle = unsaved_bundle(parts, open_point(config), name="open")
    return Router(bundle=bundle, program=program, matcher=matcher, signals=signals)


def with_risk_bound(router: Router, point: OperatingPoint) -> Router:
    """Return an open router with a certified point's bound on the risks."""
    if router.bundle is None:
        return router
    bounded = replace(router.bundle, operating_point=replace(router.bundle.operating_point, max_risk=point.max_risk))
    return Router(bundle=bounded, program=router.program, matcher=router.matcher, signals=router.reader.signals)


def block_of(decisions: list[Decision], table: Table, *, adverse_is_dangerous: bool) -> Block:
    """Return the scores, risks and labels of calls as an open router decided them; every call has an eligible label."""
    dangerous = is_true(table.labels["danger"])
    if adverse_is_dangerous:
        dangerous |= is_true(table.labels["adverse_event"])
    scores = np.array([decision.eligible_probability or 0.0 for decision in decisions], dtype=np.float64)
    return Block(
        scores=np.where(is_cleared(decisions), scores, -1.0),
        risks=np.array([largest_risk(decision) for decision in decisions], dtype=np.float64),
        eligible=table.labels["eligible"].to_numpy(dtype=bool),
        dangerous=dangerous,
    )


def largest_risk(decision: Decision) -> float:
    """Return the largest of the three risks of a decision."""
    return max(getattr(decision, f"{name}_probability") or 0.0 for name in RISKS)


def any_risk(labels: pd.DataFrame) -> NDArray[np.object_]:
    """Return whether each call has one of the three risks or an adverse event, `None` where unknown; shape (n,)."""
    risks, outcome = labels[list(RISKS)], labels["adverse_event"]
    true = risks.eq(True).any(axis=1) | outcome.eq(True)
    known = true | risks.notna().all(axis=1)
    return true.astype(object).where(known, None).to_numpy(dtype=object)


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """An operating point, the likeness of its block to all calls of its weeks, and the bounds by caller and address."""

    point: OperatingPoint
    likeness: Likeness
    clustered: dict[str, ClusteredBound]

    def lines(self) -> list[str]:
        """Return the likeness and the bounds by caller and address, in words."""
        return [str(self.likeness), *clustered_lines(self.clustered, self.point)]

    def to_record(self) -> dict[str, Any]:
        """Return likeness and bounds as plain JSON values."""
        return {
            "likeness": self.likeness.to_record(),
            "clustered": {name: asdict(bound) for name, bound in self.clustered.items()},
        }


def certify(
    router: Router, calibrate: Table, certify_on: Table, config: Config, *, left_out: Table | None = None
) -> CertifiedBlock:
    """Return the operating point that the later block proves, of candidates that the earlier one puts in order.

    `router` is an open one. Both tables hold only calls whose eligible label is yes or no. `left_out` are the calls of the
    later block's weeks without a label. Raises `NoSafeThreshold` where no point keeps the promises, or where the calls left
    out are shown to differ from the block's.
    """
    adverse_is_dangerous = config.threshold.adverse_is_dangerous
    earlier = [router.decide(call) for call in calibrate.calls]
    later = [router.decide(call) for call in certify_on.calls]
    sample = [] if left_out is None else decided_sample(router, left_out.calls, seed=config.classifier.seed)
    n_left_out = len(left_out.calls) if left_out else 0
    measured = likeness(later, sample, left_out=n_left_out, confidence=config.threshold.confidence)
    require_likeness(measured, max_gap=config.split.max_gap)
    block = block_of(later, certify_on, adverse_is_dangerous=adverse_is_dangerous)
    promised = promises(config)
    served = certify_on.labels["adverse_event"].notna().to_numpy()
    point = points.choose(
        block,
        promised,
        pairs=points.candidates(
            block_of(earlier, calibrate, adverse_is_dangerous=adverse_is_dangerous),
            promised,
            min_probability=config.threshold.min_probability,
        ),
        served=(block.scores[served], is_true(certify_on.labels["adverse_event"])[served]),
        max_adverse_share=config.threshold.max_adverse_share,
    )
    low = low_band(earlier, later, certify_on, config)
    point = replace(point, low_risk_below=low, max_unfamiliar=config.threshold.max_unfamiliar)
    return CertifiedBlock(point, measured, clustered_bounds(block, certify_on.labels, point))


def low_band(earlier: list[Decision], later: list[Decision], certify_on: Table, config: Config) -> float | None:
    """Return the risk below which the band is low, as the later decisions' labels prove it; `None` where they prove none."""
    has_risk = any_risk(certify_on.labels)
    known = np.array([value is not None for value in has_risk], dtype=bool)
    risk = np.array([decision.risk_probability or 0.0 for decision in later])
    return certified_low(
        risk[known],
        has_risk[known].astype(bool),
        edges_from=np.array([decision.risk_probability or 0.0 for decision in earlier]),
        max_share=config.threshold.max_low_risk,
        confidence=config.threshold.confidence,
    )
