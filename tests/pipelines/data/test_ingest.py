"""A city's export comes in: mapped, checked, counted, with nothing lost and nothing learnt from the future."""

import json
from datetime import UTC, datetime, timedelta
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from command import ROOT, heartline
from hypothesis import given, settings
from hypothesis import strategies as st

from models.call import FIELDS
from models.errors import InvalidConfig, InvalidData
from pipelines.data import call_history as history
from pipelines.data import contract
from pipelines.data.call_history import DAY, compact, earlier_calls, fill
from pipelines.data.column_map import MAPS, ColumnMap, load_map
from pipelines.data.guess_map import guess_map
from pipelines.data.ingest import ingest_file
from pipelines.data.labels import KEYS, LABEL_WORDS, LABELS
from pipelines.data.readers import records
from pipelines.data.table import read_table

EXAMPLES = ROOT / "data" / "examples"


@pytest.mark.parametrize(
    ("name", "written", "refused", "first"),
    [
        ("ma-police-log", 3, 1, ("26-1001", "2026-03-02T12:12:00.000000Z", "admin_line")),
        ("campus-crime-log", 3, 0, ("2026-0201", "2026-03-02T15:12:00.000000Z", None)),
        ("open-data-cad", 3, 0, ("E26-1", "2026-03-02T12:12:00.000000Z", "911")),
    ],
)
def test_shipped_maps_read_their_formats(tmp_path, name, written, refused, first):
    """Three public layouts come in by their maps; a row with an impossible time is refused by name."""
    found = ingest_file(EXAMPLES / f"{name}.csv", tmp_path / "c.jsonl", columns=load_map(name))
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert (found.written, found.refused, len(rows)) == (written, refused, written)
    assert (rows[0]["call_id"], rows[0]["received_at"], rows[0]["source"]) == first
    assert set(rows[0]) == {*FIELDS, *KEYS, *LABELS}


def test_an_open_data_export_keeps_answers_and_counts_history(tmp_path):
    """The weapons column becomes the structured answer, and the second call of a caller has one before it."""
    ingest_file(EXAMPLES / "open-data-cad.csv", tmp_path / "c.parquet", columns=load_map("open-data-cad"))
    frame = pd.read_parquet(tmp_path / "c.parquet")
    assert frame["weapons_answer"].tolist() == ["none", "not_asked", "yes"]
    assert frame["calls_24h"].tolist() == [0, 1, 0]
    assert frame["narrative"][0].endswith("\nCALM NOW")


def test_refused_rows_are_kept_whole_with_their_reason(tmp_path):
    """The rejects file names row, column and reason, and holds the row, so that it can be mended and sent again."""
    found = ingest_file(EXAMPLES / "ma-police-log.csv", tmp_path / "c.csv", columns=load_map("ma-police-log"))
    rejects = pd.read_csv(tmp_path / "c.rejects.csv")
    assert rejects[["row", "column"]].to_numpy().tolist() == [[4, "received_at"]]
    assert "25:10" in rejects["reason"][0]
    assert json.loads(rejects["record"][0])["Call Number"] == "26-1004"
    assert found.refusals == {"received_at": 1}


def test_call_types_nobody_has_met_are_guessed_or_listed(tmp_path):
    """Guesses and unknown names are counted."""
    path = tmp_path / "in.jsonl"
    rows = [{"narrative": "a", "call_type": kind} for kind in ("Med,Suicide/Psy", "Zorbing", "Zorbing", "Trespass")]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = ingest_file(path, tmp_path / "out.csv")
    assert found.guessed == {"Med,Suicide/Psy -> suicide_threat": 1}
    assert found.unmapped == {"Zorbing": 2}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_was_written_comes_in_again_unchanged(tmp_path, ending, corpus):
    """Ingesting an ingested table changes nothing."""
    once, twice = tmp_path / f"once.{ending}", tmp_path / f"twice.{ending}"
    small = tmp_path / "small.csv"
    pd.read_csv(corpus, dtype=str).head(300).to_csv(small, index=False)
    ingest_file(small, once)
    ingest_file(once, twice)
    assert list(records(once)) == list(records(twice))


def test_excel_comes_in(tmp_path):
    """A workbook's first sheet, times and empty cells included."""
    path = tmp_path / "calls.xlsx"
    times = [datetime(2026, 3, 2, 7, 12), None]  # noqa: DTZ001  a workbook's times have no zone
    pd.DataFrame({"Note": ["asleep in doorway", "has a knife"], "When": times, "Prio": [3, None]}).to_excel(
        path, index=False
    )
    mapped = tmp_path / "map.toml"
    mapped.write_text(
        'time_zone = "America/New_York"\ntime_formats = ["%Y-%m-%d %H:%M:%S"]\n'
        '[columns]\nnarrative = "Note"\nreceived_at = "When"\npriority = "Prio"\n'
    )
    ingest_file(path, tmp_path / "c.jsonl", columns=load_map(mapped))
    rows = list(records(tmp_path / "c.jsonl"))
    assert [row["received_at"] for row in rows] == ["2026-03-02T12:12:00.000000Z", None]
    assert rows[1]["narrative"] == "has a knife"


