"""The look-up tables give scikit-learn's scores, or no bundle is written."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.call import Answer, Call, CallerParty, Source
from models.classifier import bundle as bundles
from models.classifier import compiler, features
from models.classifier import encoder as classifier
from models.classifier.compiler import PipelineScorer, compiled, recorded
from models.classifier.features import COLUMNS, row
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.heads import HEADS
from models.classifier.scorer import LinearScorer, Scores, difference
from models.errors import BundleError
from models.reading import Reader

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
    return difference(one, recorded(other))


@pytest.fixture(scope="module")
def parts(router):
    """Return the fitted parts of the small model."""
    return bundles.load_parts(router.bundle.folder)


@pytest.fixture(scope="module")
def scorer(router):
    """Return the scorer that answers."""
    return router.bundle.scorer


def linear_of(parts):
    """Return the logistic regression inside the calibrated eligible head."""
    head = parts["eligible"]
    return head if hasattr(head, "coef_") else head.calibrated_classifiers_[0].estimator.estimator


@settings(max_examples=60, deadline=None)
@given(call=CALLS)
def test_the_compiled_scorer_equals_scikit_learn(parts, scorer, call):
    """Unicode, unseen words and categories, missing fields, empty notes: equal to 1e-9."""
    features = row(READER.read(call))
    assert apart(scorer.score(features), PipelineScorer(parts).score(features)) <= 1e-9


def test_a_bundle_proves_itself_when_it_loads(router):
    """The golden calls were scored again at load and agree."""
    assert router.bundle.scorer_difference <= 1e-9
    assert len(router.bundle.manifest["golden"]) == len(GOLDEN_CALLS)


def test_parts_that_no_table_stands_for_make_no_bundle(parts, router, tmp_path):
    """A vectoriser of another kind is refused when the bundle is written, and nothing is left behind."""
    other = parts | {"encoder": copy.deepcopy(parts["encoder"])}
    other["encoder"].named_transformers_["words"].norm = None
    with pytest.raises(BundleError, match="cannot be compiled"):
        bundles.save(tmp_path / "new", other, router.bundle.operating_point, risks={}, training={}, golden=[])
    assert not (tmp_path / "new").exists()


def test_tables_that_differ_from_scikit_learn_make_no_bundle(parts, router, tmp_path, monkeypatch):
    """A weight that is a millionth off is found on the golden calls when the bundle is written."""
    tables = compiled(parts)
    monkeypatch.setattr(compiler, "compiled", lambda _: dataclasses.replace(tables, weights=tables.weights + 1e-6))
    golden = [row(READER.read(call)) for call in GOLDEN_CALLS]
    with pytest.raises(BundleError, match="do not give scikit-learn's scores"):
        bundles.save(tmp_path / "new", parts, router.bundle.operating_point, risks={}, training={}, golden=golden)
    assert not (tmp_path / "new").exists()


def test_contributions_are_the_fitted_weights_times_the_values(parts, scorer):
    """What is kept for a signal or a word is exactly its part of the linear head's log-odds."""
    features = row(READER.read(Call(narrative="transient male sleeping in doorway refusing to leave", call_type="Trespass")))
    weights = linear_of(parts).coef_[0]
    scores = scorer.score(features)
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
    assert set(bundles.load_parts(router.bundle.folder)) == {"encoder", *HEADS}
    assert all(entry["scores"]["response"] for entry in router.bundle.manifest["golden"])


NOTES = (
    "transient male sleeping in doorway refusing to leave", "caller says wants to die, crying, no plan",
    "two car crash no injuries", "drunk female stumbling near the park, wants a ride home", "niño llorando", "",
)  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_contributions_and_intercept_add_up_to_the_logit(parts, scorer, note):
    """The explanation is the score: its parts sum to scikit-learn's own log-odds before calibration."""
    call = Call(narrative=note, call_type="Trespass", source=Source.EMERGENCY, calls_30d=3)
    scores = scorer.score(row(READER.read(call)))
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
def test_heads_over_part_of_the_inputs_compile_too(inputs, corpus_table, small_config):
    """Words alone and metadata alone are scored as scikit-learn does."""
    table = corpus_table
    rows = features.frame(table.calls[:2000], READER)
    labels = {"eligible": table.labels["eligible"].to_numpy(dtype=object)[:2000]}
    labels |= {head: np.full(2000, None, dtype=object) for head in HEADS if head != "eligible"}
    settings = dataclasses.replace(small_config.classifier, inputs=inputs)
    made = classifier.fit(rows, labels, calibration_frame=rows, calibration_labels=labels, settings=settings).parts
    scorer = LinearScorer(compiled(made))
    for call in GOLDEN_CALLS:
        one, other = scorer.score(row(READER.read(call))), PipelineScorer(made).score(row(READER.read(call)))
        assert one.eligible == pytest.approx(other.eligible, abs=1e-9)
