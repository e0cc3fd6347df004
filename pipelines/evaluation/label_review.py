"""Review of labels: a sample to be labelled twice, the agreement of two labellers, and labels that look wrong."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from models.call import Call
from models.classifier import encoder as classifier
from models.classifier import features
from models.errors import InvalidData
from models.reading import Reader
from models.router import Router
from models.statistics import Estimate, bootstrap_draws, percentile_interval
from pipelines.data.table import Table
from pipelines.settings import Config

COLUMNS = ("call_id", "call_type", "received_at", "zone", "narrative", "eligible")
"""The columns of a labeller's sheet, without why a call was drawn, the model's answer, or anybody else's label."""

STRATA_COLUMNS = ("call_id", "drawn_by", "weight")


@dataclass(frozen=True, slots=True)
class Sample:
    """Calls to be labelled, in a different order for each labeller, and their strata, which labellers do not see.

    `strata` has a row for each call: why it was drawn, and how many calls of the file it represents.
    """

    sheets: dict[str, pd.DataFrame]
    strata: pd.DataFrame


def sample(router: Router, table: Table, *, size: int, seed: int, labellers: Sequence[str] = ("a", "b")) -> Sample:
    """Return calls to be labelled, half near the threshold and half at random, with a sheet for each labeller.

    Calls without a note are not drawn, because there is nothing to label. Labellers see neither the model's answer nor why a
    call was drawn, because both would influence them. Raises `InvalidData` without a model, or where no call has a note.
    """
    if router.bundle is None:
        raise InvalidData("a sample needs a model", remedy="run heartline train and heartline release first")
    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    threshold = router.bundle.operating_point.eligible_at
    with_note = [row for row, call in enumerate(table.calls) if call.narrative.strip()]
    if not with_note:
        raise InvalidData("no call has a note", value=len(table.calls), remedy="bring calls with notes")
    chances = {row: router.decide(table.calls[row]).eligible_probability or 0.0 for row in with_note}
    unsure = sorted(with_note, key=lambda row: abs(chances[row] - threshold))[: size // 2]
    others = sorted(set(with_note) - set(unsure))
    at_random = rng.sample(others, min(size - len(unsure), len(others)))
    names = {row: table.calls[row].call_id or f"row {table.labels['row'].iloc[row]}" for row in (*unsure, *at_random)}
    weights = [(row, "uncertainty", 1.0) for row in unsure]
    weights += [(row, "chance", len(others) / len(at_random)) for row in at_random]
    strata = [(names[row], how, weight) for row, how, weight in weights]
    sheets = {}
    for labeller in labellers:
        order = rng.sample(sorted(names), len(names))
        sheets[labeller] = pd.DataFrame([_sheet_row(table.calls[row], names[row]) for row in order], columns=list(COLUMNS))
    return Sample(sheets, pd.DataFrame(sorted(strata), columns=list(STRATA_COLUMNS)))


def _sheet_row(call: Call, name: str) -> dict[str, object]:
    """Return the row of a call in a labeller's sheet."""
    return {
        "call_id": name,
        "call_type": call.call_type,
        "received_at": call.received_at.isoformat() if call.received_at else None,
        "zone": call.zone,
        "narrative": call.narrative,
    }


def joined_sheets(first: pd.DataFrame, second: pd.DataFrame, strata: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return two labellers' sheets as one table with the columns `one` and `other`, and the strata where they are known.

    Raises `InvalidData` where a sheet lacks a column, or holds a call twice.
    """
    for frame in (first, second):
        _require_columns(frame, "call_id", "eligible")
        if frame["call_id"].duplicated().any():
            repeated = frame.loc[frame["call_id"].duplicated(), "call_id"].iloc[0]
            raise InvalidData("a sheet holds a call twice", value=repeated, remedy="keep one of its rows")
    both = first[["call_id", "eligible"]].merge(second[["call_id", "eligible"]], on="call_id", suffixes=("_one", "_other"))
    both = both.rename(columns={"eligible_one": "one", "eligible_other": "other"})
    return both if strata is None else both.merge(strata[list(STRATA_COLUMNS)], on="call_id", how="left")


def _require_columns(frame: pd.DataFrame, *names: str) -> None:
    """Raise `InvalidData` naming the first column that a table lacks."""
    for name in names:
        if name not in frame:
            raise InvalidData("no such column", value=name, remedy=f"it has: {', '.join(map(str, frame.columns))}")


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two labellers, whether it is weighted by stratum, and the calls on which they disagree."""

    kappa: Estimate
    agreed: int
    disputed: tuple[str, ...]
    weighted: bool = False


def agreement(frame: pd.DataFrame, *, one: str, other: str, confidence: float, resamples: int) -> Agreement:
    """Return Cohen's kappa of two columns with its bootstrap interval; rows with a blank in either do not count.

    With the columns `drawn_by` and `weight`, each call is weighted by the number of calls that it represents, so that kappa
    is that of the file and not of the sample, half of which is near the threshold. The bootstrap then draws within strata.
    """
    _require_columns(frame, one, other)
    both = frame[frame[[one, other]].notna().all(axis=1)]
    if len(both) < 2:
        raise InvalidData("fewer than two calls were labelled twice", value=len(both), remedy=f"fill in {one} and {other}")
    weighted = {"drawn_by", "weight"} <= set(both.columns) and bool(both["weight"].notna().all())
    if weighted:
        both = both.sort_values("drawn_by", kind="stable")
    weights = both["weight"].astype(float).to_numpy() if weighted else np.ones(len(both))
    sizes = both["drawn_by"].value_counts().sort_index().tolist() if weighted else ()
    first, second = (both[name].astype(str).str.strip().str.lower().to_numpy() for name in (one, other))
    draws = bootstrap_draws(
        lambda rows: cohen_kappa_score(first[rows], second[rows], sample_weight=weights[rows]),
        len(first),
        resamples=resamples,
        strata=sizes,
        defined=lambda rows: len(set(first[rows]) | set(second[rows])) > 1,
    )
    low, high = percentile_interval(draws, confidence=confidence) if len(draws) else (1.0, 1.0)
    all_alike = len(set(first) | set(second)) == 1
    kappa = 1.0 if all_alike else float(cohen_kappa_score(first, second, sample_weight=weights))
    names = both["call_id"] if "call_id" in both else both.index + 1
    disputed = tuple(str(name) for name, a, b in zip(names, first, second, strict=True) if a != b)
    estimate = Estimate(kappa, low, high, len(first), "bootstrap")
    return Agreement(estimate, int((first == second).sum()), disputed, weighted=weighted)


def suspects(table: Table, config: Config, *, reader: Reader | None = None) -> list[tuple[int, bool, float]]:
    """Return rows whose eligible label looks wrong, the likeliest first: (row, label, probability of the label out of fold).

    All calls of a caller are in one fold. Source: confident learning, Northcutt and others, JAIR 70 (2021).
    """
    truth = table.labels["eligible"].to_numpy(dtype=bool).astype(int)
    own = pd.Series([f"row-{number}" for number in range(len(truth))])
    groups = table.labels["caller_key"].reset_index(drop=True).where(table.labels["caller_key"].notna().to_numpy(), own)
    encoded = classifier.make_encoder(config.classifier).fit_transform(features.frame(table.calls, reader or Reader()))
    head = LogisticRegression(C=config.classifier.regularisation, max_iter=2000, random_state=config.classifier.seed)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=config.classifier.seed)
    chances = cross_val_predict(head, encoded, truth, groups=groups, cv=folds, method="predict_proba")
    order: Sequence[int] = find_label_issues(truth, chances, return_indices_ranked_by="self_confidence", n_jobs=1)
    rows = table.labels["row"].to_numpy()
    return [(int(rows[place]), bool(truth[place]), float(chances[place, truth[place]])) for place in order]
