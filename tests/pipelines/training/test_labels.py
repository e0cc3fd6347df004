"""Labels from the ledger: overrides, blind judgements and outcomes, and never agreement with a suggestion that was shown."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from command import SMALL, heartline
from ledgers import ENCRYPTION, HASH_KEY, NOTE_KEY, change, created, sqlite_url
from sklearn.metrics import cohen_kappa_score

from models.call import Call
from models.errors import InvalidConfig, InvalidData, LedgerBroken, NoSafeThreshold
from models.ledger.encryption import NoteEncryption
from models.ledger.records import decision_content
from models.reading import Reader
from pipelines.data.split import split
from pipelines.data.table import labelled, read_table
from pipelines.evaluation import label_review as review
from pipelines.training import labels as retrain
from pipelines.training.labels import joined, labels_of, weights
from pipelines.training.sources import Source, load, recorded_ledger, without_password
from pipelines.training.tracking import Store

NOTE = "male asleep in doorway, refusing to leave"


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger that keeps notes."""
    new_ledger = created(tmp_path, keep_notes=True)
    yield new_ledger
    new_ledger.close()


@pytest.fixture
def decide(ledger, rules_router):
    """Return a function that logs a decision, which is REVIEW because no model is loaded."""

    def log(call_id, *, note=NOTE, hidden=False, final=True, keep=True, held=(), caller=None, address=None):
        call = Call(narrative=note, call_id=call_id, call_type="Trespass")
        decision = rules_router.decide(call)
        persons = {
            "caller": caller and ENCRYPTION.hash_caller(caller),
            "address": address and ENCRYPTION.hash_address(address),
        }
        options = {"final": final, "hidden": hidden, "held": held} | persons
        fingerprint = ENCRYPTION.fingerprint(note)
        content = decision_content(call, decision, fingerprint=fingerprint, actor="x", via="http", **options)
        ledger.append("decision", content, note=note if keep else None).result(10)
        return decision.decision_id

    return log


def judge(ledger, decision_id, human, **more):
    """Log a person's judgement of a decision."""
    ledger.append("feedback", {"decision_id": decision_id, "human": human} | more).result(10)


def outcome(ledger, decision_id, **more):
    """Log the outcome of a decision's call."""
    ledger.append("outcome", {"decision_id": decision_id, "served": True, "unit": "community_response"} | more).result(10)


def sources(found):
    """Return the label and its source of each call."""
    return list(zip(found.table.labels["eligible"], found.table.labels["label_source"], strict=True))


def test_an_override_is_a_label_and_an_agreement_is_none(ledger, decide):
    """A person who agrees with the suggestion may only follow it, which labels nothing."""
    judge(ledger, decide("A"), "ELIGIBLE")
    judge(ledger, decide("B"), "REVIEW")
    found = labels_of(ledger, {})
    assert sources(found) == [(True, "override")]
    assert (found.counts["only agreed"], found.counts["agreed"], found.counts["overrode"]) == (1, 1, 1)


def test_a_judgement_made_without_seeing_the_suggestion_is_a_label(ledger, decide):
    """A judgement in the hidden arm cannot follow the suggestion, so that it is a label."""
    judge(ledger, decide("A", hidden=True), "NOT_ELIGIBLE")
    judge(ledger, decide("B", hidden=True), "ELIGIBLE")
    labels = labels_of(ledger, {})
    assert sources(labels) == [(False, "clinician"), (True, "clinician")]
    assert (labels.counts["blind"], labels.counts["agreed"], labels.counts["overrode"]) == (2, 0, 0)


def test_agreement_with_a_held_veto_is_no_label_and_its_override_is_one(ledger, decide):
    """With a held veto NOT_ELIGIBLE is shown, whatever the recommendation, so that agreeing with it labels nothing."""
    judge(ledger, decide("A", held=("edged",)), "NOT_ELIGIBLE")
    judge(ledger, decide("B", held=("edged",)), "ELIGIBLE")
    labels = labels_of(ledger, {})
    assert sources(labels) == [(True, "override")]
    assert labels.counts["only agreed"] == 1


