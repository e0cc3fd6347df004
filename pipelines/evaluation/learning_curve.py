"""Learn from growing parts of labelled calls and judge each on the same others, to tell whether more labels would help."""

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.call import Call
from models.classifier import features
from models.classifier.encoder import make_encoder
from models.statistics import Estimate
from pipelines.data.table import Table
from pipelines.evaluation import metrics
from pipelines.settings import Config

SIZES = (500, 2000, 8000, 32_000)


def learning_curve(
    training: Table, judging: Table, config: Config, *, sizes: Sequence[int] = SIZES
) -> Iterator[tuple[int, Estimate]]:
    """Yield, for each number of training calls, the area under the curve of the eligible head on `judging`."""
    taught, judged_by = _labelled(training), _labelled(judging)
    order = np.random.default_rng(config.classifier.seed).permutation(len(taught[0]))
    calls = [taught[0][place] for place in order[: max(sizes)]]
    table, truth = features.frame(calls), taught[1][order[: max(sizes)]]
    others = features.frame(judged_by[0])
    for size in sorted({min(size, len(calls)) for size in sizes}):
        encoder = make_encoder(config.classifier)
        head = LogisticRegression(C=config.classifier.regularisation, max_iter=2000, random_state=config.classifier.seed)
        head.fit(encoder.fit_transform(table.iloc[:size]), truth[:size])
        scores = head.predict_proba(encoder.transform(others))[:, 1]
        yield (
            size,
            metrics.bootstrapped(
                metrics.auc,
                judged_by[1],
                scores,
                confidence=config.evaluate.confidence,
                resamples=config.evaluate.bootstrap // 5,
            ),
        )


def _labelled(table: Table) -> tuple[list[Call], metrics.Bools]:
    """Return the calls labelled yes or no, and their labels."""
    known = [place for place, value in enumerate(table.labels["eligible"]) if isinstance(value, bool)]
    return [table.calls[place] for place in known], np.array(
        [table.labels["eligible"].iloc[place] for place in known], dtype=bool
    )
