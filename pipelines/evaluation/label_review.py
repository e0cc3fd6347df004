"""Review of labels: a sample to be labelled twice, how far two labellers agree, and labels that look wrong."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from models.classifier import encoder as classifier
from models.classifier import features
from models.errors import InvalidData
from models.reading import Reader
from models.router import Router
from models.statistics import Estimate, bootstrap_draws, percentile_interval
from pipelines.data.table import Table
from pipelines.settings import Config

COLUMNS = (
    "call_id", "drawn_by", "call_type", "received_at", "zone", "narrative", "annotator_a", "annotator_b", "adjudicated",
)  # fmt: skip


def sample(router: Router, table: Table, *, size: int, seed: int) -> pd.DataFrame:
    """Return calls to be labelled: half where the model is least sure, half by chance, shuffled and without its answer.

    Labellers must not know what the model said, or their labels would repeat it. Raises `InvalidData` without a model.
    """
    if router.bundle is None:
        raise InvalidData("a sample needs a model", remedy="run heartline train and heartline release first")
    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    at = router.bundle.operating_point.eligible_at
    chances = [router.decide(call).eligible_probability for call in table.calls]
    unsure = sorted(range(len(chances)), key=lambda row: abs((chances[row] or 0.0) - at))[: size // 2]
    others = [row for row in range(len(chances)) if row not in set(unsure)]
    drawn = [(row, "uncertainty") for row in unsure]
    drawn += [(row, "chance") for row in rng.sample(others, min(size - len(unsure), len(others)))]
    rng.shuffle(drawn)
    rows = []
    for row, how in drawn:
        call = table.calls[row]
        rows.append(
            {
                "call_id": call.call_id or f"row {table.labels['row'].iloc[row]}",
                "drawn_by": how,
                "call_type": call.call_type,
                "received_at": call.received_at.isoformat() if call.received_at else None,
                "zone": call.zone,
                "narrative": call.narrative,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two labellers agree, and the calls on which they do not."""

    kappa: Estimate
    agreed: int
    disputed: tuple[str, ...]


def agreement(frame: pd.DataFrame, *, one: str, other: str, confidence: float, resamples: int) -> Agreement:
    """Return Cohen's kappa of two columns with its bootstrap interval; rows that either left blank do not count."""
    missing = [name for name in (one, other) if name not in frame]
    if missing:
        raise InvalidData("no such column", value=missing[0], remedy=f"it has: {', '.join(map(str, frame.columns))}")
    both = frame[[one, other]].notna().all(axis=1)
    first, second = (frame.loc[both, name].astype(str).str.strip().str.lower().to_numpy() for name in (one, other))
    if len(first) < 2:
        raise InvalidData("fewer than two calls were labelled twice", value=len(first), remedy=f"fill in {one} and {other}")
    draws = bootstrap_draws(
        lambda rows: cohen_kappa_score(first[rows], second[rows]),
        len(first),
        resamples=resamples,
        defined=lambda rows: len(set(first[rows]) | set(second[rows])) > 1,
    )
    low, high = percentile_interval(draws, confidence=confidence) if len(draws) else (1.0, 1.0)
    kappa = float(cohen_kappa_score(first, second)) if len(set(first) | set(second)) > 1 else 1.0
    names = frame.loc[both, "call_id"] if "call_id" in frame else pd.Series(np.flatnonzero(both.to_numpy()) + 1)
    disputed = tuple(str(name) for name, a, b in zip(names, first, second, strict=True) if a != b)
    return Agreement(Estimate(kappa, low, high, len(first), "bootstrap"), int((first == second).sum()), disputed)


def suspects(table: Table, config: Config) -> list[tuple[int, bool, float]]:
    """Return rows whose eligible label looks wrong, worst first: (row, label, its probability out of fold).

    A caller stays on one side of each fold. Source: confident learning, Northcutt and others, JAIR 70 (2021).
    """
    truth = table.labels["eligible"].to_numpy(dtype=bool).astype(int)
    own = pd.Series([f"row-{number}" for number in range(len(truth))])
    groups = table.labels["caller_key"].reset_index(drop=True).where(table.labels["caller_key"].notna().to_numpy(), own)
    encoded = classifier.make_encoder(config.classifier).fit_transform(features.frame(table.calls, Reader()))
    head = LogisticRegression(C=config.classifier.regularisation, max_iter=2000, random_state=config.classifier.seed)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=config.classifier.seed)
    chances = cross_val_predict(head, encoded, truth, groups=groups, cv=folds, method="predict_proba")
    order: Sequence[int] = find_label_issues(truth, chances, return_indices_ranked_by="self_confidence", n_jobs=1)
    rows = table.labels["row"].to_numpy()
    return [(int(rows[place]), bool(truth[place]), float(chances[place, truth[place]])) for place in order]
