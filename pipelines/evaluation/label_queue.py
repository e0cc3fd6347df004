"""The order in which calls are labelled: the most useful first, mixed with a random share for unbiased estimates.

Four lists take turns: calls near the threshold, calls with unfamiliar notes, calls with rare signals, and calls that are
likely eligible by weak labels. With a recorded probability, the next call is instead that of a random permutation of all
calls. The permutation is drawn first and does not depend on the lists: its labelled beginning is a simple random sample of
all calls (`random_sample`), from which shares of errors can be estimated without weights.
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
"""The probability that the next call is drawn at random."""

ORDER_COLUMNS = ("place", "drawn_by", "random_rank", "random_share")
RANDOM = "random"


def queue_order(frame: pd.DataFrame, *, router: Router, random_share: float = RANDOM_SHARE, seed: int = 0) -> pd.DataFrame:
    """Return the order in which to label the calls of a table, one row each, without the contents of the calls.

    Columns: `place` (the call's row in `frame`, from 0), `drawn_by` (the list it came from), `random_rank` (its place in
    the random permutation, from 0) and `random_share`. `frame` has the columns of a call and, where they are known,
    `disposition`, `outcome` and `unit_sent`. Without a bundle, calls are ordered by signals and weak labels alone.

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
    """Return the simple random sample among the first `labelled` calls of a queue: the permutation's unbroken beginning."""
    done = order.iloc[:labelled]
    ranks = set(done["random_rank"])
    size = next(rank for rank in itertools.count() if rank not in ranks)
    return done[done["random_rank"] < size].sort_values("random_rank")


def _mixed(
    permutation: np.ndarray, lists: dict[str, np.ndarray], *, random_share: float, rng: np.random.Generator
) -> Iterator[tuple[int, str]]:
    """Yield each call once with the list that it was drawn from."""
    waiting = {name: iter(order.tolist()) for name, order in lists.items()}
    at_random, turns, queued = iter(permutation.tolist()), itertools.cycle(lists), set[int]()
    for _ in range(len(permutation)):
        name = RANDOM if rng.random() < random_share else next(turns)
        source = at_random if name == RANDOM else waiting[name]
        place = next((each for each in source if each not in queued), None)
        if place is None:
            return
        queued.add(place)
        yield place, name


def _by_rarity(readings: list[Reading]) -> np.ndarray:
    """Return the calls in the order of their rarest asserted signal, the rarest first; those without a signal last."""
    signals = [{signal.id for signal in reading.signals if signal.asserted} for reading in readings]
    counts = Counter(itertools.chain.from_iterable(signals))
    rarest = [min((counts[name] for name in each), default=len(readings) + 1) for each in signals]
    return np.argsort(rarest, kind="stable")


def _by_weak_labels(frame: pd.DataFrame, readings: list[Reading], router: Router) -> np.ndarray:
    """Return the calls in the order of their probability by weak labels, the likeliest eligible first."""
    groups = router.reader.signals.lexicon.groups.items()
    program_groups = frozenset(name for name, group in groups if group.program)
    vote_table = votes(frame, readings, router.program, program_groups=program_groups)
    chances: Floats = weak_probabilities(vote_table.to_numpy())
    return np.argsort(-chances, kind="stable")
