"""A model is adapted to a few hundred local labels, and promises only what these labels prove."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from command import SMALL, heartline

from models.call import Call
from models.classifier import bundle as bundles
from models.classifier.operating_point import Block, Promises, allowed_errors
from models.decision import Recommendation
from models.errors import InvalidData, NoSafeThreshold
from models.router import Router
from models.statistics import upper_bound
from pipelines.cli.adapt import _fold_runs
from pipelines.data.file_digest import file_sha256
from pipelines.data.split import split
from pipelines.data.table import LABEL_ROW, Table, labelled, read_table, take
from pipelines.release.release import release
from pipelines.training import local_fit
from pipelines.training.adapt import adapt, check
from pipelines.training.local_curve import curve_plot, curve_table, local_curve
from pipelines.training.local_groups import folds_of, groups_of, later_half, sides_of
from pipelines.training.local_promise import (
    Needed,
    calls_needed,
    choose_local,
    local_promises,
    needs,
    review_only_point,
)
from pipelines.training.local_work import prepare
from pipelines.training.paired import paired
from pipelines.training.run_record import NestedRun
from pipelines.training.tracking import Store

PROMISES = Promises(confidence=0.95, max_false_clear=0.05, max_dangerous_clear=0.01, max_missed_eligible=0.05)


def table_of(rows):
    """Return a table of calls given as dictionaries of a note, a caller, an address and a time."""
    calls = [Call(narrative=row["note"], received_at=row.get("at")) for row in rows]
    labels = [
        LABEL_ROW
        | {"caller_key": row.get("caller"), "address_key": row.get("address"), "eligible": row.get("eligible", True)}
        for row in rows
    ]
    return Table(calls, pd.DataFrame(labels, dtype=object))


def block(scores, eligible, dangerous):
    """Return a block of calls without risk."""
    return Block(
        scores=np.asarray(scores, dtype=float), risks=np.zeros(len(scores)),
        eligible=np.asarray(eligible, dtype=bool), dangerous=np.asarray(dangerous, dtype=bool),
    )  # fmt: skip


class TestGroups:
    """Calls that share a caller, an address or a note stay in one fold."""

    def test_groups_join_over_callers_addresses_and_notes(self):
        """Calls that share anything are one group, also through a third call; a missing key joins none."""
        table = table_of(
            [
                {"note": "first note here", "caller": "a"},
                {"note": "second note here", "caller": "a", "address": "x"},
                {"note": "third note here", "address": "x"},
                {"note": "fourth note here"},
                {"note": "Fourth  NOTE here", "caller": "b"},
                {"note": ""},
                {"note": ""},
            ]
        )
        groups = groups_of(table).tolist()
        assert groups[0] == groups[1] == groups[2]
        assert groups[3] == groups[4]
        assert len(set(groups)) == 4

    def test_no_group_stands_in_two_folds(self):
        """Every call is held out once, with all of its group."""
        rng = np.random.default_rng(0)
        groups, truth = rng.integers(0, 60, 200), rng.random(200) < 0.3
        masks = folds_of(groups, truth, count=5, seed=1)
        assert (np.sum(masks, axis=0) == 1).all()
        assert sum(len(set(groups[mask])) for mask in masks) == len(set(groups))
        with pytest.raises(InvalidData, match="too few separate"):
            folds_of(np.zeros(200, dtype=int), truth, count=5, seed=1)

    def test_selected_labels_are_never_held_out_and_no_group_is_on_both_sides(self):
        """Every other call is held out once; an override is fitted on unless a call of its group is held out."""
        rng = np.random.default_rng(1)
        groups, truth, selected = rng.integers(0, 80, 200), rng.random(200) < 0.3, rng.random(200) < 0.2
        folds = sides_of(groups, truth, selected, count=5, seed=1)
        assert (np.sum([fold.held for fold in folds], axis=0) == ~selected).all()
        for fold in folds:
            assert not set(groups[fold.held]) & set(groups[fold.fitted_on])
            assert fold.fitted_on[~np.isin(groups, groups[fold.held])].all()
        assert (np.sum([fold.fitted_on for fold in folds], axis=0)[selected] >= 4).any()

    def test_dates_hold_out_the_later_half_and_are_not_needed(self):
        """With dates the held-out half is the later one; without dates it is drawn at random, and that is reported."""
        times = pd.date_range("2026-01-01", periods=40, freq="D", tz="UTC")
        rows = [
            {"note": f"note number {n} of this", "at": at.to_pydatetime(), "eligible": n % 3 == 0}
            for n, at in enumerate(times)
        ]
        dated = table_of(rows)
        truth = dated.labels["eligible"].to_numpy(dtype=bool)
        held, how = later_half(dated, groups_of(dated), truth, seed=0)
        assert held.tolist() == [False] * 20 + [True] * 20
        assert how == "the later calls"
        undated = table_of([row | {"at": None} for row in rows])
        held, how = later_half(undated, groups_of(undated), truth, seed=0)
        assert 15 <= held.sum() <= 25
        assert "no date" in how


class TestPromise:
    """Only what the local labels prove is promised, and the labels that tighter bounds need are reported."""

    def test_of_few_dangerous_calls_none_is_cleared_and_the_bound_is_stated(self):
        """With 20 dangerous calls the promise is the exact bound of no error in 20, and one error is too many."""
        scores = [0.9] * 30 + [0.1] * 260
        eligible, dangerous = [True] * 30 + [False] * 260, [False] * 30 + [True] * 20 + [False] * 240
        promise = local_promises(PROMISES, block(scores, eligible, dangerous))
        assert promise.max_dangerous_clear == pytest.approx(upper_bound(0, 20, confidence=0.95), abs=1e-4)
        synthetic = block([0.1] * 400, [False] * 400, [True] * 400)
        point = choose_local(block(scores, eligible, dangerous), synthetic, PROMISES, pairs=[(0.95, 1.0), (0.8, 1.0)])
        assert (point.eligible_at, point.false_clears, point.n_dangerous) == (0.8, 0, 20)
        scores[30] = 0.85
        with pytest.raises(NoSafeThreshold, match="--review-only"):
            choose_local(block(scores, eligible, dangerous), synthetic, PROMISES, pairs=[(0.95, 1.0), (0.8, 1.0)])

    def test_the_synthetic_calls_must_prove_the_promised_rate_of_dangerous_calls(self):
        """A threshold at which too many synthetic dangerous calls are cleared is never reached."""
        local = block([0.96] * 30 + [0.1] * 260, [True] * 30 + [False] * 260, [False] * 30 + [True] * 20 + [False] * 240)
        synthetic = block([0.85] * 20 + [0.1] * 380, [False] * 400, [True] * 400)
        point = choose_local(local, synthetic, PROMISES, pairs=[(0.95, 1.0), (0.8, 1.0)])
        assert point.eligible_at == 0.95

    def test_without_a_dangerous_label_nothing_is_cleared(self):
        """Without a dangerous label nothing is promised about them, and the refusal offers the review-only mode."""
        calls = block([0.9] * 30 + [0.1] * 260, [True] * 30 + [False] * 260, [False] * 290)
        with pytest.raises(NoSafeThreshold, match="--review-only"):
            choose_local(calls, block([0.1] * 400, [False] * 400, [True] * 400), PROMISES, pairs=[(0.8, 1.0)])
        assert review_only_point(calls, PROMISES).eligible_at == 1.0

    @pytest.mark.parametrize(("share", "rate"), [(0.0, 0.05), (0.0, 0.01), (0.01, 0.05), (0.02, 0.03)])
    def test_the_labels_that_a_bound_needs_prove_it(self, share, rate):
        """The number of calls is enough by the exact test, and no number is where the share of errors equals the bound."""
        n = calls_needed(share, max_rate=rate, confidence=0.95)
        assert np.ceil(share * n) <= allowed_errors(n, max_rate=rate, confidence=0.95)
        assert calls_needed(rate, max_rate=rate, confidence=0.95) is None

    def test_each_bound_says_what_it_needs(self):
        """With no error in 263 calls 2 % is proved and 1 % needs 36 more; with one error in ten no number proves it."""
        calls = block([0.1] * 300, [True] * 37 + [False] * 263, [False] * 280 + [True] * 20)
        point = review_only_point(calls, PROMISES)
        by_rate = {(each.what, each.rate): each for each in needs(calls, PROMISES, point)}
        assert by_rate["false clears", 0.02].more_calls == 0
        assert by_rate["false clears", 0.01].more_calls == 299 - 263
        assert by_rate["dangerous clears", 0.01].more_labels == pytest.approx((299 - 20) * 300 / 20, abs=1)
        assert "no number of labels" in str(next(iter(needs(calls, PROMISES, replace(point, false_clears=40)))))
        assert "errors allowed" in str(Needed("false clears", 0.05, 7, 0, 0))


def test_a_review_only_bundle_never_says_eligible(router, corpus):
    """A review-only bundle never says ELIGIBLE, not even for calls that the same model would clear."""
    calls = read_table(corpus).calls[-1200:]
    cleared = [call for call in calls if router.decide(call).recommendation is Recommendation.ELIGIBLE]
    assert cleared
    manifest = {**router.bundle.manifest, "training": {**router.bundle.manifest["training"], "review_only": True}}
    point = replace(router.bundle.operating_point, eligible_at=0.01, not_eligible_below=0.0)
    careful = Router(
        bundle=replace(router.bundle, manifest=manifest, operating_point=point),
        program=router.program,
        matcher=router.matcher,
    )
    assert {careful.decide(call).recommendation for call in cleared} == {Recommendation.REVIEW}


def test_a_model_compared_with_itself_differs_by_nothing(router, corpus, small_config):
    """The comparison is paired: the same answers give no difference and no interval."""
    table = take(labelled(read_table(corpus)), np.arange(7000, 7300))
    decisions = [router.decide(call) for call in table.calls]
    truth = table.labels["eligible"].to_numpy(dtype=bool)
    for each in paired(decisions, decisions, truth, groups_of(table), small_config.evaluate):
        assert (each.difference.value, each.difference.low, each.difference.high) == (0.0, 0.0, 0.0)
        assert each.base == each.adapted


@pytest.fixture(scope="module", autouse=True)
def short_search():
    """Let the settings be searched beside 800 synthetic calls."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(local_fit, "MOST_SYNTHETIC", 800)
        yield