def test_a_person_has_one_key_in_the_ledger_and_in_the_file(ledger, decide, corpus_table):
    """Caller and address are hashed alike however they are written, so that the split keeps one person in one block."""
    table = labelled(corpus_table)
    table.labels.loc[:, ["caller_key", "address_key"]] = ["(919) 555-7777", "100 Main St."]
    judge(ledger, decide("new", caller="919.555.7777", address="100 MAIN ST"), "ELIGIBLE")
    both = joined(table, labels_of(ledger, {}).table, ledger)
    assert len(both.calls) == len(table.calls) + 1
    assert both.labels["caller_key"].nunique() == both.labels["address_key"].nunique() == 1


@pytest.mark.parametrize(("up_to", "code"), [(None, 1), (2, 0), (4, 1)])
def test_a_broken_ledger_is_never_trained_on(ledger, decide, corpus, tmp_path, up_to, code):
    """Training stops at the fault; with the number of an earlier entry, the entries up to it are used."""
    for number in range(3):
        judge(ledger, decide(f"c{number}"), "ELIGIBLE")
    change(ledger, "UPDATE entries SET payload = replace(payload, 'ELIGIBLE', 'REVIEW') WHERE seq = 4")
    source = Source(corpus, sqlite_url(tmp_path), up_to)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
        patch.setenv("HEARTLINE_NOTE_KEY", NOTE_KEY.decode())
        if code:
            with pytest.raises(LedgerBroken, match="entry 4 was edited"):
                load(source)
        else:
            assert load(source).identity["ledger_entries"] == 2


def test_adapting_stops_at_a_ledger_that_is_not_whole(ledger, decide, runs, tmp_path, monkeypatch):
    """`adapt --from-ledger` names the fault and exits 1, and no run is recorded."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    judge(ledger, decide("A"), "ELIGIBLE")
    change(ledger, "UPDATE entries SET payload = replace(payload, 'ELIGIBLE', 'REVIEW') WHERE seq = 2")
    words = ["--base", str(runs / "champion"), "--from-ledger", sqlite_url(tmp_path), "--runs", str(tmp_path / "runs")]
    code, _, err = heartline("adapt", *words)
    assert (code, "entry 2 was edited" in err) == (1, True), err
    assert not (tmp_path / "runs").exists()


def test_adapting_takes_what_use_has_labelled_and_no_agreement(ledger, decide, runs, corpus, recent, tmp_path, monkeypatch):
    """Overrides and blind judgements are local calls, beside a file's or alone; who agreed has labelled nothing."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    monkeypatch.setenv("HEARTLINE_NOTE_KEY", NOTE_KEY.decode())
    for number in range(100):
        judge(ledger, decide(f"blind-{number}", hidden=True), "ELIGIBLE" if number < 30 else "NOT_ELIGIBLE")
    judge(ledger, decide("overrode"), "ELIGIBLE")
    judge(ledger, decide("agreed"), "REVIEW")
    received = []

    def refuse(_, synthetic, local, *__, identity, **___):
        received.append((len(synthetic.calls), local.labels["label_source"].value_counts().to_dict(), identity))
        raise NoSafeThreshold("stopped before fitting")

    monkeypatch.setattr("pipelines.cli.adapt.adapt_model", refuse)
    own_runs = shutil.copytree(runs, tmp_path / "runs")
    words = ["--from-ledger", sqlite_url(tmp_path), "--up-to", "204", "--training", str(corpus), "--runs", str(own_runs)]
    for more in ([], ["--data", str(recent)]):
        code, _, err = heartline("adapt", *words, *more)
        assert (code, "stopped before fitting" in err) == (1, True), err
        assert "agreed with the suggestion shown, which is no label: 1" in err
    (synthetic, alone, identity), (_, beside, with_file) = received
    assert synthetic == len(read_table(corpus).calls)
    assert alone == beside == {"clinician": 100, "override": 1}
    assert identity["local_ledger_entries"] == with_file["local_ledger_entries"] == 204
    assert ("local_sha256" in identity, "local_sha256" in with_file) == (False, True)