class TestColumnMap:
    """Maps are data, and wrong ones are named."""

    @pytest.mark.parametrize("path", sorted(MAPS.glob("*.toml")), ids=lambda path: path.stem)
    def test_shipped_maps_load(self, path):
        """Each names a narrative, or says that its files have none."""
        columns = load_map(path.stem)
        assert ("narrative" in columns.columns) != columns.without_notes

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[columns]\nzone = "z"\n', "no narrative"),
            ('[columns]\nnarrative = "n"\nshoe_size = "s"\n', "unknown key"),
            ('colour = "blue"\n[columns]\nnarrative = "n"\n', "unknown key"),
            ('time_zone = "Mars/Olympus"\n[columns]\nnarrative = "n"\n', "no such time zone"),
            ("[columns", "not TOML"),
        ],
    )
    def test_wrong_maps_are_named(self, tmp_path, text, said):
        """Fault, value, remedy."""
        path = tmp_path / "m.toml"
        path.write_text(text)
        with pytest.raises(InvalidConfig, match=said):
            load_map(path)

    def test_an_unknown_map_lists_the_shipped(self):
        """The remedy names what there is."""
        with pytest.raises(InvalidConfig, match="ma-police-log"):
            load_map("nowhere")

    @pytest.mark.parametrize("name", ["ma-police-log", "campus-crime-log", "open-data-cad"])
    def test_a_guessed_map_finds_what_the_shipped_one_says(self, tmp_path, name):
        """The proposal agrees on narrative, number, time and call type."""
        path = tmp_path / "guess.toml"
        path.write_text(guess_map(list(records(EXAMPLES / f"{name}.csv"))))
        guessed, shipped = load_map(path), load_map(name)
        for target in ("call_id", "received_at", "call_type"):
            assert guessed.columns[target] == shipped.columns[target]
        assert guessed.columns["narrative"][0] in shipped.columns["narrative"]

    def test_the_command_prints_a_proposal(self):
        """`--guess-map` writes TOML and stops."""
        code, out, _ = heartline("ingest", "--guess-map", str(EXAMPLES / "campus-crime-log.csv"))
        assert code == 0
        assert 'narrative = "Synopsis"' in out

    def test_columns_are_joined_and_values_translated(self):
        """Several columns make one field; a map's words replace the agency's."""
        columns = ColumnMap("m", {"narrative": ("a", "b"), "source": ("s",)}, {"source": {"E911": "911"}})
        assert columns.apply({"a": "one", "b": "two", "s": "E911"}) == {"narrative": "one\ntwo", "source": "911"}


class TestHistory:
    """Counts of earlier calls come from the past only."""

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5 * DAY)), min_size=1, max_size=60))
    def test_counts_equal_a_plain_count_of_the_past(self, calls):
        """Against the obvious double loop, ties and all."""
        keys = np.array([key for key, _ in calls], dtype=np.uint64)
        seconds = np.array([second for _, second in calls], dtype=np.int64)
        expected = [
            sum(1 for other, then in calls if other == key and second - DAY <= then < second) for key, second in calls
        ]
        assert earlier_calls(keys, seconds, DAY).tolist() == expected

    def test_later_calls_change_nothing(self):
        """Taking the future away leaves the counts as they were."""
        start = datetime(2026, 1, 1, tzinfo=UTC)
        times = [(start + timedelta(hours=7 * n)).isoformat() for n in range(40)]
        frame = pd.DataFrame({"received_at": times, "caller_key": ["a", "b"] * 20, "address_key": None})
        whole, part = fill(compact(frame)), fill(compact(frame.head(20)))
        assert whole.head(20)["calls_30d"].tolist() == part["calls_30d"].tolist()

    def test_the_larger_of_caller_and_address_counts_and_given_counts_stay(self):
        """Rows without a key or a time stay missing."""
        start = datetime(2026, 1, 1, tzinfo=UTC)
        frame = pd.DataFrame(
            {
                "received_at": [(start + timedelta(minutes=n)).isoformat() for n in range(4)] + [None],
                "caller_key": ["a", "b", "a", None, "a"],
                "address_key": ["x", "x", "x", None, "x"],
                "calls_24h": [None, 9, None, None, None],
            }
        )
        filled = fill(compact(frame))
        assert filled["calls_24h"].tolist()[:3] == [0, 9, 2]
        assert filled["calls_24h"].isna().tolist() == [False, False, False, True, True]

    def test_it_is_vectorised(self):
        """A hundred thousand calls are counted well within a second or two."""
        rng = np.random.default_rng(0)
        seconds = np.sort(rng.integers(0, 365 * DAY, 100_000)).astype(np.int64)
        counts = earlier_calls(rng.integers(0, 5000, 100_000).astype(np.uint64), seconds, history.WINDOWS["calls_30d"])
        assert counts.min() == 0
        assert 1 < counts.mean() < 2.2


class TestContract:
    """The pandera schema says what a labelled call is."""

    def test_the_schema_and_the_data_card_name_the_same_columns(self):
        """Every column of the contract is in data/README.md, and is a field, a key or a label."""
        card = (ROOT / "data" / "README.md").read_text()
        assert set(contract.schema().columns) == {*FIELDS, *KEYS, *LABELS}
        assert all(f"`{column}`" in card for column in contract.schema().columns)
        assert all(word in card for word in chain.from_iterable(LABEL_WORDS.values()))

    def test_a_table_that_breaks_it_is_refused_without_its_notes(self):
        """The column and the number of rows are named."""
        frame = pd.DataFrame({"narrative": ["secret"], "source": ["pigeon"]}, dtype=object)
        with pytest.raises(InvalidData, match="source") as caught:
            contract.check(frame)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(("word", "count"), [("injury", 1), ("none", 0), ("backup requested", 1)])
    def test_adverse_events_are_kinds(self, tmp_path, word, count):
        """What happened is kept; training reads any of the kinds as an adverse event."""
        path = tmp_path / "c.jsonl"
        path.write_text(json.dumps({"narrative": "x", "adverse_event": word}))
        ingest_file(path, tmp_path / "out.csv")
        assert int(read_table(tmp_path / "out.csv").labels["adverse_event"][0]) == count