@pytest.fixture(scope="module")
def synthetic(corpus):
    """Return the first 5,200 calls of the small corpus, whose certification block holds just enough dangerous calls."""
    return take(read_table(corpus), np.arange(5200))


@pytest.fixture(scope="module")
def city(corpus, small_config):
    """Return 220 undated local calls of the test block, a quarter of them eligible, in a city with words of its own."""
    table = labelled(read_table(corpus))
    test = split(table.calls, table.labels, small_config.split).test
    truth = table.labels["eligible"].iloc[test].to_numpy(dtype=bool)
    rows = np.concatenate([test[truth][:55], test[~truth][:165]])
    local = take(table, rows)
    words = [" lvndr subj" if eligible else " std subj" for eligible in local.labels["eligible"]]
    calls = [
        replace(call, narrative=call.narrative + word, received_at=None)
        for call, word in zip(local.calls, words, strict=True)
    ]
    return Table(calls, local.labels)


@pytest.fixture(scope="module")
def city_in_use(city, corpus, small_config):
    """Return the calls of the city, and twelve more that were overridden, each with a word of its own."""
    table = labelled(read_table(corpus))
    last = take(table, split(table.calls, table.labels, small_config.split).test[-12:])
    calls = [
        replace(call, narrative=f"{call.narrative} ovrd{n} subj", received_at=None) for n, call in enumerate(last.calls)
    ]
    labels = last.labels.assign(eligible=True, label_source="override", learn_only=True)
    queued = city.labels.assign(drawn_by=np.where(np.arange(len(city.calls)) % 4, "near_threshold", "random"))
    return Table(city.calls + calls, pd.concat([queued, labels], ignore_index=True))


