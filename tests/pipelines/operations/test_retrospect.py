"""Past calls are counted by disposition, teams are simulated, and parts are decided once by any engine."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from command import ROOT, heartline
from waiting import until

from models.decision import RiskBand
from models.errors import InvalidConfig, InvalidData
from models.programs.program import load_program
from models.statistics import Estimate, share
from pipelines.operations import backfill, retrospect, simulation
from pipelines.operations.simulation import Plan, UnitPlan
from pipelines.release import card, crosswalk


@pytest.fixture(scope="module")
def parts(corpus, tmp_path_factory):
    """Cut part of the small corpus into Parquet parts in two folders, as a data lake would."""
    folder = tmp_path_factory.mktemp("lake")
    frame = pd.read_csv(corpus, dtype=str, keep_default_na=False).head(900)
    for number in range(6):
        place = folder / f"year=202{number % 2}"
        place.mkdir(exist_ok=True)
        frame.iloc[number * 150 : (number + 1) * 150].to_parquet(place / f"part-{number}.parquet", index=False)
    return folder


def scored(**columns):
    """Return a table of decided calls."""
    n = len(next(iter(columns.values())))
    plain = {
        "received_at": ["2026-03-03T14:00:00-05:00"] * n, "zone": ["D1"] * n, "call_type": ["trespass"] * n,
        "vetoed": [False] * n, "on_duty": [True] * n, "in_zone": [True] * n, "recommendation": ["ELIGIBLE"] * n,
        "response": ["community_response"] * n, "eligible_probability": [0.9] * n,
    }  # fmt: skip
    return pd.DataFrame(plain | columns)


class TestRetrospect:
    """Each call has one disposition, and the expected number has an interval."""

    def test_every_reason_is_counted_apart(self):
        """Answered, off duty, out of zone, not known, review, vetoed, below threshold."""
        table = scored(
            vetoed=[False, False, False, False, False, True, False],
            on_duty=[True, False, True, None, None, None, None],
            in_zone=[True, True, False, True, None, None, None],
            recommendation=["ELIGIBLE"] * 4 + ["REVIEW", "NOT_ELIGIBLE", "NOT_ELIGIBLE"],
        )
        made = retrospect.retrospective(table, time_zone="America/New_York")
        assert made.dispositions == dict.fromkeys(retrospect.DISPOSITIONS, 1)
        assert sum(made.units_full.values()) == 4
        assert int(made.by["hour"].loc["14", "full roll-out"]) == 4
        told = made.by["zone"].loc["D1"]
        assert told["expected eligible"] == pytest.approx(made.eligible.value)
        assert told["at least"] < told["expected eligible"] < told["at most"]

    def test_what_is_expected_is_as_unsure_as_the_calibration(self):
        """Calibration bands replace the probabilities; without them the interval is that of chance alone, and says so."""
        table = scored(eligible_probability=[0.9] * 100)
        chance = retrospect.expected(table, [])
        banded = retrospect.expected(table, [(0.9, Estimate(0.8, 0.7, 0.95, 50, "wilson"))])
        assert (chance.value, chance.method) == (pytest.approx(90), "binomial")
        assert banded.value == pytest.approx(80)
        assert banded.low <= 70
        assert banded.high >= 95
        assert banded.method == "calibration bands"

    @pytest.mark.parametrize("labelled", [100, 1000])
    def test_the_interval_of_what_is_expected_covers(self, labelled):
        """Drawn 400 times, with probabilities that are off: the interval holds the true number nineteen times in twenty."""
        rng, held = np.random.default_rng(0), 0
        chances = np.repeat([0.1, 0.5, 0.9], 200)
        true = np.repeat([0.05, 0.4, 0.95], 200)
        for _ in range(400):
            bands = []
            for centre, rate in ((0.1, 0.05), (0.5, 0.4), (0.9, 0.95)):
                bands.append((centre, share(int(rng.binomial(labelled, rate)), labelled, confidence=0.95)))
            estimate = retrospect.expected(scored(eligible_probability=chances), bands)
            held += estimate.low <= int((rng.random(600) < true).sum()) <= estimate.high
        assert 0.93 < held / 400 <= 1.0

    def test_vetoed_eligible_calls_are_said_apart(self):
        """Eligible calls that the veto overrules are counted in a line of their own."""
        result = retrospect.retrospective(
            scored(vetoed=[True, True, False], recommendation=["NOT_ELIGIBLE"] * 2 + ["ELIGIBLE"]), time_zone="UTC"
        )
        assert result.vetoed_eligible == pytest.approx(1.8)
        assert result.eligible.n == 1
        assert any("expected to be eligible, but vetoed" in line for line in retrospect.lines(result))

    def test_the_command_counts_and_simulates(self, corpus, runs, tmp_path):
        """Over a file, with teams, as text and as JSON."""
        small = tmp_path / "calls.csv"
        pd.read_csv(corpus, dtype=str, keep_default_na=False).head(400).to_csv(small, index=False)
        words = ["--data", str(small), "--simulate", str(simulation.SETTINGS), "--json", str(tmp_path / "r.json")]
        code, out, err = heartline("retrospect", *words, "--runs", str(runs))
        assert code == 0, err
        assert "plan pilot" in out
        told = json.loads((tmp_path / "r.json").read_text())
        assert sum(told["dispositions"].values()) == told["calls"] == 400


class TestSimulation:
    """The simulation agrees with queueing theory."""

    def unit(self, **more):
        """Return a plan of one unit."""
        plain = {
            "unit": "community_response",
            "teams": 1,
            "hours": (0, 24),
            "zones": "all",
            "travel": 0.0,
            "service": 60.0,
            "cost_per_hour": 100.0,
        }
        return Plan(name="x", patience=20.0, units=(UnitPlan(**(plain | more)),))

    def calls(self, minutes, **more):
        """Return eligible calls at given minutes."""
        hours = (np.asarray(minutes) // 60 % 24).astype(int)
        return pd.DataFrame({"response": "community_response", "zone": "D1", "minute": minutes, "hour": hours} | more)

    def run(self, plan, calls, *, days=30.0, target=0.9):
        """Simulate the one unit."""
        (found,) = simulation.simulate(calls, plan, days=days, target=target, replications=3)
        return found

    def test_calls_far_apart_are_all_answered_at_once(self):
        """Without a queue the wait is the travel alone."""
        found = self.run(self.unit(travel=10.0), self.calls(np.arange(30) * 1440.0))
        assert found.share[0] == 1.0
        assert 2 < found.wait[0] < 10

    def test_loss_is_what_erlang_says(self):
        """Without patience two teams with a load of two erlangs lose forty per cent (Erlang's loss formula)."""
        rng = np.random.default_rng(0)
        minutes = np.cumsum(rng.exponential(30.0, 6000))
        plan = Plan(name="x", patience=0.0, units=self.unit(teams=2).units)
        found = self.run(plan, self.calls(minutes), days=minutes[-1] / 1440)
        assert found.share[0] == pytest.approx(0.6, abs=0.02)

    @pytest.mark.parametrize(("teams", "erlangs"), [(1, 0.6), (3, 2.2)])
    def test_waits_are_what_erlang_c_says(self, teams, erlangs, monkeypatch):
        """With endless patience and exponential service the mean wait is that of Erlang's formula."""
        monkeypatch.setattr(simulation, "_drawn", lambda rng, mean: float(rng.exponential(mean)) if mean else 0.0)
        rng, service = np.random.default_rng(4), 60.0
        minutes = np.cumsum(rng.exponential(service / erlangs, 12_000))
        blocked = erlangs**teams / math.factorial(teams) * teams / (teams - erlangs)
        waiting = blocked / (sum(erlangs**n / math.factorial(n) for n in range(teams)) + blocked)
        plan = Plan(name="x", patience=1e9, units=self.unit(teams=teams).units)
        (found,) = simulation.simulate(self.calls(minutes), plan, days=minutes[-1] / 1440, target=1.1, replications=1)
        assert found.wait[0] == pytest.approx(waiting * service / (teams - erlangs), rel=0.12)

    def test_a_shift_may_pass_midnight(self):
        """From 21 to 10: nights and mornings are within reach, the afternoon is not, and the day has thirteen hours."""
        calls = self.calls([60.0 * hour for hour in (22, 2, 9, 15)])
        plan = self.unit(hours=(21, 10))
        assert self.run(plan, calls).within_reach == 3
        assert plan.units[0].hours_a_day == 13
        assert self.unit(hours=(0, 24)).units[0].hours_a_day == 24

    def test_more_teams_answer_no_less_and_the_fewest_that_do_are_named(self):
        """The target is met with the returned number of teams and not with one less."""
        rng = np.random.default_rng(1)
        calls = self.calls(np.sort(rng.uniform(0, 15 * 1440, 1000)))
        shares = [self.run(self.unit(teams=n), calls, days=15.0).share[0] for n in (1, 3, 6)]
        assert shares == sorted(shares)
        needed = self.run(self.unit(), calls, days=15.0).teams_for_target
        assert self.run(self.unit(teams=needed), calls, days=15.0).share[0] >= 0.89
        assert self.run(self.unit(teams=needed - 1), calls, days=15.0).share[0] < 0.9

    def test_hours_and_zones_bound_what_is_within_reach(self):
        """A call at night or from another zone is within no unit's reach."""
        calls = pd.concat([self.calls([600.0]), self.calls([120.0]), self.calls([610.0], zone="D9")])
        assert self.run(self.unit(hours=(10, 21), zones=("D1",)), calls).within_reach == 1

    def test_a_pilot_team_answers_about_seven_a_day(self):
        """One team from ten to nine over part of a city with ninety eligible calls a day answers five to nine of them."""
        rng = np.random.default_rng(2)
        days, n = 120, 120 * 73
        minutes = np.sort(rng.uniform(0, days * 1440, n))
        calls = self.calls(minutes, zone=rng.choice(["D1", "D2", "D3", "D4", "D5"], n))
        (pilot, *_), target, _ = simulation.load_plans()
        (found,) = simulation.simulate(calls, pilot, days=days, target=target, replications=2)
        assert 5 < found.answered_a_day[0] < 9

    def test_settings_that_are_wrong_are_named(self, tmp_path):
        """A missing key, an unknown one and a value of another kind are named with their place."""
        shipped = simulation.SETTINGS.read_text()
        for old, new, fault in (
            ("teams = 1\n", "", "missing key in config: 'pilot.units.0.teams'"),
            ("teams = 1\n", "teams = 1\ncolour = 'red'\n", "unknown key in config: 'pilot.units.0.colour'"),
            ("teams = 1\n", "teams = 'one'\n", "config is wrong at pilot.units.0.teams"),
            ("target = 0.9", "# none", "missing key in config"),
            ("target = 0.9", "target = ", "is not TOML"),
        ):
            (tmp_path / "s.toml").write_text(shipped.replace(old, new, 1))
            with pytest.raises(InvalidConfig, match=fault):
                simulation.load_plans(tmp_path / "s.toml")


class TestBackfill:
    """Parts are decided once, in any order, by any number of processes, to the same bytes."""

    def files(self, folder):
        """Return every file's bytes."""
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    def test_a_run_that_was_stopped_goes_on_and_writes_nothing_twice(self, parts, runs, tmp_path):
        """A finished part is not decided again, and an incomplete one is not taken as finished."""
        told = {"bundle": runs / "champion", "program": "durham-heart"}
        assert backfill.run(parts, tmp_path / "a", **told) == (6, 900)
        whole = self.files(tmp_path / "a")
        assert len(whole) == 7  # the parts, and what decided them
        gone = sorted(name for name in whole if name.endswith(".parquet"))[2]
        (tmp_path / "a" / gone).unlink()
        (tmp_path / "a" / f"{gone}.half.new").write_bytes(b"half")
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.parquet")}
        assert backfill.run(parts, tmp_path / "a", **told) == (1, 150)
        assert self.files(tmp_path / "a") == whole
        assert all(path.stat().st_mtime_ns == at for path, at in before.items())

    def test_two_models_answers_are_not_mixed(self, parts, runs, tmp_path):
        """A folder that another program decided is refused, and left as it is."""
        backfill.run(parts, tmp_path / "a", bundle=runs / "champion", program="durham-heart")
        whole = self.files(tmp_path / "a")
        with pytest.raises(InvalidData, match="of another model"):
            backfill.run(parts, tmp_path / "a", bundle=runs / "champion", program="eugene-cahoots")
        assert self.files(tmp_path / "a") == whole

    def test_a_long_part_is_decided_in_slices_by_any_number_of_processes(self, parts, runs, tmp_path, monkeypatch):
        """Its rows come out in their order with the ids that they have in one piece, and a slice that is there is done."""
        monkeypatch.setattr(backfill, "LONGEST_PART", 60)
        told = {"bundle": runs / "champion", "program": "durham-heart", "detail": "short"}
        file = min(parts.rglob("*.parquet"))
        assert backfill.run(file, tmp_path / "a", **told) == (3, 150)
        slices = sorted((tmp_path / "a").glob("*.parquet"))
        assert [len(pd.read_parquet(slice_)) for slice_ in slices] == [60, 60, 30]
        whole = pd.DataFrame.from_records(list(backfill.rows(file, **told)))
        sliced = pd.concat([pd.read_parquet(slice_) for slice_ in slices], ignore_index=True)
        assert sliced["decision"].tolist() == whole["decision"].tolist()
        before = self.files(tmp_path / "a")
        slices[1].unlink()
        slices[2].unlink()
        assert backfill.run(file, tmp_path / "a", jobs=2, **told) == (2, 90)
        assert self.files(tmp_path / "a") == before
        with pytest.raises(InvalidData, match="of another model"):
            backfill.run(file, tmp_path / "a", **told | {"detail": "all"})

    @pytest.mark.slow
    def test_dask_decides_the_same_bytes_also_after_a_kill(self, parts, runs, tmp_path):
        """Killed with -9 in the middle, started again with two workers: the same parts as one process, and no other file."""
        backfill.run(parts, tmp_path / "one", bundle=runs / "champion", program="durham-heart")
        words = [sys.executable, "-m", "pipelines.cli", "score", str(parts), "--out", str(tmp_path / "two")]
        words += ["--runs", str(runs), "--engine", "dask", "--workers"]
        process = subprocess.Popen([*words, "1"], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
        until(lambda: list((tmp_path / "two").rglob("*.parquet")), "no part came")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        again = subprocess.run([*words, "2"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert self.files(tmp_path / "one") == self.files(tmp_path / "two")

    def test_an_engine_that_is_none_is_named(self, parts, runs, tmp_path):
        """And an output that is no folder."""
        code, _, err = heartline("score", str(parts), "--out", str(tmp_path / "x"), "--runs", str(runs), "--engine", "spork")
        assert code == 2
        assert "no such engine" in err
        code, _, err = heartline("score", str(parts), "--runs", str(runs))
        assert code == 2
        assert "into a folder" in err


class TestCard:
    """No duty is shown without its evidence file."""

    def test_every_item_of_this_project_has_its_evidence(self):
        """Files that the record names are here; what runs leave behind is looked for among the runs."""
        for item in card.items(ROOT / "nowhere"):
            assert all(name.startswith(("releases.jsonl", "report.json#")) for name in item.absent), item

    def test_evidence_is_the_figure_and_not_only_its_file(self, runs, tmp_path):
        """Beside the duty on accuracy stands the measured value; a report without the figure is no evidence."""
        shutil.copytree(runs, tmp_path / "runs")
        figures = {"recall": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50, "method": "wilson"}}
        (tmp_path / "runs/report.json").write_text(json.dumps({"evaluation": {"figures": figures}}))
        (accuracy,) = (item for item in card.items(tmp_path / "runs") if item.article == "15, accuracy")
        assert {each.figure for each in accuracy.present} == {"0.800 (0.700 to 0.900, n=50)"}
        assert "report.json#false_clear_rate" in accuracy.absent

    def test_guidelines_are_whole_and_point_to_files_that_exist(self):
        """Twenty-seven items of TRIPOD+AI, seventeen of DECIDE-AI; an item without a file says why."""
        guidelines = {each.name: each.items for each in crosswalk.load_guidelines()}
        assert [item.item for item in guidelines["TRIPOD+AI"]] == [str(number) for number in range(1, 28)]
        assert [item.item for item in guidelines["DECIDE-AI"]] == [str(number) for number in range(1, 18)]
        for item in (item for items in guidelines.values() for item in items):
            assert item.where or item.note.startswith("not shown"), item
            assert all((ROOT / name).is_file() for name in item.where), item

    def test_every_risk_band_has_its_level_in_each_matrix(self):
        """No band is left out, `unknown` neither."""
        for matrix in crosswalk.load_matrices():
            assert set(matrix.levels) == {str(band) for band in RiskBand}

    def test_a_card_without_a_report_says_first_that_nothing_was_measured(self, runs):
        """The first line of the card is what it was measured on, or that it was not."""
        html = card.to_html(card.card(runs, runs / "champion", load_program(), accountable="nobody"))
        assert html.index("Not measured") < html.index("Intended use")

    def test_an_item_without_evidence_is_marked(self, runs, tmp_path):
        """Taken out of the project, the record says what it cannot show."""
        told = card.card(runs, runs / "champion", load_program(), accountable="nobody", project=tmp_path)
        html = card.to_html(told)
        assert "not shown:" in html
        assert "missing: <code>models/veto/matcher.py</code>" in html

    def test_the_command_writes_it_with_who_answers_for_it(self, runs, tmp_path):
        """And says how many items are shown."""
        folder = shutil.copytree(runs, tmp_path / "runs")
        code, _, err = heartline(
            "card", "--accountable", "A. Person", "--runs", str(folder), "--out", str(tmp_path / "c.html")
        )
        assert code == 0, err
        assert "A. Person" in (tmp_path / "c.html").read_text()
        assert "items have their evidence" in err
