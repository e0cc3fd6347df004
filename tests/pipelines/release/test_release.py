"""The gates refuse worse, miscalibrated and tampered candidates; the history records champions and allows rollback."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from candidates import altered, another, register
from command import SMALL, heartline

from models.classifier import bundle as bundles
from models.errors import GateFailed, InvalidData
from models.programs.call_types import shipped
from pipelines.evaluation.evaluate import type_labels
from pipelines.release import gates
from pipelines.release import history as releases
from pipelines.release import release as releasing
from pipelines.release.gates import against, limits
from pipelines.release.release import release, rollback


def failed(found):
    """Return the names of the gates that do not hold."""
    return {gate.name for gate in found if not gate.holds}


def test_a_good_candidate_passes(judged, small_config):
    """All limits hold for the small model."""
    assert failed(limits(judged, size_mib=1.0, config=small_config)) == set()


@pytest.mark.parametrize(
    ("figure", "value", "gate"),
    [
        ("false_clear_rate", 0.06, "false clear rate, low end"),
        ("dangerous_clear_rate", 0.06, "dangerous clear rate, upper bound"),
        ("calibration_error", 0.2, "calibration error, low end"),
        ("auc", 0.6, "area under the curve"),
        ("auc", float("nan"), "area under the curve"),
    ],
)
def test_each_limit_can_fail(judged, small_config, figure, value, gate):
    """One figure beyond its limit fails the gates, and so does an unknown figure."""
    estimate = replace(judged.figures[figure], value=value, low=value, high=value)
    worse = replace(judged, figures=judged.figures | {figure: estimate})
    assert failed(limits(worse, size_mib=1.0, config=small_config)) == {gate}


def test_slow_and_large_candidates_fail(judged, small_config):
    """Latency and size are gates too."""
    slow = replace(judged, latency_ms={"p50": 1.0, "p99": 500.0})
    found = failed(limits(slow, size_mib=900.0, config=small_config))
    assert found == {"latency, 99th percentile, ms", "size of the bundle, MiB"}


def test_a_candidate_that_finds_fewer_calls_fails_and_so_does_its_slice(judged, block, small_config):
    """Recall is compared with the champion's call by call, over all calls and by type."""
    champion = replace(judged, cleared=judged.truth)
    fewer = replace(judged, cleared=judged.truth & (type_labels(block, call_types=shipped()).to_numpy() != "trespass"))
    found = failed(against(fewer, champion, type_labels(block, call_types=shipped()), config=small_config))
    assert "recall of trespass minus that of the champion, low end" in found
    assert "recall minus that of the champion, low end" in found
    assert failed(against(champion, champion, type_labels(block, call_types=shipped()), config=small_config)) == set()


def test_a_candidate_that_clears_more_ineligible_calls_fails(judged, block, small_config):
    """Significantly more false clears fail the gate."""
    bolder = replace(judged, cleared=judged.cleared | ~judged.truth)
    assert "false clears minus those of the champion, high end" in failed(
        against(bolder, judged, type_labels(block, call_types=shipped()), config=small_config)
    )


def test_few_calls_prove_no_candidate_as_good(judged, block, small_config):
    """On twenty calls not even the champion against itself is shown to lose at most two points of recall."""
    few = np.flatnonzero(judged.truth)[:20]
    small = replace(judged, truth=judged.truth[few], cleared=judged.cleared[few])
    strict = replace(small_config, release=replace(small_config.release, max_recall_loss=0.02))
    assert "recall minus that of the champion, low end" in failed(
        against(small, small, type_labels(block, call_types=shipped()).iloc[few], config=strict)
    )


def test_a_few_dangerous_calls_prove_nothing(judged, small_config):
    """With none of twenty dangerous calls cleared the upper bound is one in seven, and the bound must keep the limit."""
    estimate = replace(judged.figures["dangerous_clear_rate"], value=0.0, low=0.0, n=20)
    few = replace(judged, figures=judged.figures | {"dangerous_clear_rate": estimate})
    assert failed(limits(few, size_mib=1.0, config=small_config)) == {"dangerous clear rate, upper bound"}


def test_small_losses_do_not_add_up_over_releases(judged, block, small_config, tmp_path, monkeypatch):
    """Where each champion found a little less than the one before, the next is refused by comparison with the best."""
    eligible = np.flatnonzero(judged.truth & judged.cleared)
    step = int(judged.truth.sum() * small_config.release.max_recall_loss * 0.5)

    def less(times):
        cleared = judged.cleared.copy()
        cleared[eligible[: step * times]] = False
        recall = replace(judged.figures["recall"], value=float(cleared[judged.truth].mean()))
        return replace(judged, cleared=cleared, figures=judged.figures | {"recall": recall})

    for number in ("1", "2", "3"):
        releases.add(tmp_path, action="release", version=number, digest=number, by="x", evidence={})
    monkeypatch.setattr(releasing, "evaluate", lambda version, *_: less(int(version) - 1))
    store = SimpleNamespace(root=tmp_path, by_version=lambda version: version)
    numbered = {number: SimpleNamespace(version=number) for number in ("3", "4")}
    monkeypatch.setattr(releasing, "_router", lambda _, each: getattr(each, "version", each))
    rivals = releasing._rivals(store, numbered["4"], numbered["3"], block, small_config)
    assert list(rivals) == ["the champion", "the best champion so far (version 1)"]
    gates_of = {name: against(less(3), rival, [], config=small_config, name=name)[:1] for name, rival in rivals.items()}
    assert [failed(each) != set() for each in gates_of.values()] == [False, True]