def test_overrides_alone_are_nothing_to_certify_on(ledger, decide, runs, tmp_path, monkeypatch):
    """The refusal counts the labels besides them."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    monkeypatch.setenv("HEARTLINE_NOTE_KEY", NOTE_KEY.decode())
    judge(ledger, decide("A"), "ELIGIBLE")
    words = ["--base", str(runs / "champion"), "--from-ledger", sqlite_url(tmp_path), "--up-to", "2"]
    code, _, err = heartline("adapt", *words, "--runs", str(tmp_path / "runs"))
    assert (code, "too few labelled calls besides overrides and outcomes: 0" in err) == (2, True), err


def test_no_password_of_a_ledger_is_recorded(monkeypatch):
    """A run's tags name the ledger without its password; a release takes it from the environment, for that ledger alone."""
    url = "postgresql+psycopg://heart:secret@db/ledger"
    recorded = {"ledger_url": without_password(url)}
    assert "secret" not in recorded["ledger_url"]
    monkeypatch.setenv("HEARTLINE_LEDGER", "postgresql+psycopg://heart:secret@other/ledger")
    with pytest.raises(InvalidConfig, match="HEARTLINE_LEDGER"):
        recorded_ledger(recorded)
    monkeypatch.setenv("HEARTLINE_LEDGER", url)
    assert recorded_ledger(recorded) == url
    assert recorded_ledger({"ledger_url": "sqlite:///mlruns/ledger.db"}) == "sqlite:///mlruns/ledger.db"
    assert recorded_ledger({}) is None


def test_the_last_judgement_counts(ledger, decide):
    """A correction is a later entry, and it replaces the earlier label."""
    decision = decide("A")
    judge(ledger, decision, "ELIGIBLE")
    judge(ledger, decision, "NOT_ELIGIBLE")
    assert sources(labels_of(ledger, {})) == [(False, "override")]


def test_outcomes_label_where_a_team_went(ledger, decide):
    """A served call without an event is eligible; one with force is not; a call that was not served has no label."""
    outcome(ledger, decide("A"), adverse_event="none")
    outcome(ledger, decide("B"), adverse_event="force")
    outcome(ledger, decide("C"), served=False)
    found = labels_of(ledger, {})
    assert sources(found) == [(True, "outcome"), (False, "outcome")]
    assert found.table.labels["adverse_event"].tolist() == [False, True]


def test_answers_while_the_note_is_typed_are_not_counted(ledger, decide):
    """Only the final decision of a call can have a label."""
    judge(ledger, decide("A", final=False), "ELIGIBLE")
    with pytest.raises(InvalidData, match="nothing in the ledger is a label"):
        labels_of(ledger, {})


def test_a_note_given_by_number_must_be_the_one_that_was_decided_on(ledger, decide):
    """The keyed hash of a note is checked; another note with the same number is left out and counted."""
    judge(ledger, decide("A", keep=False), "ELIGIBLE")
    judge(ledger, decide("B", keep=False), "ELIGIBLE")
    found = labels_of(ledger, {"A": NOTE, "B": "another note"})
    assert [call.call_id for call in found.table.calls] == ["A"]
    assert found.table.calls[0].narrative == NOTE
    assert found.counts["no note"] == 1


def test_only_the_first_entries_count_where_their_number_is_given(ledger, decide):
    """A model can be rebuilt after the ledger has grown."""
    judge(ledger, decide("A"), "ELIGIBLE")
    judge(ledger, decide("B"), "ELIGIBLE")
    assert len(labels_of(ledger, {}, entries=2).table.calls) == 1


