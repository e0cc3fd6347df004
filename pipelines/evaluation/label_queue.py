"""The order in which calls are labelled: the most useful first, mixed with a random share that keeps estimates honest.

Four lists take turns: calls near the threshold, calls whose notes the model does not know, calls with rare signals, and
calls that weak labels think eligible. Between them, with a probability that is recorded, stands the next call of a random
permutation of all calls. That permutation is drawn first and does not depend on the lists: its labelled beginning is a
simple random sample of all calls (`random_sample`), from which shares of errors may be estimated without weights.
"""

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from models.classifier.familiarity import unfamiliar_share
from models.reading import Reading
from models.router import Router
from models.statistics import Floats
from pipelines.data.table import read_row
from pipelines.evaluation.weak_labels import votes, weak_probabilities

RANDOM_SHARE = 0.25
"""How often the next call is drawn by chance."""

ORDER_COLUMNS = ("place", "drawn_by", "random_rank", "random_share")
RANDOM = "random"


def queue_order(frame: pd.DataFrame, *, router: Router, random_share: float = RANDOM_SHARE, seed: int = 0) -> pd.DataFrame:
    """Return the calls of a table in the order in which to label them, one row each; nothing in it says what a call is.

    Columns: `place` (the call's row in `frame`, from 0), `drawn_by` (why it stands here), `random_rank` (its place in the
    random permutation, from 0) and `random_share`. `frame` has the columns of a call, and where they are known
    `disposition`, `outcome` and `unit_sent`. A router without a bundle orders by signals and weak labels alone.

    Raises `InvalidCall` naming the field of a row that cannot be read as a call.
    """
    calls = [read_row({str(key): value for key, value in row.items()}) for row in frame.to_dict("records")]
    readings = [router.reader.read(call) for call in calls]
    lists = {"weak_labels": _by_weak_labels(frame, readings, router), "rare_signal": _by_rarity(readings)}
    if router.bundle is not None:
        chances = np.array([router.decide(call).eligible_probability or 0.0 for call in calls])
        unknown = np.array([unfamiliar_share(reading, router.bundle.vocabulary) for reading in readings])
        lists["near_threshold"] = np.argsort(np.abs(chances - router.bundle.operating_point.eligible_at), kind="stable")
        lists["unfamiliar"] = np.argsort(-unknown, kind="stable")
    rng = np.random.default_rng(seed)
    permutation = rng.permutation(len(calls))
    rank = np.empty(len(calls), dtype=int)
    rank[permutation] = np.arange(len(calls))
    drawn = list(_mixed(permutation, dict(sorted(lists.items())), random_share=random_share, rng=rng))
    return pd.DataFrame([(place, why, int(rank[place]), random_share) for place, why in drawn], columns=list(ORDER_COLUMNS))


def random_sample(order: pd.DataFrame, labelled: int) -> pd.DataFrame:
    """Return the simple random sample among the first `labelled` calls of a queue: the permutation's whole beginning."""
    done = order.iloc[:labelled]
    ranks = set(done["random_rank"])
    size = next(rank for rank in itertools.count() if rank not in ranks)
    return done[done["random_rank"] < size].sort_values("random_rank")


def _mixed(
    permutation: np.ndarray, lists: dict[str, np.ndarray], *, random_share: float, rng: np.random.Generator
) -> Iterator[tuple[int, str]]:
    """Yield each call once with the list that it was drawn from."""
    waiting = {name: iter(order.tolist()) for name, order in lists.items()}
    by_chance, turns, queued = iter(permutation.tolist()), itertools.cycle(lists), set[int]()
    for _ in range(len(permutation)):
        name = RANDOM if rng.random() < random_share else next(turns)
        source = by_chance if name == RANDOM else waiting[name]
        place = next((each for each in source if each not in queued), None)
        if place is None:
            return
        queued.add(place)
        yield place, name


def _by_rarity(readings: list[Reading]) -> np.ndarray:
    """Return the calls by how rare their rarest asserted signal is; those without a signal last."""
    signals = [{signal.id for signal in reading.signals if signal.asserted} for reading in readings]
    counts = Counter(itertools.chain.from_iterable(signals))
    rarest = [min((counts[name] for name in each), default=len(readings) + 1) for each in signals]
    return np.argsort(rarest, kind="stable")


def _by_weak_labels(frame: pd.DataFrame, readings: list[Reading], router: Router) -> np.ndarray:
    """Return the calls from the likeliest eligible by weak labels on."""
    groups = router.reader.signals.lexicon.groups.items()
    own = frozenset(name for name, group in groups if group.program)
    said = votes(frame, readings, router.program, program_groups=own)
    chances: Floats = weak_probabilities(said.to_numpy())
    return np.argsort(-chances, kind="stable")
