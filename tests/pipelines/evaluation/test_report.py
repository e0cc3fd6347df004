"""An evaluator can check every claim: errors by row, baselines on the same rows, groups, calibration, true findings."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from command import SMALL, heartline
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import roc_auc_score

from models.call import Call
from models.decision import Recommendation
from pipelines.data.table import read_table
from pipelines.evaluation import curves, fairness, metrics
from pipelines.evaluation.evaluate import probabilities
from pipelines.evaluation.evaluation_frame import GROUPS, judged
from pipelines.evaluation.fairness import SMALL as FEW
from pipelines.evaluation.report import report
from pipelines.evaluation.subgroups import worst
from pipelines.settings import load_config
from pipelines.training.train import take


@pytest.fixture(scope="module")
def table(corpus):
    """Read part of the small corpus."""
    whole = read_table(corpus)
    return take(whole, np.arange(len(whole.calls) - 1500, len(whole.calls)))


@pytest.fixture(scope="module")
def made(router, table):
    """Write one report."""
    return report(router, table, load_config(SMALL), data="calls.csv")


def rows(n, **columns):
    """Return a judged table of made-up calls."""
    plain = {"row": range(n), "truth": [True] * n, "danger": [False] * n, "cleared": [True] * n, "turned": [False] * n,
             "vetoed": [False] * n, "score": [0.9] * n}  # fmt: skip
    return pd.DataFrame(plain | {name: ["same"] * n for name in GROUPS} | columns)


class TestReport:
    """One page and the same as JSON."""

    def test_the_page_is_self_contained_and_names_errors_by_row(self, made):
        """No script, nothing from elsewhere; false clears before everything else that was measured."""
        html = made.to_html()
        assert "<script" not in html
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert html.index("False clears") < html.index("At the certified point")
        for error in made.evaluation.false_clears[:50]:
            assert f">{error.row}</td>" in html

    def test_the_json_says_the_same(self, made):
        """Every figure of the page is in the record, and it is plain JSON."""
        record = json.loads(json.dumps(made.to_record(), default=str))
        assert record["evaluation"]["figures"]["recall"]["value"] == made.evaluation.figures["recall"].value
        assert {row["name"] for row in record["compared"]} >= {"call type only", "keyword list and rules"}

    def test_no_word_of_a_note_is_in_it(self, made, table):
        """The report goes into MLflow: it holds reasons by their codes."""
        text = json.dumps(made.to_record(), default=str)
        assert not any(call.narrative in text for call in table.calls if len(call.narrative) > 30)

    def test_the_command_writes_both_and_records_them(self, corpus, runs, tmp_path):
        """`--html` and `--json`, and a run in MLflow that holds them."""
        words = [
            "--data",
            str(corpus),
            "--runs",
            str(runs),
            "--config",
            str(SMALL),
            "--by",
            "scenario",
            "--dispatched",
            "response",
        ]
        code, out, err = heartline(
            "evaluate", *words, "--html", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.json")
        )
        assert code == 0, err
        assert "False clears" in out
        assert "recorded in MLflow" in err
        told = json.loads((tmp_path / "r.json").read_text())
        assert "scenario" in {each["column"] for each in told["fairness"]}
        assert "the dispatcher's own decision" in {each["name"] for each in told["compared"]}

    def test_a_column_that_is_not_there_is_named(self, corpus, runs):
        """The error says which there are."""
        code, _, err = heartline("evaluate", "--data", str(corpus), "--runs", str(runs), "--by", "shoe_size")
        assert code == 2
        assert "no such column" in err


class TestFindings:
    """What is wrong is found by the command made for it."""

    def test_a_miscalibrated_model_is_found(self, router, table, monkeypatch):
        """Probabilities pushed to one half everywhere are not those of the calls."""
        honest = router.bundle.scorer.score

        class Blunt:
            def score(self, features):
                scores = honest(features)
                return type(scores)(0.5 + 0.49 * (scores.eligible - 0.5), scores.risk, scores.response)

        blunt = dataclasses.replace(router.bundle, scorer=Blunt())
        monkeypatch.setattr(router, "bundle", blunt)
        made = report(router, table, load_config(SMALL), data="calls.csv")
        assert any("calibration error" in finding for finding in made.findings)

    def test_an_unfair_variant_is_found_and_strict_says_no(self, runs, corpus, tmp_path):
        """A file in which one language's eligible calls are all missed: the gap is a finding, and `--strict` exits 1."""
        frame = pd.read_csv(corpus, dtype=str, keep_default_na=False)
        eligible = frame[frame["eligible"] == "True"].head(400)
        half = np.arange(len(eligible)) % 2 == 0
        frame = eligible.assign(
            language=np.where(half, "es", "en"),
            narrative=np.where(half, "water main leaking in the street", eligible["narrative"]),
        )
        frame.to_csv(tmp_path / "unfair.csv", index=False)
        words = ["--data", str(tmp_path / "unfair.csv"), "--runs", str(runs), "--config", str(SMALL), "--strict"]
        code, out, _ = heartline("evaluate", *words)
        assert code == 1
        assert "equal-opportunity gap by language" in out

    def test_a_fair_table_has_no_gap(self):
        """Groups that fare alike raise no finding: the interval of the gap holds nought."""
        rng = np.random.default_rng(1)
        table = rows(4000, zone=rng.choice(list("ABC"), 4000), cleared=rng.random(4000) < 0.8)
        (found,) = fairness.fairness(table, ("zone",), confidence=0.95)
        assert found.gap.low <= 0 <= found.gap.high