@pytest.fixture(scope="module")
def adapted(router, synthetic, city_in_use, small_config, tmp_path_factory):
    """Return the small model adapted to the city, certified on a held-out half."""
    return adapt(
        router.bundle, synthetic, city_in_use, small_config, tmp_path_factory.mktemp("adapted"),
        identity={"data_sha256": "of the corpus", "local_sha256": "of the city"}, held_out="half", fewest_eligible=20,
    )  # fmt: skip


@pytest.mark.slow
class TestAdapted:
    """The files and records of `heartline adapt`."""

    def test_the_saved_bundle_answers_as_it_was_certified(self, adapted, city):
        """Loaded anew it clears just the calls of the held-out half that were counted, and the promise holds on them."""
        router = Router.load(adapted.folder)
        held, _ = later_half(city, groups_of(city), city.labels["eligible"].to_numpy(dtype=bool), seed=7)
        answers = [router.decide(city.calls[row]).recommendation for row in np.flatnonzero(held)]
        cleared = np.array([answer is Recommendation.ELIGIBLE for answer in answers])
        assert (cleared == adapted.evaluation.cleared).all()
        truth = city.labels["eligible"].to_numpy(dtype=bool)[held]
        point = adapted.point
        assert (cleared & ~truth).sum() == point.false_clears
        assert point.n_ineligible == (~truth).sum()
        assert point.false_clears <= allowed_errors(point.n_ineligible, max_rate=0.05, confidence=0.95)
        assert "exact" in adapted.training["certified_by"]

    def test_a_promise_says_how_its_calls_were_queued(self, adapted):
        """Calls that were labelled because they seemed useful are no sample of the city's: their number is stated."""
        useful = adapted.training["adapted"]["queued_as_useful"]
        assert 0.6 * adapted.evaluation.n < useful < 0.9 * adapted.evaluation.n
        assert f"{useful} of the calls were queued as useful, not at random" in adapted.training["certified_by"]

    def test_the_citys_own_words_are_learnt(self, adapted):
        """A word that only this city writes moves the answer, and the comparison on the same calls shows it."""
        by_name = {each.name: each for each in adapted.comparison}
        assert by_name["area"].difference.value > 0
        assert "lvndr" in bundles.load(adapted.folder).vocabulary

    def test_overrides_are_fitted_on_and_not_certified_on(self, adapted, city):
        """No fold holds one out, no figure counts one, and the manifest counts them."""
        assert not any(fold.held[len(city.calls) :].any() for fold in adapted.folds)
        assert adapted.evaluation.n == adapted.point.n_ineligible + int(adapted.evaluation.truth.sum())
        assert adapted.training["adapted"]["labels"] == {"file": 220, "override": 12}

    def test_the_manifest_holds_the_lineage(self, adapted, router, city):
        """Base, local file, counts and settings are named; calls without dates are no obstacle."""
        manifest = bundles.load(adapted.folder, expected_digest=adapted.digest).manifest
        lineage = manifest["training"]["adapted"]
        assert lineage["base"] == router.bundle.digest
        assert (lineage["local_sha256"], lineage["labelled"], lineage["eligible"]) == (
            "of the city",
            len(city.calls) + 12,
            67,
        )
        assert (lineage["held_out"], len(lineage["folds"])) == ("half", 5)
        assert manifest["training"]["certified_on"] == "local"
        assert manifest["training"]["data_sha256"] == "of the corpus"

    def test_the_candidate_is_registered_and_judged_as_any_other(self, adapted, runs, corpus, small_config, tmp_path):
        """Its data sets, tables and card are in MLflow and no note is; the gates are those of every candidate."""
        store = Store(shutil.copytree(runs, tmp_path / "runs"), small_config)
        digests = {"data_sha256": file_sha256(corpus), "local_sha256": "0" * 64}
        tags = digests | {"data_path": str(corpus), "local_path": "/city/calls.csv", "base_digest": "b"}
        nested = [
            NestedRun(f"fold {n}", {}, fold.settings.to_record(), {"area": fold.area})
            for n, fold in enumerate(adapted.folds)
        ]
        registered = store.log(adapted.folder, adapted.evaluation, program="durham-heart", tags=tags, nested=nested)
        run = store.client.get_run(registered.run_id)
        assert {(each.dataset.name, each.tags[0].value) for each in run.inputs.dataset_inputs} == {
            (corpus.name, "training"), ("calls.csv", "adaptation"),
        }  # fmt: skip
        files = {file.path for file in store.client.list_artifacts(registered.run_id)}
        assert {"model_card.md", "figures.json", "wrong_answers.json"} <= files
        version = store.client.get_model_version("heartline", registered.version)
        assert version.description.startswith("Adapted to 232 labelled local calls")
        released = release(store, small_config, by="somebody", shadow=True)
        assert released.registered.version == registered.version
        assert {"area under the curve", "recall minus that of the champion, low end"} <= {
            gate.name for gate in released.gates
        }
        linked = store.client.get_model_version("heartline", registered.version).tags
        assert (linked["release"], linked["released_by"]) == (released.entry.evidence, "somebody")
        written = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
        assert not any(b"lvndr subj" in content for content in written)

    def test_folds_are_recorded_of_a_file_with_copies(self, adapted, city_in_use):
        """Copies of a call count once, so that the folds' masks and the file's labels are of the same calls."""
        table = replace(city_in_use, calls=[replace(call, call_id=f"c{n}") for n, call in enumerate(city_in_use.calls)])
        twice = take(table, np.concatenate([np.arange(len(table.calls)), np.arange(5)]))
        nested = _fold_runs(adapted, twice)
        assert sum(part.metrics["judged"] for part in nested) == sum(fold.held.sum() for fold in adapted.folds)

    def test_too_few_labels_are_refused_with_a_remedy(self, city):
        """A hundred calls and 25 eligible ones are the least."""
        with pytest.raises(InvalidData, match="label at least 100"):
            check(take(city, np.arange(90)))
        with pytest.raises(InvalidData, match="heartline review order"):
            check(take(city, np.arange(40, 220)))


