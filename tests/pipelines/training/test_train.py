"""From a labelled file to a champion: read, split, train, judge, record, release."""

import itertools
import json
import shutil

import mlflow
import numpy as np
import pandas as pd
import pytest

from models import statistics as estimates
from models.call import Call
from models.classifier import bundle as bundles
from models.errors import BundleError, InvalidConfig, InvalidData, LeakageError
from pipelines.data.split import Split, assert_no_leak, split
from pipelines.data.table import read_table, take
from pipelines.evaluation import metrics
from pipelines.evaluation.evaluate import evaluate
from pipelines.settings import load_config
from pipelines.training.tracking import Store


def write(path, text):
    """Write a file and return its path."""
    path.write_text(text, encoding="utf-8")
    return path


class TestIngest:
    """Tables in, calls out, nothing lost in silence."""

    def test_rows_that_cannot_be_read_are_named(self, tmp_path):
        """A refused row is named with its column and reason, and the others are kept."""
        path = write(tmp_path / "c.csv", "narrative,calls_24h\nfirst,1\nsecond,many\nthird,2\n")
        table = read_table(path)
        assert [call.narrative for call in table.calls] == ["first", "third"]
        assert [(reject.row, reject.column) for reject in table.rejects] == [(2, "calls_24h")]
        assert "second" not in table.rejects[0].reason

    def test_an_agencys_own_source_is_missing_and_counted(self, tmp_path):
        """An unknown source refuses no row; a safety answer that cannot be read does."""
        table = read_table(write(tmp_path / "c.csv", "narrative,source,weapons_answer\na,log7,\nb,911,dunno\n"))
        assert (len(table.calls), table.blanked["source"], table.rejects[0].column) == (1, 1, "weapons_answer")

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
    def test_three_kinds_of_file_give_the_same_calls(self, tmp_path, corpus, corpus_table, kind):
        """CSV, JSONL and Parquet agree."""
        frame = pd.read_csv(corpus, dtype=str).head(50)
        path = tmp_path / f"c.{kind}"
        {
            "csv": lambda: frame.to_csv(path, index=False),
            "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
            "parquet": lambda: frame.to_parquet(path),
        }[kind]()
        assert read_table(path).calls == corpus_table.calls[:50]

    @pytest.mark.parametrize(
        ("name", "text"), [("c.csv", "zone\nD1\n"), ("c.jsonl", "[1]\n"), ("c.docx", "x"), ("c.csv", ""), ("c.jsonl", "{")]
    )
    def test_files_that_hold_no_calls_are_refused(self, tmp_path, name, text):
        """Files without a narrative column, without objects, of another kind, or empty are refused."""
        path = write(tmp_path / name, text)
        with pytest.raises(InvalidData):
            read_table(path)

    def test_labels_are_read_in_many_spellings(self, tmp_path):
        """Yes, no, unsure and a blank are read as four different labels."""
        path = write(
            tmp_path / "c.csv",
            "narrative,eligible,weapon,violence\na,yes,none,none\nb,0,mention,none\nc,unsure,,\nd,,,threat\n",
        )
        labels = read_table(path).labels
        assert labels["eligible"].tolist() == [True, False, "unsure", None]
        assert labels["danger"].tolist() == [False, True, None, True]  # blank is not known


class TestSplit:
    """Blocks are cut in time, and no caller of a later block is in the fit block."""

    def test_blocks_follow_one_another_and_nobody_learnt_from_is_judged(self, corpus_table, small_config):
        """The promise of the split, checked from outside: in time, by caller and by address, nothing missing."""
        table = corpus_table
        blocks = split(table.calls, table.labels, small_config.split)
        parts = [blocks.fit, blocks.calibrate, blocks.certify, blocks.test]
        times = [[table.calls[i].received_at for i in part] for part in parts]
        assert all(max(a) <= min(b) for a, b in itertools.pairwise(times))
        for key in ("caller_key", "address_key"):
            fit, calibrate, certify, test = (set(table.labels[key].dropna().reindex(part).dropna()) for part in parts)
            assert not fit & (calibrate | certify | test)
            assert not calibrate & (certify | test)
        assert blocks.left_out + sum(map(len, parts)) == len(table.calls)
        assert blocks.share_left_out("certify") == blocks.share_left_out("test") == 0

    def test_a_known_caller_stays_in_the_later_block(self, small_config):
        """The later call of a caller is judged, and the earlier one is not learnt from."""
        calls = [Call(narrative="", received_at=f"2026-01-{day:02}T12:00:00Z") for day in range(1, 21)]
        people = [f"p{day}" for day in range(1, 21)]
        people[0] = people[16]
        keys = pd.DataFrame({"caller_key": people, "address_key": [None] * 20})
        blocks = split(calls, keys, small_config.split)
        assert 16 in [*blocks.certify, *blocks.test]
        assert 0 not in blocks.fit
        assert dict(blocks.removed) == {"fit": 1, "calibrate": 0, "certify": 0, "test": 0}
        assert "fit 10 (9.1% left out)" in str(blocks)

    @pytest.mark.parametrize("key", ["caller_key", "address_key"])
    def test_a_leak_is_found(self, key):
        """A caller or an address in two blocks is an error, not a warning."""
        times = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"], utc=True))
        blocks = Split(*(np.array([i]) for i in range(4)))
        keys = pd.DataFrame({"caller_key": list("abcd"), "address_key": list("wxyz")})
        assert_no_leak(blocks, times, keys)
        assert_no_leak(blocks, times, keys.assign(**{key: list("abcc")}))  # both blocks judge
        with pytest.raises(LeakageError, match=key.removesuffix("_key")):
            assert_no_leak(blocks, times, keys.assign(**{key: list("abca")}))
        with pytest.raises(LeakageError, match="past"):
            assert_no_leak(blocks, times[::-1].reset_index(drop=True), keys)

    def test_calls_without_a_time_cannot_be_split(self, tmp_path, small_config):
        """The error names a remedy."""
        table = read_table(write(tmp_path / "c.csv", "narrative,eligible\na,yes\nb,no\n"))
        with pytest.raises(InvalidData, match="received_at"):
            split(table.calls, table.labels, small_config.split)


