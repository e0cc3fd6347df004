"""An evaluator can check every claim: errors by row, baselines on the same rows, groups, calibration, true findings."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
from command import SMALL, heartline
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import roc_auc_score

from models.call import Call
from models.decision import Recommendation
from models.programs.program import load_program
from pipelines.data.table import read_table, take
from pipelines.evaluation import curves, fairness, metrics
from pipelines.evaluation.evaluate import probabilities
from pipelines.evaluation.evaluation_frame import GROUPS, evaluation_frame
from pipelines.evaluation.fairness import SMALL as FEW
from pipelines.evaluation.report import CALIBRATION, PROMISES, Claim, report
from pipelines.evaluation.subgroups import worst_subgroups
from pipelines.settings import load_config


@pytest.fixture(scope="module")
def table(recent):
    """Return the last calls of the small corpus."""
    return read_table(recent)


@pytest.fixture(scope="module")
def made(router, table):
    """Write one report."""
    return report(router, table, load_config(SMALL), data="calls.csv")


def rows(n, **columns):
    """Return an evaluation frame of made-up calls."""
    plain = {"row": range(n), "truth": [True] * n, "danger": [False] * n, "cleared": [True] * n, "turned_away": [False] * n,
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
        for error in made.evaluation.false_clears[:25]:
            assert f">{error.row}</td>" in html

    def test_the_first_line_says_on_what_it_was_measured(self, made, router, table):
        """Synthetic calls are called so, with their days; an agency's calls bear the name that was given."""
        assert "Measured on synthetic calls, of no agency, 20" in made.to_html()
        named = report(router, take(table, np.arange(40)), load_config(SMALL), data="c.csv", about="calls of Elsewhere")
        assert "Measured on calls of Elsewhere" in named.to_html()

    def test_the_json_says_the_same(self, made):
        """Every figure of the page is in the record, and it is plain JSON."""
        record = json.loads(json.dumps(made.to_record(), default=str, allow_nan=False))
        assert record["evaluation"]["figures"]["recall"]["value"] == made.evaluation.figures["recall"].value
        assert {row["name"] for row in record["compared"]} >= {"call type only", "keyword list and rules"}

    def test_no_word_of_a_note_is_in_it(self, made, table):
        """The report goes into MLflow: it holds reasons by their codes."""
        text = json.dumps(made.to_record(), default=str)
        assert not any(call.narrative in text for call in table.calls if len(call.narrative) > 30)

    def test_the_command_writes_both_and_records_them(self, recent, runs, tmp_path):
        """`--html` and `--json`, and a run in MLflow that holds them."""
        words = [
            "--data",
            str(recent),
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

    def test_a_column_that_is_not_there_is_named(self, recent, runs):
        """The error says which there are."""
        code, _, err = heartline("evaluate", "--data", str(recent), "--runs", str(runs), "--by", "shoe_size")
        assert code == 2
        assert "no such column" in err


class TestFindings:
    """The report finds what is wrong with a model."""

    def test_a_miscalibrated_model_is_found(self, router, table, monkeypatch):
        """Probabilities pushed to one half everywhere are not those of the calls."""
        honest = router.bundle.scorer.score

        class Blunt:
            def score(self, features):
                scores = honest(features)
                return dataclasses.replace(scores, eligible=0.5 + 0.49 * (scores.eligible - 0.5))

        blunt = dataclasses.replace(router.bundle, scorer=Blunt())
        monkeypatch.setattr(router, "bundle", blunt)
        made = report(router, table, load_config(SMALL), data="calls.csv")
        assert any("calibration error" in str(finding) for finding in made.findings)

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
    """The area by ranks equals scikit-learn's, also with ties."""
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

    def test_the_rates_are_fairlearns_and_the_intervals_near_its_bootstrap(self):
        """With many calls Wilson's ends and those of fairlearn's bootstrap agree."""
        rng = np.random.default_rng(3)
        table = rows(3000, zone=rng.choice(["A", "B"], 3000), truth=rng.random(3000) < 0.4, cleared=rng.random(3000) < 0.3)
        (found,) = fairness.fairness(table, ("zone",), confidence=0.95)
        of = {
            "y_true": table["truth"].astype(int), "y_pred": table["cleared"].astype(int), "sensitive_features": table["zone"]
        }  # fmt: skip
        rates = {"found": true_positive_rate, "false_clear": false_positive_rate, "selected": selection_rate}
        listed = MetricFrame(metrics=rates, **of)
        drawn = MetricFrame(
            metrics={"found": true_positive_rate}, n_boot=60, ci_quantiles=[0.025, 0.975], random_state=0, **of
        )
        low, high = drawn.by_group_ci
        for group in found.groups:
            for rate, value in listed.by_group.loc[group.name].items():
                assert getattr(group, rate).value == pytest.approx(value)
            assert group.found.low == pytest.approx(low.loc[group.name, "found"], abs=0.02)
            assert group.found.high == pytest.approx(high.loc[group.name, "found"], abs=0.02)

    def test_no_interval_is_of_width_nought(self):
        """Five calls that were all cleared do not prove that all such calls are."""
        table = rows(FEW * 2 + 5, zone=["A"] * FEW * 2 + ["C"] * 5)
        (found,) = fairness.fairness(table, ("zone",), confidence=0.95)
        (small,) = (group for group in found.groups if group.name == "C")
        assert small.found.low < 0.6 < small.found.value == 1.0

    def test_the_gap_that_would_be_found_is_found(self):
        """Drawn many times with the gap that is said to be detectable, four in five tests find it."""
        rng, n = np.random.default_rng(2), 300
        names = ["A"] * n + ["B"] * n
        equal = rows(2 * n, zone=names, cleared=rng.random(2 * n) < 0.7)
        gap = fairness.fairness(equal, ("zone",), confidence=0.95)[0].detectable
        hits = 0
        for _ in range(1000):
            a, b = rng.binomial(n, 0.7 + gap / 2) / n, rng.binomial(n, 0.7 - gap / 2) / n
            hits += abs(a - b) > 1.96 * np.sqrt(a * (1 - a) / n + b * (1 - b) / n)
        assert 0.75 < hits / 1000 < 0.87


class TestNotShown:
    """A promise is shown only where the upper end of the interval keeps it."""

    def test_few_calls_break_nothing_and_prove_nothing(self, router, table):
        """Forty calls: each promise is said not to be shown, with its upper end, and the page is not green."""
        few = report(router, take(table, np.arange(40)), load_config(SMALL), data="few.csv")
        assert any(str(claim).startswith("false clear rate of at most") for claim in few.not_shown)
        assert "show every promise kept" not in few.to_html()
        assert any(str(claim).startswith("calibration error where decided of at most") for claim in few.not_shown)
        json.dumps(few.to_record(), allow_nan=False)
        assert any("fewer than two groups have 50 eligible calls" in str(claim) for claim in few.not_shown)

    def test_strict_says_no_to_what_is_not_shown(self, runs, corpus, tmp_path):
        """`--strict` exits 1 where too few calls were labelled to prove anything."""
        pd.read_csv(corpus, dtype=str, keep_default_na=False).tail(60).to_csv(tmp_path / "few.csv", index=False)
        words = ["--data", str(tmp_path / "few.csv"), "--runs", str(runs), "--config", str(SMALL), "--strict"]
        code, out, err = heartline("evaluate", *words)
        assert code == 1
        assert "NOT SHOWN: false clear rate" in out
        assert "promises not shown" in err

    def test_a_shift_of_a_hundred_calls_is_counted(self, made):
        """Suggestions, vetoes and reviews per 100 calls add up to no more than 100, and stand in the page."""
        shift = {name: each.value for name, each in made.evaluation.per_100_calls.items()}
        assert 0 < sum(shift.values()) <= 100
        assert "A shift of 100 calls brings" in made.to_html()
        assert made.evaluation.figures["over_veto_rate"].n == int(made.evaluation.truth.sum())


class TestCalibrationWhereDecided:
    """A model that is off only where it decides is found, whatever the calls at 0 say."""

    def test_what_the_overall_figure_hides_is_seen(self):
        """Nine in ten calls at 0 and right; the others at 0.9 and right half the time."""
        scores = np.concatenate([np.zeros(1800), np.full(200, 0.9)])
        truth = np.concatenate([np.zeros(1800, bool), np.arange(200) % 2 == 0])
        assert metrics.calibration_error(10)(truth, scores) < 0.05
        assert metrics.calibration_error_where_decided(10)(truth, scores) == pytest.approx(0.4, abs=0.02)
        bands = curves.calibration_where_decided(
            rows(2000, truth=truth, score=scores), {"it": 0.9}, bins=10, confidence=0.95
        )
        assert all(band.off for band in bands)

    def test_a_ranking_without_a_fault_is_not_sure_of_itself(self):
        """Three calls in the right order show an area of 1 and an interval from .025; a hundred show more."""
        few, many = (
            metrics.bootstrapped(metrics.auc, scores > 0.5, scores, confidence=0.95, resamples=20)
            for scores in (np.array([0.1, 0.2, 0.9]), np.linspace(0, 1, 100))
        )
        assert (few.value, few.high, few.method) == (1.0, 1.0, "exact")
        assert few.low == pytest.approx(0.025)
        assert 0.9 < many.low < 1

    def test_few_calls_say_nothing(self):
        """Fewer calls than a bin needs have no calibration error; the estimate rests on no calls."""
        few = metrics.bootstrapped(
            metrics.calibration_error_where_decided(10), np.array([True, False] * 10), np.full(20, 0.9), confidence=0.95,
            resamples=20,
        )  # fmt: skip
        assert few.n == 0


class TestPages:
    """Long lists are paged and capped, and every claim leads to its figure."""

    def test_every_claim_leads_to_its_figure(self, made):
        """Each finding and each promise that is not shown is a link to a place that is on the page."""
        names = (*PROMISES, *CALIBRATION)
        claims = [Claim("a claim", f"figure-{name.replace('_', '-')}") for name in names]
        claims += [Claim("a claim", place) for place in ("groups", "fairness", "behaviour", "missed-vetoes")]
        html = dataclasses.replace(made, findings=claims, not_shown=made.not_shown).to_html()
        links = re.findall(r'href="#([^"]*)"', html)
        assert len(links) == len(claims) + len(made.not_shown)
        assert set(links) <= set(re.findall(r'id="([^"]*)"', html))

    def test_what_is_not_there_is_said(self, made):
        """A list without rows, days that no call has and columns that no call fills are said in words."""
        none = dataclasses.replace(made.evaluation, false_clears=[])
        html = dataclasses.replace(made, evaluation=none, first_day="not known", last_day="not known", fairness=[]).to_html()
        assert "days not known." in html
        assert "<p>None.</p>" in html
        assert "nothing is compared" in html

    def test_a_thousand_false_clears_make_a_short_page(self, made):
        """The first ones are shown, the next are folded, and past the cap the JSON is named."""
        many = dataclasses.replace(made.evaluation, false_clears=made.evaluation.missed_eligible[:1] * 1000)
        html = dataclasses.replace(made, evaluation=many).to_html()
        assert "26 to 50 of 1000" in html
        assert "500 more are in the JSON" in html


class TestSubgroups:
    """The worst groups are found without being named."""

    def test_a_hidden_bad_corner_is_found(self):
        """Only Spanish calls in one zone are cleared wrongly: the pair comes first."""
        rng = np.random.default_rng(0)
        n = 4000
        language, zone = rng.choice(["en", "es"], n), rng.choice(["A", "B", "C"], n)
        wrong = ((language == "es") & (zone == "B") & (rng.random(n) < 0.5)) | (rng.random(n) < 0.01)
        first = worst_subgroups(rows(n, truth=[False] * n, cleared=wrong, language=language, zone=zone), confidence=0.95)[0]
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
        assert all(one.corrected > 0.05 for one in worst_subgroups(table, confidence=0.95))


class TestCurves:
    """Thresholds and net benefit are what the definitions say."""

    def test_a_higher_threshold_clears_no_more(self, router, table):
        """Recall and false clears fall together."""
        decisions = [router.decide(call) for call in table.calls]
        found = curves.over_thresholds(evaluation_frame(table, decisions, program=load_program()), confidence=0.95)
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
