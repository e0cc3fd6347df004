"""A column map is proposed from an export's header and values, and says what it does not know."""

import tomllib

import pytest
import yaml
from command import ROOT

from pipelines.data.column_map import load_map
from pipelines.data.guess_map import guess_columns, guess_map

HEADERS = ROOT.parent / "shared" / "formats" / "city_headers.yaml"


@pytest.mark.skipif(not HEADERS.is_file(), reason="../shared/formats is not at hand")
def test_at_least_eighteen_of_twenty_cities_headers_are_read_right():
    """Every field of the map a reader would write, and no other; no note is proposed where there is none."""
    cities = yaml.safe_load(HEADERS.read_text(encoding="utf-8"))
    wanted = [
        {key: named if isinstance(named, list) else [named] for key, named in city["map"].items() if named}
        for city in cities
    ]
    guessed = [guess_columns(city["header"]) for city in cities]
    assert all("narrative" not in columns for columns in guessed)
    assert sum(map(dict.__eq__, guessed, wanted)) >= 18


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("03/02/2026 07:12:05AM", "%m/%d/%Y %I:%M:%S%p"),
        ("03/02/2026 07:12 AM", "%m/%d/%Y %I:%M %p"),
        ("03/02/2026 0712", "%m/%d/%Y %H%M"),
        ("3/2/26 7:12", "%m/%d/%y %H:%M"),
        ("20260302071205", "%Y%m%d%H%M%S"),
    ],
)
def test_time_formats_are_found_from_the_values(value, form):
    """The proposal reads the times of the file."""
    table = tomllib.loads(guess_map([{"call_time": value, "notes": "calm"}]))
    assert table["time_formats"] == [form]


def test_iso_times_need_no_format_and_unknown_ones_are_asked_for():
    """What cannot be read is said in the proposal."""
    assert "time_formats" not in tomllib.loads(guess_map([{"call_time": "2026-03-02T07:12:05", "notes": "calm"}]))
    assert "fits no known format" in guess_map([{"call_time": "2. March", "notes": "calm"}])


def test_date_and_time_in_two_columns_are_joined():
    """Neither alone says when the call came in."""
    rows = [{"Call Date": "03/02/2026", "Call Time": "07:12:05AM", "Nature": "Trespass", "Narrative": "asleep"}]
    table = tomllib.loads(guess_map(rows))
    assert table["columns"]["received_at"] == ["Call Date", "Call Time"]
    assert table["time_formats"] == ["%m/%d/%Y %I:%M:%S%p"]


def test_the_initial_type_and_priority_are_taken_and_not_the_final():
    """What is known only after the call would leak into training."""
    columns = guess_columns(["Final Call Type", "Initial Call Type", "Final Priority", "Initial Priority", "Event Number"])
    assert (columns["call_type"], columns["priority"]) == (["Initial Call Type"], ["Initial Priority"])


def test_no_narrative_is_proposed_without_a_text_column(tmp_path):
    """Addresses are no notes, however long; the proposal says so and loads."""
    rows = [{"Event Number": f"{n}", "Nature": "TRESPASS", "Address": f"{n}00 BLK OF NORTH ROXBORO ST"} for n in range(9)]
    proposal = guess_map(rows)
    assert tomllib.loads(proposal)["without_notes"] is True
    (tmp_path / "m.toml").write_text(proposal)
    assert "narrative" not in load_map(tmp_path / "m.toml").columns


def test_a_column_of_sentences_is_a_note_whatever_its_name():
    """The values give it away."""
    rows = [{"id": str(n), "txt": f"caller {n} says that the man will not leave the porch"} for n in range(9)]
    assert guess_columns(list(rows[0]), rows)["narrative"] == ["txt"]


def test_durhams_open_data_comes_in_by_its_own_map():
    """The shipped map of Durham names its two columns of time and of place, and no note."""
    durham = load_map("durham-open-data")
    row = durham.apply(
        {
            "Event Number": "25-1", "Call Date": "03/02/2025", "Call Time": "07:12:05AM", "Source": "9-1-1", "Priority": "3",
            "Nature": "TRESPASS OR UNWANTED", "Address": "100 BLK", "District": "D2", "Beat": "213",
        }
    )  # fmt: skip
    assert durham.without_notes
    assert (row["received_at"], row["zone"]) == ("2025-03-02T07:12:05-05:00", "D2 213")
