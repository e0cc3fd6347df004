"""The learning curve: the area reached with growing numbers of labelled calls, which shows whether more would help."""

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.classifier import features
from models.classifier.encoder import make_encoder
from models.reading import Reader
from models.statistics import Bools, Estimate
from pipelines.data.table import Table, labelled
from pipelines.evaluation import metrics
from pipelines.settings import Config

SIZES = (500, 2000, 8000, 32_000)


def learning_curve(
    training: Table, test: Table, config: Config, *, sizes: Sequence[int] = SIZES, reader: Reader | None = None
) -> Iterator[tuple[int, Estimate]]:
    """Yield each number of training calls with the area under the curve of the eligible head on the test calls.

    `reader` is the program's; the default reads as the shipped program does.
    """
    training, test, reader = labelled(training), labelled(test), reader or Reader()
    order = np.random.default_rng(config.classifier.seed).permutation(len(training.calls))[: max(sizes)]
    frame = features.frame([training.calls[row] for row in order], reader)
    truth, test_truth = _truth(training)[order], _truth(test)
    test_frame = features.frame(test.calls, reader)
    for size in sorted({min(size, len(order)) for size in sizes}):
        encoder = make_encoder(config.classifier)
        head = LogisticRegression(C=config.classifier.regularisation, max_iter=2000, random_state=config.classifier.seed)
        head.fit(encoder.fit_transform(frame.iloc[:size]), truth[:size])
        scores = head.predict_proba(encoder.transform(test_frame))[:, 1]
        area = metrics.bootstrapped(
            metrics.auc,
            test_truth,
            scores,
            confidence=config.evaluate.confidence,
            resamples=config.evaluate.bootstrap // 5,
        )
        yield size, area


def _truth(table: Table) -> Bools:
    """Return the eligible labels, all yes or no, shape (n,)."""
    return np.asarray(table.labels["eligible"].to_numpy(dtype=bool))
