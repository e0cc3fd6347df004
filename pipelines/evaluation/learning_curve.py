"""The learning curve: the area reached from growing parts of labelled calls, to see whether more labels would help."""

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.call import Call
from models.classifier import features
from models.classifier.encoder import make_encoder
from models.reading import Reader
from models.statistics import Bools, Estimate
from pipelines.data.table import Table
from pipelines.evaluation import metrics
from pipelines.settings import Config

SIZES = (500, 2000, 8000, 32_000)


def learning_curve(
    training: Table, test: Table, config: Config, *, sizes: Sequence[int] = SIZES, reader: Reader | None = None
) -> Iterator[tuple[int, Estimate]]:
    """Yield, for each number of training calls, the area under the curve of the eligible head on the test calls.

    `reader` is the program's, the shipped one where not given.
    """
    train_calls, train_truth = _labelled(training)
    test_calls, test_truth = _labelled(test)
    order = np.random.default_rng(config.classifier.seed).permutation(len(train_calls))[: max(sizes)]
    reader = reader or Reader()
    frame, truth = features.frame([train_calls[place] for place in order], reader), train_truth[order]
    test_frame = features.frame(test_calls, reader)
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


def _labelled(table: Table) -> tuple[list[Call], Bools]:
    """Return the calls labelled yes or no, and their labels, shape (n,)."""
    places = [place for place, value in enumerate(table.labels["eligible"]) if isinstance(value, bool)]
    return [table.calls[place] for place in places], table.labels["eligible"].iloc[places].to_numpy(dtype=bool)
