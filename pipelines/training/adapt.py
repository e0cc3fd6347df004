"""Adaptation of a model to a city: fitted on its few hundred labelled calls and synthetic ones, certified on its own.

The weight of the local calls, the regularisation and the block weights are searched by nested cross-validation over groups:
calls that share a caller, an address or a note stay in one fold. Each local call is scored by a model that was fitted
without its group, and these cross-fitted log-odds calibrate the final model. There are two ways to certify:

- `half`: half of the local calls is held out of fitting. The bound proved on it is exact for the model that is saved.
- `none`: every local call counts, as scored by the model of the other folds (cross-fitting). The saved model is fitted on
  all of them, so the bound is that of the procedure, an approximation. The manifest records which way was used.

Overrides and outcomes were selected by what they say: the model is fitted on them, and not calibrated or certified on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from models.classifier import bundle as bundles
from models.classifier import features
from models.classifier import operating_point as points
from models.classifier.bundle import Bundle
from models.classifier.encoder import Parts
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.operating_point import OperatingPoint
from models.decision import Decision
from models.errors import InvalidData
from models.programs.files import DEFAULT_PROGRAM, ProgramSource
from models.programs.kept import keep_program
from models.router import Router
from models.statistics import Bools, Rows
from pipelines.data.rows import Notice
from pipelines.data.table import Table, distinct, labelled, take
from pipelines.evaluation.evaluate import Evaluation, evaluate_decisions, probabilities
from pipelines.evaluation.label_queue import RANDOM
from pipelines.settings import Config
from pipelines.training import labels as retrain
from pipelines.training.certify import block_of, low_band, open_point, promises
from pipelines.training.local_fit import LocalSettings, fit_parts, tune, with_line
from pipelines.training.local_groups import half_of
from pipelines.training.local_promise import Needed, choose_local, needs, review_only_point
from pipelines.training.local_work import Fold, HeldOutModel, Work, cross_fit, decided, prepare, synthetic_block
from pipelines.training.paired import Paired, paired
from pipelines.training.provenance import provenance
from pipelines.training.train import learnt_types, profile, risk_tables

HeldOut = Literal["none", "half"]
FEWEST_LABELLED, FEWEST_ELIGIBLE = 100, 25
OUTER_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Adapted:
    """An adapted candidate: its bundle, its evaluation, and how it compares with its base on the same calls.

    `evaluation` is over local calls, each scored by a model that was fitted without its group.
    """

    folder: Path
    digest: str
    point: OperatingPoint
    evaluation: Evaluation
    comparison: list[Paired]
    needs: list[Needed]
    folds: list[Fold]
    training: dict[str, Any]


def adapt(
    base: Bundle,
    synthetic: Table,
    local: Table,
    config: Config,
    folder: Path,
    *,
    identity: Mapping[str, Any] = MappingProxyType({}),
    held_out: HeldOut = "none",
    review_only: bool = False,
    program: ProgramSource = DEFAULT_PROGRAM,
    fewest_eligible: int = FEWEST_ELIGIBLE,
    notice: Notice = lambda _: None,
) -> Adapted:
    """Adapt a base to labelled local calls, save the bundle and return the candidate.

    `synthetic` are the calls that the base was fitted on. `identity` names the files by their digests. Raises `InvalidData`
    where there are too few labelled calls, and `NoSafeThreshold` where they prove no operating point, unless `review_only`
    asks for a bundle that never says ELIGIBLE.
    """
    unsure = int((local.labels["eligible"] == "unsure").sum())
    local = distinct(labelled(local))
    check(local, fewest_eligible=fewest_eligible)
    work = prepare(labelled(synthetic), local, config, program)
    truth = work.local.eligible
    notice(f"local calls: {len(truth)} labelled, {int(truth.sum())} eligible, {unsure} unsure left out")
    selected, fitted_on = work.local.selected, np.ones(len(truth), dtype=bool)
    if selected.any():
        notice(f"{int(selected.sum())} of them are overrides and outcomes: fitted on, not certified on")
    if held_out == "half":
        sides, how = half_of(local, work.groups, truth, selected, seed=config.classifier.seed)
        held, fitted_on = sides.held, sides.fitted_on
        notice(f"held-out half: {how}, {int(held.sum())} calls with {int(truth[held].sum())} eligible")
    folds, line = cross_fit(work, fitted_on, folds=OUTER_FOLDS)
    notice(f"cross-fitted over {len(folds)} folds of callers and addresses, slope {line.slope:.2f}, {line.intercept:+.2f}")
    settings = tune(work.synthetic, work.local.take(fitted_on), work.groups[fitted_on], config.classifier)
    parts = with_line(fit_parts(work.synthetic, work.local.take(fitted_on), work.calibrate, settings), line)
    notice("final model: " + ", ".join(f"{name} {value:g}" for name, value in settings.to_record().items()))
    if held_out == "half":
        held_out_models = [HeldOutModel(parts, held)]
    else:
        held_out_models = [HeldOutModel(with_line(fold.parts, line), fold.held) for fold in folds]
    block = _block(work, held_out_models)
    point = _point(work, parts, block, review_only=review_only)
    useful = _queued_as_useful(local, held_out_models)
    training = _training(
        work, base, identity, settings, folds, point, held_out=held_out, review_only=review_only, useful=useful
    )
    training["adapted"]["unsure"] = unsure
    decisions, rows = decided(work, held_out_models, point, training)
    training["profile"] = profile(probabilities(decisions), local, rows)
    training["blocks"]["certify"] = len(rows)
    digest = _save(work, parts, point, training, folder)
    notice("saved, and compared with the base on the same calls")
    return Adapted(
        folder, digest, point,
        evaluate_decisions(decisions, take(local, rows), config.evaluate, call_types=work.program.call_types),
        _compared(work, base, decisions, rows), list(needs(block, promises(config), point)), folds, training,
    )  # fmt: skip


def check(local: Table, *, fewest_eligible: int = FEWEST_ELIGIBLE) -> None:
    """Raise `InvalidData` where there are too few labelled local calls to adapt to, selected ones not counted."""
    selected = retrain.is_selected(local.labels)
    truth = local.labels["eligible"].to_numpy(dtype=bool)[~selected]
    besides = " besides overrides and outcomes" if selected.any() else ""
    if len(truth) < FEWEST_LABELLED:
        raise InvalidData(f"too few labelled calls{besides}", value=len(truth), remedy=f"label at least {FEWEST_LABELLED}")
    if truth.sum() < fewest_eligible:
        raise InvalidData(
            f"too few eligible calls among the labelled{besides}", value=int(truth.sum()),
            remedy=f"label at least {fewest_eligible}; heartline review order lists likely ones first",
        )  # fmt: skip


def _point(work: Work, parts: Parts, block: points.Block, *, review_only: bool) -> OperatingPoint:
    """Return the operating point that the scored local calls prove; pairs and the low band come from synthetic calls."""
    config = work.config
    if review_only:
        return replace(review_only_point(block, promises(config)), max_unfamiliar=config.threshold.max_unfamiliar)
    adverse_is_dangerous = config.threshold.adverse_is_dangerous
    (earlier, calibrate), (later, certify_on) = (synthetic_block(work, parts, name) for name in ("calibrate", "certify"))
    pairs = points.candidates(
        block_of(earlier, calibrate, adverse_is_dangerous=adverse_is_dangerous),
        promises(config),
        min_probability=config.threshold.min_probability,
    )
    synthetic = block_of(later, certify_on, adverse_is_dangerous=adverse_is_dangerous)
    point = choose_local(block, synthetic, promises(config), pairs=pairs)
    low = low_band(earlier, later, certify_on, config)
    return replace(point, low_risk_below=low, max_unfamiliar=config.threshold.max_unfamiliar)


def _block(work: Work, held_out_models: list[HeldOutModel]) -> points.Block:
    """Return the local calls as open routers of their held-out models decide them."""
    decisions, rows = decided(work, held_out_models, open_point(work.config))
    table = take(work.local_table, rows)
    return block_of(decisions, table, adverse_is_dangerous=work.config.threshold.adverse_is_dangerous)


def _training(
    work: Work,
    base: Bundle,
    identity: Mapping[str, Any],
    settings: LocalSettings,
    folds: list[Fold],
    point: OperatingPoint,
    *,
    held_out: HeldOut,
    review_only: bool,
    useful: int,
) -> dict[str, Any]:
    """Return the training section of the manifest: provenance, lineage, and what the promise was proved on."""
    truth = work.local.eligible
    adapted = {
        "base": base.digest,
        "local_sha256": identity.get("local_sha256"),
        "ledger_entries": identity.get("local_ledger_entries"),
        "labels": retrain.source_counts(work.local_table.labels),
        "labelled": len(truth),
        "eligible": int(truth.sum()),
        "groups": len(set(work.groups.tolist())),
        "held_out": held_out,
        "queued_as_useful": useful,
        "settings": settings.to_record(),
        "folds": [fold.settings.to_record() for fold in folds],
    }
    return provenance(work.config, identity, work.blocks, work.program) | {
        "signals": work.signals.version,
        "learnt_types": learnt_types(take(work.synthetic_table, work.blocks.fit), work.reader),
        "certified_on": "none" if review_only else "local",
        "certified_by": sentence(point, held_out, review_only=review_only, useful=useful),
        "review_only": review_only,
        "adapted": adapted,
    }


def _queued_as_useful(local: Table, held_out_models: list[HeldOutModel]) -> int:
    """Return how many certified calls came into the labelling queue by a list of useful ones, and not at random."""
    certified = np.any([model.rows for model in held_out_models], axis=0)
    drawn_by = local.labels["drawn_by"]
    return int((drawn_by.notna() & drawn_by.ne(RANDOM)).to_numpy()[certified].sum())


def sentence(point: OperatingPoint, held_out: HeldOut, *, review_only: bool, useful: int = 0) -> str:
    """Return, in one sentence, what the promise on false clears was proved on.

    `useful` of the calls were labelled because they seemed useful: the bound is of calls that are queued so.
    """
    if review_only:
        return "nothing: this bundle never says ELIGIBLE"
    allowed = points.allowed_errors(point.n_ineligible, max_rate=point.max_false_clear, confidence=point.confidence)
    how = {
        "half": "exact, on a half that was held out of fitting",
        "none": "by cross-fitting, each call scored by a model fitted without it: an approximation, not an exact bound",
    }[held_out]
    queued = f"; {useful} of the calls were queued as useful, not at random: the bound is of such a queue" if useful else ""
    return (
        f"{point.false_clears} of {point.n_ineligible} ineligible local calls cleared, {allowed} are allowed: at most "
        f"{point.max_false_clear:.1%} with {point.confidence:.0%} confidence; {point.dangerous_clears} of "
        f"{point.n_dangerous} dangerous ones: at most {point.max_dangerous_clear:.1%}; {how}{queued}"
    )


def _save(work: Work, parts: Parts, point: OperatingPoint, training: dict[str, Any], folder: Path) -> str:
    """Save the bundle and return its digest; risk tables come from synthetic calls that no head was fitted on."""
    unseen = take(work.synthetic_table, np.concatenate([work.blocks.calibrate, work.blocks.certify]))
    digest = bundles.save(
        folder,
        parts,
        point,
        risks=risk_tables(parts, unseen, work.config, work.reader),
        training=training,
        golden=[features.row(work.reader.read(call)) for call in GOLDEN_CALLS],
    )
    keep_program(folder, work.program)
    return digest


def _compared(work: Work, base: Bundle, decisions: list[Decision], rows: Rows) -> list[Paired]:
    """Return the figures of base and adapted model on the same local calls."""
    router = work.sharing(Router(bundle=base, program=work.program, matcher=work.matcher, signals=work.signals))
    before = [router.decide(work.local_table.calls[row]) for row in rows.tolist()]
    truth: Bools = work.local.eligible
    return paired(before, decisions, truth[rows], work.groups[rows], work.config.evaluate)