def test_the_area_is_scikit_learns():
    """By ranks, with ties, it is the same area."""
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 20, 500) / 20
    truth = rng.random(500) < scores
    assert metrics.auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))


class TestFairness:
    """Groups have their numbers and intervals; small ones are marked and not hidden."""

    def test_small_groups_are_shown_and_marked(self):
        """A group of five is in the table, and takes no part in the gap."""
        table = rows(
            FEW * 4 + 5, zone=["A"] * FEW * 2 + ["B"] * FEW * 2 + ["C"] * 5, truth=[True, False] * (FEW * 2) + [True] * 5
        )
        (found,) = fairness.fairness(table, ("zone",), confidence=0.95)
        assert {group.name: group.small for group in found.groups} == {"A": False, "B": False, "C": True}
        assert found.gap.n < len(table)

    def test_the_intervals_are_those_of_fairlearns_own_bootstrap(self):
        """Counting calls is listing them, and drawing counts is drawing calls: both ends agree within the draws' noise."""
        rng = np.random.default_rng(3)
        table = rows(3000, zone=rng.choice(["A", "B"], 3000), truth=rng.random(3000) < 0.4, cleared=rng.random(3000) < 0.3)
        (found,) = fairness.fairness(table, ("zone",), confidence=0.95)
        of = {
            "y_true": table["truth"].astype(int), "y_pred": table["cleared"].astype(int), "sensitive_features": table["zone"]
        }  # fmt: skip
        rates = {"found": true_positive_rate, "false_clear": false_positive_rate, "selected": selection_rate}
        listed = MetricFrame(metrics=rates, **of)
        drawn = MetricFrame(
            metrics={"found": true_positive_rate}, n_boot=150, ci_quantiles=[0.025, 0.975], random_state=0, **of
        )
        low, high = drawn.by_group_ci
        for group in found.groups:
            for rate, value in listed.by_group.loc[group.name].items():
                assert getattr(group, rate).value == pytest.approx(value)
            assert group.found.low == pytest.approx(low.loc[group.name, "found"], abs=0.02)
            assert group.found.high == pytest.approx(high.loc[group.name, "found"], abs=0.02)


class TestSlices:
    """The worst groups are found, not only those that were asked for."""

    def test_a_hidden_bad_corner_is_found(self):
        """Only Spanish calls in one zone are cleared wrongly: the pair comes first."""
        rng = np.random.default_rng(0)
        n = 4000
        language, zone = rng.choice(["en", "es"], n), rng.choice(["A", "B", "C"], n)
        wrong = ((language == "es") & (zone == "B") & (rng.random(n) < 0.5)) | (rng.random(n) < 0.01)
        first = worst(rows(n, truth=[False] * n, cleared=wrong, language=language, zone=zone), confidence=0.95)[0]
        assert set(first.name.split(" and ")) == {"zone B", "language es"}
        assert first.corrected < 1e-6

    def test_pure_chance_finds_nothing(self):
        """After correction no group of a table without structure is surprising."""
        rng = np.random.default_rng(5)
        n = 3000
        table = rows(
            n,
            truth=[False] * n,
            cleared=rng.random(n) < 0.05,
            zone=rng.choice(list("ABCDEF"), n),
            language=rng.choice(list("xyz"), n),
        )
        assert all(one.corrected > 0.05 for one in worst(table, confidence=0.95))


class TestCurves:
    """Thresholds and net benefit are what the definitions say."""

    def test_a_higher_threshold_clears_no_more(self, router, table):
        """Recall and false clears fall together."""
        decisions = [router.decide(call) for call in table.calls]
        found = curves.over_thresholds(judged(table, decisions), confidence=0.95)
        recalls, wrongs = [each.recall.value for each in found], [each.false_clear.value for each in found]
        assert recalls == sorted(recalls, reverse=True)
        assert wrongs == sorted(wrongs, reverse=True)

    @pytest.mark.parametrize(("threshold", "expected"), [(0.5, 0.25), (0.8, -0.5)])
    def test_net_benefit_by_hand(self, threshold, expected):
        """Two true clears and one false one among four calls."""
        truth, cleared = np.array([True, True, False, False]), np.array([True, True, True, False])
        assert curves.net_benefit(truth, cleared, threshold) == pytest.approx(expected)

    def test_vetoed_calls_score_nought(self, router):
        """No threshold clears a veto."""
        call = Call(narrative="male with a knife asleep in doorway")
        decision = router.decide(call)
        assert decision.recommendation is Recommendation.NOT_ELIGIBLE
        assert probabilities([decision])[0] == 0.0