@pytest.mark.slow
def test_the_curve_rises_where_local_words_decide(router, synthetic, city, small_config):
    """Where a city has words of its own, more labels raise the figures; each is within its interval; the plot is drawn."""
    work = prepare(take(labelled(synthetic), np.arange(2500)), labelled(city), small_config, "durham-heart")
    points = local_curve(work, router.bundle, sizes=(0, 100), repeats=2)
    assert [point.labels for point in points] == [0, 100, 176]
    assert points[0].area.value < points[1].area.value < points[2].area.value + 0.02
    assert all(point.area.low <= point.area.value <= point.area.high for point in points)
    table = curve_table(points)
    assert set(table["figure"]) == {"area", "average_precision", "found"}
    assert len(curve_plot(points).axes[0].get_lines()) >= 3


def test_the_command_refuses_too_few_labels_and_says_how_many_it_needs(runs, corpus, recent, tmp_path):
    """Fifty labelled calls are named and refused, and nothing is registered."""
    few = tmp_path / "few.csv"
    few.write_text("".join(recent.read_text(encoding="utf-8").splitlines(keepends=True)[:51]), encoding="utf-8")
    code, _, err = heartline(
        "adapt", "--base", str(runs / "champion"), "--data", str(few), "--training", str(corpus),
        "--config", str(SMALL), "--runs", str(runs),
    )  # fmt: skip
    assert code == 2, err
    assert "100" in err, err
