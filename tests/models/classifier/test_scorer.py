"""The compiled scorer is scikit-learn's equal, or steps aside."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.call import Answer, Call, CallerParty, Source
from models.classifier import encoder as classifier
from models.classifier import features
from models.classifier.encoder import HEADS
from models.classifier.features import COLUMNS, row
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.scorer import LinearScorer, PipelineScorer, Scores, difference, proved
from models.reading import Reader
from pipelines.data.table import read_table

READER = Reader()
WORDS = st.sampled_from(
    "male female sleeping refusing to leave 911 crying suicidal niño 0 zzz alarm chest pain no the".split()
)
CALLS = st.builds(
    Call,
    narrative=st.one_of(st.lists(WORDS, max_size=40).map(" ".join), st.text(max_size=80)),
    call_type=st.sampled_from([None, "Trespass", "Welfare Check", "nobody knows", "医療"]),
    source=st.sampled_from([None, *Source]),
    caller_party=st.sampled_from([None, *CallerParty]),
    weapons_answer=st.sampled_from([None, *Answer]),
    calls_24h=st.sampled_from([None, 0, 35]),
    calls_30d=st.sampled_from([None, 0, 2, 500]),
    premise_hazard=st.sampled_from([None, True, False]),
)


def apart(one: Scores, other: Scores) -> float:
    """Return the largest difference between two scores."""
    return difference(one, {"heads": other.probabilities, "response": other.response})


@pytest.fixture(scope="module")
def parts(router):
    """Return the fitted parts of the small model."""
    return router.bundle.parts


def linear_of(parts):
    """Return the logistic regression inside the calibrated eligible head."""
    head = parts["eligible"]
    return head if hasattr(head, "coef_") else head.calibrated_classifiers_[0].estimator.estimator


@settings(max_examples=60, deadline=None)
@given(call=CALLS)
def test_the_compiled_scorer_equals_scikit_learn(parts, call):
    """Unicode, unseen words and categories, missing fields, empty notes: equal to 1e-9."""
    features = row(READER.read(call))
    assert apart(LinearScorer(parts).score(features), PipelineScorer(parts).score(features)) <= 1e-9


def test_a_bundle_proves_itself_when_it_loads(router):
    """The golden calls were scored again at load and agree."""
    assert router.bundle.compiled
    assert router.bundle.scorer_difference <= 1e-9
    assert len(router.bundle.manifest["golden"]) == len(GOLDEN_CALLS)


def test_a_scorer_that_disagrees_is_not_used(parts):
    """Where the golden scores differ, scikit-learn answers instead."""
    golden = [(row(READER.read(call)), {"heads": {"eligible": 0.123}, "response": {}}) for call in GOLDEN_CALLS[:1]]
    scorer, worst = proved(parts, golden)
    assert isinstance(scorer, PipelineScorer)
    assert worst > 0


def test_parts_that_cannot_be_compiled_fall_back(parts):
    """A vectoriser of another kind is left to scikit-learn."""
    other = dict(parts)
    other["encoder"] = copy.deepcopy(parts["encoder"])
    other["encoder"].named_transformers_["words"].norm = None
    assert isinstance(proved(other, ())[0], PipelineScorer)


def test_contributions_are_the_fitted_weights_times_the_values(parts):
    """What is kept for a signal or a word is exactly its part of the linear head's log-odds."""
    features = row(READER.read(Call(narrative="transient male sleeping in doorway refusing to leave", call_type="Trespass")))
    weights = linear_of(parts).coef_[0]
    scores = LinearScorer(parts).score(features)
    encoder = parts["encoder"]
    start = 0
    for block, kind, column in (("signals", "signal", "signals"), ("words", "word", "text")):
        vectoriser = encoder.named_transformers_[block]
        values = vectoriser.transform([features[column]]) * encoder.transformer_weights[block]
        shares = {part.name: part.weight for part in scores.contributions if part.kind == kind}
        assert shares
        for term, share in shares.items():
            place = vectoriser.vocabulary_[term]
            assert share == pytest.approx(values[0, place] * weights[start + place], abs=1e-12)
        start += len(vectoriser.vocabulary_)


def test_the_same_call_scores_the_same(router):
    """Scoring has no memory."""
    scores = [router.bundle.scorer.score(row(READER.read(GOLDEN_CALLS[-1]))) for _ in range(3)]
    assert scores[0] == scores[1] == scores[2]


def test_bundle_of_the_same_parts_has_golden_scores_for_every_head(router):
    """Every head is in the artefact and in its proof."""
    assert set(router.bundle.parts) == {"encoder", *HEADS}
    assert all(entry["scores"]["response"] for entry in router.bundle.manifest["golden"])


NOTES = (
    "transient male sleeping in doorway refusing to leave", "caller says wants to die, crying, no plan",
    "two car crash no injuries", "drunk female stumbling near the park, wants a ride home", "niño llorando", "",
)  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_contributions_and_intercept_add_up_to_the_logit(parts, note):
    """The explanation is the score: its parts sum to scikit-learn's own log-odds before calibration."""
    call = Call(narrative=note, call_type="Trespass", source=Source.EMERGENCY, calls_30d=3)
    scores = LinearScorer(parts).score(row(READER.read(call)))
    expected = linear_of(parts).decision_function(
        parts["encoder"].transform(pd.DataFrame([row(READER.read(call))], columns=list(COLUMNS)))
    )[0]
    assert scores.logit == pytest.approx(expected, abs=1e-9)


def test_a_decision_keeps_every_contribution(router):
    """Signals, words and fields stand in the decision with the intercept, and add up to the log-odds."""
    decision = router.decide(Call(narrative="male in lobby refusing to leave", call_type="Trespass"))
    kinds = {part.kind for part in decision.contributions}
    assert kinds == {"intercept", "signal", "word", "field"}
    scores = router.bundle.scorer.score(
        row(READER.read(Call(narrative="male in lobby refusing to leave", call_type="Trespass")))
    )
    assert sum(part.weight for part in decision.contributions) == pytest.approx(scores.logit, abs=1e-9)


@pytest.mark.parametrize("inputs", ["words", "signals", "text", "metadata"])
def test_heads_over_part_of_the_inputs_compile_too(inputs, corpus, small_config):
    """Words alone and metadata alone are scored as scikit-learn does."""
    table = read_table(corpus)
    rows = features.frame(table.calls[:2000], READER)
    labels = {"eligible": table.labels["eligible"].to_numpy(dtype=object)[:2000]}
    labels |= {head: np.full(2000, None, dtype=object) for head in HEADS if head != "eligible"}
    settings = dataclasses.replace(small_config.classifier, inputs=inputs)
    made = classifier.fit(rows, labels, calibration_frame=rows, calibration_labels=labels, settings=settings).parts
    for call in GOLDEN_CALLS:
        one, other = LinearScorer(made).score(row(READER.read(call))), PipelineScorer(made).score(row(READER.read(call)))
        assert one.eligible == pytest.approx(other.eligible, abs=1e-9)