class TestConfig:
    """Every setting is read from the file, and an unknown one is an error."""

    def test_defaults_load(self):
        """The shipped file is valid."""
        assert load_config().threshold.max_false_clear == 0.05

    @pytest.mark.parametrize(
        "text",
        [
            "[threshold]\nmax_fals_clear = 0.1\n",
            "[colours]\n",
            '[threshold]\nconfidence = "high"\n',
            "[threshold",
            "x = 1\n",
        ],
    )
    def test_what_is_not_known_is_an_error(self, tmp_path, text):
        """Unknown keys, unknown sections, other kinds, and no TOML at all."""
        with pytest.raises(InvalidConfig):
            load_config(write(tmp_path / "c.toml", text))


class TestMetrics:
    """Figures with intervals."""

    def test_wilson_is_wilson(self):
        """Against a published worked example: 15 of 20."""
        found = estimates.share(15, 20, confidence=0.95)
        assert (round(found.low, 4), round(found.high, 4)) == (0.5313, 0.8881)

    def test_a_share_of_nothing_is_not_a_number(self):
        """Without calls there is no figure, and the interval is from 0 to 1."""
        assert str(estimates.share(0, 0, confidence=0.95)) == "no calls"

    def test_perfect_calibration_has_no_error(self):
        """Probabilities equal to the shares have a calibration error of 0."""
        truth = np.array([True] * 8 + [False] * 2)
        assert metrics.calibration_error(1)(truth, np.full(10, 0.8)) == pytest.approx(0)


@pytest.mark.slow
class TestTraining:
    """The records of a training run."""

    def test_the_run_can_be_judged_from_mlflow_alone(self, runs, small_config):
        """Parameters, metrics, commit, data digest, environment, plots and bundle are all there."""
        store = Store(runs, small_config)
        registered = store.by_alias("champion")
        run = store.client.get_run(registered.run_id)
        assert run.data.params["threshold.max_false_clear"] == "0.05"
        assert {"auc", "recall_low", "false_clear_rate_high", "latency_p99_ms"} <= set(run.data.metrics)
        assert {"git_commit", "git_dirty", "data_sha256", "digest", "rulebook", "program"} <= set(run.data.tags)
        listed = {file.path for file in store.client.list_artifacts(registered.run_id)}
        plots = {file.path for file in store.client.list_artifacts(registered.run_id, "plots")}
        assert {"evaluation.json", "environment.json"} <= listed
        assert plots == {f"plots/{name}.png" for name in ("calibration", "precision_recall", "threshold_trade_off")}

    def test_no_note_is_in_the_store(self, runs, corpus):
        """The narrative is private: no artefact, tag or parameter holds one."""
        notes = pd.read_csv(corpus)["narrative"]
        longest = [note.encode() for note in notes.sort_values(key=lambda column: column.str.len()).tail(50)]
        files = [path for path in runs.rglob("*") if path.is_file()]
        assert files
        assert not any(note in path.read_bytes() for path in files for note in longest)

    def test_the_registered_model_is_the_router(self, runs, router, small_config):
        """MLflow's own loader runs the veto and gives the same JSON as everywhere."""
        Store(runs, small_config)
        model = mlflow.pyfunc.load_model("models:/heartline@champion")
        calls = pd.DataFrame(
            {"narrative": ["male with a kn1fe", "asleep in doorway", None], "call_type": ["Welfare Check", "Trespass", None]}
        )
        answers = model.predict(calls)
        assert answers["recommendation"].tolist()[0] == "NOT_ELIGIBLE"
        assert answers["recommendation"].tolist()[2] == "REVIEW"
        decision = json.loads(answers["decision"][1])
        assert decision["versions"]["model"] == router.bundle.digest
        assert decision["eligible_probability"] == answers["eligible_probability"][1]

    def test_a_tampered_registered_model_does_not_load(self, runs, tmp_path, small_config):
        """The digest that was registered is the only one that answers."""
        store = Store(runs, small_config)
        local = store.bundle_of(store.by_alias("champion")).parents[1]
        stolen = shutil.copytree(local, tmp_path / "model")
        with (stolen / "artifacts" / "bundle" / bundles.TABLES).open("ab") as file:
            file.write(b"x")
        with pytest.raises(BundleError):
            mlflow.pyfunc.load_model(str(stolen))

    def test_the_operating_point_keeps_its_promise_on_later_calls(self, corpus_table, router, small_config):
        """The false-clear rate on the test block does not exceed the promise."""
        table = corpus_table
        blocks = split(table.calls, table.labels, small_config.split)
        found = evaluate(router, take(table, blocks.test), small_config.evaluate)
        assert found.figures["false_clear_rate"].low <= small_config.threshold.max_false_clear
        assert found.figures["recall"].value > 0.3
        assert found.figures["auc"].value > 0.85
        assert len(found.false_clears) == round(
            found.figures["false_clear_rate"].value * found.figures["false_clear_rate"].n
        )
