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
from models.classifier.features import COLUMNS, row
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.scorer import LinearScorer, PipelineScorer, Scores, proved
from pipelines.data.table import read_table

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


def difference(one: Scores, other: Scores) -> float:
    """Return the largest difference between two scores."""
    pairs = [(one.eligible, other.eligible), (one.risk, other.risk)]
    pairs += [(one.response[name], other.response[name]) for name in other.response]
    return max(abs(a - b) for a, b in pairs)


@pytest.fixture(scope="module")
def parts(router):
    """Return the fitted parts of the small model."""
    return router.bundle.parts


@settings(max_examples=60, deadline=None)
@given(call=CALLS)
def test_the_compiled_scorer_equals_scikit_learn(parts, call):
    """Unicode, unseen words and categories, missing fields, empty notes: equal to 1e-9."""
    assert difference(LinearScorer(parts).score(row(call)), PipelineScorer(parts).score(row(call))) <= 1e-9


def test_a_bundle_proves_itself_when_it_loads(router):
    """The golden calls were scored again at load and agree."""
    assert router.bundle.compiled
    assert router.bundle.scorer_difference <= 1e-9
    assert len(router.bundle.manifest["golden"]) == len(GOLDEN_CALLS)


def test_a_scorer_that_disagrees_is_not_used(parts):
    """Where the golden scores differ, scikit-learn answers instead."""
    golden = [(call, {"eligible": 0.123, "risk": None, "response": {}}) for call in GOLDEN_CALLS[:1]]
    scorer, worst = proved(parts, golden)
    assert isinstance(scorer, PipelineScorer)
    assert worst > 0


def test_parts_that_cannot_be_compiled_fall_back(parts):
    """A vectoriser of another kind is left to scikit-learn."""
    other = dict(parts)
    other["encoder"] = copy.deepcopy(parts["encoder"])
    other["encoder"].named_transformers_["words"].norm = None
    assert isinstance(proved(other, ())[0], PipelineScorer)


def test_word_shares_are_the_fitted_weights_times_the_words(parts):
    """What is shown for a word is exactly its part of the linear head's log-odds."""
    call = Call(narrative="transient male sleeping in doorway refusing to leave", call_type="Trespass")
    words = dict(LinearScorer(parts).score(row(call)).words)
    vectoriser = parts["encoder"].named_transformers_["words"]
    values = vectoriser.transform([row(call)["text"]])
    weights = parts["eligible"].calibrated_classifiers_[0].estimator.estimator.coef_[0]
    for term, share in words.items():
        place = vectoriser.vocabulary_[term]
        assert share == pytest.approx(values[0, place] * weights[place], abs=1e-12)


def test_the_same_call_scores_the_same(router):
    """Scoring has no memory."""
    scores = [router.bundle.scorer.score(row(GOLDEN_CALLS[-1])) for _ in range(3)]
    assert scores[0] == scores[1] == scores[2]


def test_bundle_of_the_same_parts_has_golden_scores_for_every_head(router):
    """All three heads are in the artefact and in its proof."""
    assert set(router.bundle.parts) == {"encoder", "eligible", "response", "risk"}
    assert all(entry["scores"]["response"] for entry in router.bundle.manifest["golden"])


NOTES = (
    "transient male sleeping in doorway refusing to leave", "caller says wants to die, crying, no plan",
    "two car crash no injuries", "drunk female stumbling near the park, wants a ride home", "niño llorando", "",
)  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_words_fields_and_intercept_add_up_to_the_logit(parts, note):
    """The explanation is the score: its parts sum to scikit-learn's own log-odds before calibration."""
    call = Call(narrative=note, call_type="Trespass", source=Source.EMERGENCY, calls_30d=3)
    scores = LinearScorer(parts).score(row(call))
    linear = parts["eligible"].calibrated_classifiers_[0].estimator.estimator
    expected = linear.decision_function(parts["encoder"].transform(pd.DataFrame([row(call)], columns=list(COLUMNS))))[0]
    assert scores.logit == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("note", [note for note in NOTES if len(note.split()) > 3])
def test_deleting_the_strongest_word_moves_the_score_its_way(router, note):
    """What is shown as speaking for eligibility does: without it the probability falls; and the other way round."""
    decision = router.decide(Call(narrative=note))
    shown = [reason for reason in decision.reasons if reason.code in {"word_for", "word_against"}]
    strongest = max(shown, key=lambda reason: abs(reason.weight))
    rest = note[: strongest.start] + note[strongest.end :]
    moved = router.decide(Call(narrative=rest)).eligible_probability - decision.eligible_probability
    assert moved * strongest.weight < 0


def test_a_decision_names_the_fields_that_spoke(router):
    """The call type is shown beside the words, with its part."""
    decision = router.decide(Call(narrative="male in lobby", call_type="Trespass"))
    fields = [reason for reason in decision.reasons if reason.code.startswith("field_")]
    assert any("Trespass" in reason.sentence for reason in fields)
    assert all(reason.start is None and reason.weight for reason in fields)


@pytest.mark.parametrize("inputs", ["text", "metadata"])
def test_heads_over_part_of_the_inputs_compile_too(inputs, corpus, small_config):
    """Words alone and metadata alone are scored as scikit-learn does."""
    table = read_table(corpus)
    rows = features.frame(table.calls[:2000])
    labels = {"eligible": table.labels["eligible"].to_numpy(dtype=object)[:2000]}
    labels |= {head: np.full(2000, None, dtype=object) for head in ("response", "risk")}
    settings = dataclasses.replace(small_config.classifier, inputs=inputs)
    made = classifier.fit(rows, labels, calibration_frame=rows, calibration_labels=labels, settings=settings).parts
    for call in GOLDEN_CALLS:
        one, other = LinearScorer(made).score(row(call)), PipelineScorer(made).score(row(call))
        assert one.eligible == pytest.approx(other.eligible, abs=1e-9)


def test_a_reason_says_where_a_word_is_read_as_a_neutral_one(router):
    """Whoever reads that "male" speaks for a call learns that it is read as any person."""
    decision = router.decide(Call(narrative="rp adv male asleep in doorway of store, talking to himself"))
    told = {reason.words: reason for reason in decision.reasons if reason.read_as}
    assert told
    for words, reason in told.items():
        assert reason.read_as in reason.sentence
        assert reason.read_as != words.lower()
    other = router.decide(Call(narrative="rp adv female asleep in doorway of store, talking to herself"))
    assert {reason.read_as: reason.weight for reason in other.reasons if reason.read_as} == {
        reason.read_as: reason.weight for reason in told.values()
    }