def test_sources_have_their_weights(small_config):
    """Each source has its weight from the settings, and a label without a source has weight 1."""
    frame = pd.DataFrame({"label_source": ["override", "outcome", None]})
    assert weights(frame, small_config.retrain).tolist() == [0.8, 0.5, 1.0]


def test_an_override_counts_by_how_often_people_override(ledger, decide):
    """One override among nine judged suggestions of its kind has a selection weight of 2/11; a blind judgement has none."""
    for number in range(8):
        judge(ledger, decide(f"agreed-{number}"), "REVIEW")
    judge(ledger, decide("overrode"), "ELIGIBLE")
    judge(ledger, decide("blind", hidden=True), "ELIGIBLE")
    labels = labels_of(ledger, {}).table.labels.set_index("label_source")
    assert labels.loc["override", "selection_weight"] == pytest.approx(2 / 11)
    assert pd.isna(labels.loc["clinician", "selection_weight"])
    assert labels["learn_only"].to_dict() == {"override": True, "clinician": False}


@pytest.mark.parametrize(
    ("reason", "danger", "medical"),
    [("weapon_or_violence", True, None), ("medical_need", None, True), ("other", None, None)],
)
def test_a_reason_that_names_a_risk_is_a_label_of_it(ledger, decide, reason, danger, medical):
    """An override because of a weapon labels the call dangerous, and one for a medical need labels it medical."""
    judge(ledger, decide("1"), "NOT_ELIGIBLE", reason=reason)
    (row,) = labels_of(ledger, {}).table.labels.to_dict("records")
    assert (row["danger"], row["medical"]) == (danger, medical)


def test_overrides_are_fitted_on_and_never_measured_on(corpus_table, ledger, decide, small_config):
    """Overrides are split by date into the fit and calibration blocks only, blind judgements into every block."""
    for number in range(40):
        judge(ledger, decide(f"override-{number}"), "NOT_ELIGIBLE")
        judge(ledger, decide(f"blind-{number}", hidden=True), "ELIGIBLE")
    both = joined(labelled(corpus_table), labels_of(ledger, {}).table, ledger)
    blocks = split(both.calls, both.labels, small_config.split)
    counts = retrain.label_counts(both.labels, blocks)
    assert counts["fit"]["override"] == 32
    assert counts["calibrate"]["override"] == 8
    assert "override" not in counts["certify"]
    assert all(counts[name]["clinician"] >= 6 for name in counts)
    early, late = (both.labels["ledger_at"].iloc[rows].dropna() for rows in (blocks.fit, blocks.test))
    assert early[both.labels["label_source"] == "clinician"].max() < late.min()
    assert any("override 32" in line for line in retrain.count_lines(counts))


def test_weights_reach_the_classifier(corpus_table, small_config):
    """Heavier eligible labels raise the log-odds of the fitted model."""
    from models.classifier import encoder as classifier  # noqa: PLC0415
    from models.classifier import features  # noqa: PLC0415
    from models.classifier.heads import HEADS  # noqa: PLC0415

    table = labelled(corpus_table)
    rows = features.frame(table.calls[:1500], Reader())
    labels = {"eligible": table.labels["eligible"].to_numpy(dtype=object)[:1500]}
    labels |= {head: np.full(1500, None, dtype=object) for head in HEADS if head != "eligible"}
    given = {"calibration_frame": rows, "calibration_labels": labels, "settings": small_config.classifier}
    heavy = np.where(labels["eligible"] == True, 5.0, 1.0)  # noqa: E712
    plain, weighted = (classifier.fit(rows, labels, **given, eligible_weights=w).parts for w in (np.ones(1500), heavy))

    def mean_log_odds(parts):
        fitted = parts["eligible"].calibrated_classifiers_[0].estimator.estimator
        return fitted.decision_function(parts["encoder"].transform(rows)).mean()

    assert mean_log_odds(weighted) > mean_log_odds(plain)