@pytest.mark.usefixtures("measured")
def test_a_deliberately_worse_candidate_is_refused(store, corpus, judged, tmp_path):
    """A candidate that finds far less than the champion is refused with exit 1 and the difference."""
    register(store, corpus, altered(store, tmp_path / "worse", point={"eligible_at": 0.99}), judged)
    code, _, err = heartline("release", "--runs", str(store.root), "--config", str(SMALL))
    assert code == 1
    assert "minus that of the champion" in err
    assert store.by_alias("champion").version == "1"
    assert len(releases.read(store.root)) == 1


@pytest.mark.usefixtures("measured")
def test_a_miscalibrated_candidate_is_refused(store, corpus, judged, tmp_path, small_config):
    """A model with compressed probabilities fails the calibration gate."""
    parts = bundles.load_parts(store.root / "champion")
    calibrator = parts["eligible"].calibrated_classifiers_[0].calibrators[0]
    name = "a_" if hasattr(calibrator, "a_") else "beta_"
    setattr(calibrator, name, getattr(calibrator, name) * 0.1)
    register(store, corpus, altered(store, tmp_path / "squeezed", parts=parts), judged)
    with pytest.raises(GateFailed, match="calibration error"):
        release(store, small_config)


def test_a_tampered_candidate_is_refused(store, corpus, judged, small_config):
    """A registered file with one more byte is refused before anything is measured."""
    made = register(store, corpus, store.root / "champion", judged)
    with (store.bundle_of(made) / bundles.MODEL).open("ab") as file:
        file.write(b"x")
    with pytest.raises(GateFailed, match="changed after it was saved"):
        release(store, small_config)


def test_a_release_repeats_the_proof_and_anyone_can(store):
    """The evidence holds the difference of the tables from scikit-learn on the test block, and the command repeats it."""
    entry = releases.read(store.root)[-1]
    proof = json.loads((store.root / releases.EVIDENCE / entry.evidence).read_text())["proof"]
    assert proof["difference"] <= 1e-9
    assert proof["calls"] > 500
    code, out, err = heartline("release", "verify", "--runs", str(store.root), "--data", "data/sample.csv")
    assert code == 0, err
    assert "the tables are those of the model" in out
    (store.root / "champion" / bundles.MODEL).write_bytes(b"")
    code, _, err = heartline("release", "verify", "--runs", str(store.root))
    assert code == 2
    assert "model.skops was changed" in err


def test_other_calls_than_those_it_was_trained_on_are_refused(store, corpus, tmp_path, small_config):
    """The gate uses the test block of training, and no other calls."""
    other = tmp_path / "other.csv"
    other.write_text(corpus.read_text()[:-200])
    with pytest.raises(InvalidData, match="not the calls"):
        release(store, small_config, data=other)
    with pytest.raises(InvalidData, match="is missing"):
        release(store, small_config, data=tmp_path / "gone.csv")


@pytest.mark.usefixtures("measured")
def test_a_shadow_is_challenger_and_answers_nobody(store, corpus, judged, small_config):
    """The challenger's bundle is written beside the champion's, which is unchanged."""
    register(store, corpus, store.root / "champion", judged)
    done = release(store, small_config, shadow=True, by="tester")
    assert (store.root / "challenger" / bundles.MANIFEST).is_file()
    assert store.by_alias("challenger").version == done.registered.version == "2"
    assert store.by_alias("champion").version == "1"
    assert releases.read(store.root)[-1].action == "shadow"
    assert releases.champion(releases.read(store.root)).version == "1"


@pytest.mark.usefixtures("measured")
def test_history_says_who_and_rollback_goes_back(store, corpus, judged, tmp_path, small_config):
    """Two releases and a rollback give three lines of history, each with its evidence."""
    first = bundles.read_manifest(store.root / "champion")["digest"]
    folder = another(store, tmp_path / "second")
    register(store, corpus, folder, judged)
    second = release(store, small_config, by="ada").registered
    assert bundles.read_manifest(store.root / "champion")["digest"] == second.digest
    rollback(store, by="grace")
    assert bundles.read_manifest(store.root / "champion")["digest"] == first
    code, out, _ = heartline("release", "history", "--runs", str(store.root))
    assert code == 0
    assert [entry.action for entry in releases.read(store.root)] == ["release", "release", "rollback"]
    assert "by ada" in out
    assert "by grace" in out
    assert out.count("until now") == 1


def test_without_a_champion_before_there_is_nothing_to_go_back_to(store):
    """One champion cannot be rolled back."""
    with pytest.raises(GateFailed, match="no champion before"):
        rollback(store, by="nobody")


@pytest.mark.parametrize("what", ["line", "evidence", "missing"])
def test_a_changed_history_is_found(store, what):
    """A changed line, and changed or missing evidence, are errors when the history is read."""
    path, proof = store.root / releases.FILE, store.root / releases.EVIDENCE / "000001.json"
    if what == "line":
        releases.add(store.root, action="rollback", version="1", digest="d", by="x", evidence={})
        path.write_text(path.read_text().replace('"version":"1"', '"version":"9"', 1))
    elif what == "evidence":
        proof.write_text(proof.read_text().replace("true", "false", 1))
    else:
        proof.unlink()
    with pytest.raises(InvalidData, match="changed"):
        releases.read(store.root)


def test_gates_are_written_as_evidence(store):
    """The first release left every gate it passed."""
    proof = (store.root / releases.EVIDENCE / "000001.json").read_text()
    assert "rule traps that failed" in proof
    assert "data_sha256" in proof
    assert gates.failed([]) == ""