def test_the_ledgers_label_replaces_the_files(corpus_table, ledger, decide):
    """A call in both file and ledger has the ledger's label, and is there once."""
    table = labelled(corpus_table)
    judge(ledger, decide(table.calls[0].call_id), "ELIGIBLE")
    both = joined(table, labels_of(ledger, {}).table, ledger)
    assert len(both.calls) == len(table.calls)
    assert both.labels["label_source"].iloc[-1] == "override"
    assert len(both.labels) == len(both.calls)


@pytest.mark.slow
def test_the_command_trains_from_the_ledger(certifiable, corpus_table, tmp_path, router, small_config, monkeypatch):
    """`train --from-ledger` reports agreement, registers a candidate, and names the ledger's length."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    url = f"sqlite:///{tmp_path / 'use.db'}"
    ledger = created(url, encryption=NoteEncryption(HASH_KEY), anchor=tmp_path / "use.anchor")
    for call in labelled(corpus_table).calls[4900:5000]:
        decision = router.decide(call)
        content = decision_content(
            call, decision, fingerprint=ledger.encryption.fingerprint(call.narrative), actor="x", via="http"
        )
        ledger.append("decision", content).result(10)
        turned = "NOT_ELIGIBLE" if decision.recommendation == "ELIGIBLE" else "ELIGIBLE"
        judge(ledger, decision.decision_id, turned if int(call.call_id[-1]) < 2 else decision.recommendation.value)
    ledger.close()
    words = ["--data", str(certifiable), "--from-ledger", url]
    code, _, err = heartline("train", *words, "--config", str(SMALL), "--runs", str(tmp_path / "runs"))
    assert code == 0, err
    assert "agreed with the suggestion shown, which is no label" in err
    assert "labels by override: 2" in err
    assert "labels in fit: file" in err
    assert Store(tmp_path / "runs", small_config).by_alias("candidate").tags["ledger_entries"] == "200"


class TestReview:
    """Review of labels."""

    def test_a_sample_is_half_unsure_half_random_and_hides_the_answer(self, router, recent):
        """A labeller's sheet holds neither the model's answer nor why a call was drawn."""
        table = read_table(recent)
        table.calls[0] = replace(table.calls[0], narrative=" ")
        drawn = review.sample(router, table, size=40, seed=1)
        assert drawn.strata["drawn_by"].value_counts().to_dict() == {"uncertainty": 20, "chance": 20}
        assert drawn.strata["weight"].sum() == pytest.approx(len(table.calls) - 1)
        one, other = drawn.sheets["a"], drawn.sheets["b"]
        assert list(one.columns) == list(review.COLUMNS)
        assert not {"drawn_by", "weight"} & set(one.columns)
        assert one["eligible"].isna().all()
        assert one["narrative"].str.strip().ne("").all()
        assert one["call_id"].tolist() != other["call_id"].tolist()
        assert set(one["call_id"]) == set(other["call_id"]) == set(drawn.strata["call_id"])

    def test_the_order_of_a_sheet_does_not_reveal_the_stratum(self, router, recent):
        """Uncertain calls are about as frequent in the first half of a sheet as in the second."""
        drawn = review.sample(router, read_table(recent), size=100, seed=2)
        kind = drawn.strata.set_index("call_id")["drawn_by"]
        first = (kind[drawn.sheets["a"]["call_id"][:50]] == "uncertainty").sum()
        assert 12 <= first <= 38

    def test_kappa_is_that_of_the_file_and_not_of_the_sample(self):
        """Where labellers differ only on hard calls, the weighted kappa is near that of all calls."""
        rng = np.random.default_rng(0)
        hard = np.arange(2000) < 100
        truth = np.where(rng.random(2000) < 0.3, "yes", "no")
        said = np.where(hard & (rng.random(2000) < 0.5), np.where(truth == "yes", "no", "yes"), truth)
        rows = np.concatenate([np.arange(100), 100 + rng.permutation(1900)[:100]])
        names = [str(row) for row in rows]
        strata = pd.DataFrame({"call_id": names, "drawn_by": ["uncertainty"] * 100 + ["chance"] * 100,
                               "weight": [1.0] * 100 + [19.0] * 100})  # fmt: skip
        sheets = [pd.DataFrame({"call_id": names, "eligible": labels[rows]}) for labels in (truth, said)]
        options = {"one": "one", "other": "other", "confidence": 0.95, "resamples": 100}
        weighted = review.agreement(review.joined_sheets(*sheets, strata), **options)
        plain = review.agreement(review.joined_sheets(*sheets), **options)
        assert weighted.weighted
        assert weighted.kappa.value == pytest.approx(cohen_kappa_score(truth, said), abs=0.02)
        assert plain.kappa.value < weighted.kappa.value - 0.2
        with pytest.raises(InvalidData, match="twice"):
            review.joined_sheets(pd.concat([sheets[0], sheets[0]]), sheets[1])

    def test_the_files_of_the_command_are_read_back(self, runs, recent, tmp_path):
        """`review agreement` gives a weighted kappa of two filled-in files of `review sample`."""
        folder = tmp_path / "review"
        words = ("review", "sample", "--data", str(recent), "--size", "20", "--runs", str(runs), "--out", str(folder))
        assert heartline(*words)[0] == 0
        files = [folder / f"labeller-{code}.csv" for code in "ab"]
        for path in files:
            pd.read_csv(path).assign(eligible=["yes", "no"] * 10).sort_values("call_id").to_csv(path, index=False)
        code, out, _ = heartline("review", "agreement", *map(str, files))
        assert code == 0
        assert "weighted by stratum" in out

    def test_agreement_is_kappa_with_an_interval_and_the_rows_in_dispute(self):
        """Computed by hand, 16 of 20 equal labels, evenly spread, give a kappa of 0.6."""
        frame = pd.DataFrame({"call_id": [f"c{n}" for n in range(20)], "a": ["yes", "no"] * 10, "b": ["yes", "no"] * 10})
        frame.loc[[0, 2], "b"] = "no"
        frame.loc[[1, 3], "b"] = "yes"
        found = review.agreement(frame, one="a", other="b", confidence=0.95, resamples=300)
        assert found.kappa.value == pytest.approx(0.6)
        assert found.kappa.low < 0.6 < found.kappa.high
        assert found.disputed == ("c0", "c1", "c2", "c3")

    def test_rows_with_one_label_do_not_count(self):
        """Rows with a blank are left out, and fewer than two others are refused."""
        frame = pd.DataFrame({"a": ["yes", None, "no"], "b": ["yes", "no", None]})
        with pytest.raises(InvalidData, match="fewer than two"):
            review.agreement(frame, one="a", other="b", confidence=0.95, resamples=10)
        with pytest.raises(InvalidData, match="no such column"):
            review.agreement(frame, one="a", other="c", confidence=0.95, resamples=10)

    def test_inverted_labels_are_suspected(self, corpus_table, small_config):
        """Most labels that were inverted are listed, and most of these come first."""
        table = labelled(corpus_table)
        table.calls, table.labels = table.calls[:3000], table.labels.iloc[:3000].reset_index(drop=True)
        inverted = np.random.default_rng(0).choice(3000, 40, replace=False)
        table.labels.loc[inverted, "eligible"] = ~table.labels.loc[inverted, "eligible"].astype(bool)
        suspected = [row for row, _, _ in review.suspects(table, small_config)]
        rows = set(table.labels["row"].iloc[inverted])
        assert len(rows & set(suspected)) > 20
        assert len(rows & set(suspected[:60])) > 20


def test_the_counts_are_lines_of_text():
    """Counts without any label give six lines."""
    assert len(list(retrain.LedgerLabels().lines())) == 6
