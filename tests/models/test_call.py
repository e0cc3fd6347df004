"""A call is read from what cities have, and refused with the field's name where it cannot be."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.call import METADATA, Answer, Call, CallerParty, Source
from models.errors import InvalidCall
from models.reading import Reader
from serving.schemas import CallIn


def test_only_the_narrative_is_needed():
    """Every metadata field may be missing, and is listed as such."""
    assert Call(narrative="male asleep").missing == METADATA


def test_a_missing_answer_is_not_the_answer_none():
    """Missing is never read as safe."""
    assert Call.from_record({"narrative": "x", "weapons_answer": ""}).weapons_answer is None
    assert Call.from_record({"narrative": "x", "weapons_answer": "none"}).weapons_answer is Answer.NONE


def test_a_full_row_of_text_is_read():
    """A CSV row, all text, becomes a typed call."""
    call = Call.from_record(
        {
            "narrative": "x",
            "received_at": "2026-03-01T03:12:00-05:00",
            "source": "911",
            "caller_party": "Third",
            "calls_24h": "35.0",
            "premise_hazard": "no",
            "priority": 2.0,
        }
    )
    assert (call.source, call.caller_party, call.calls_24h) == (Source.EMERGENCY, CallerParty.THIRD, 35)
    assert (call.premise_hazard, call.priority) == (False, "2")
    assert call.received_at == datetime(2026, 3, 1, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize("at", ["2026-03-01T03:12:00-05:00", "2026-03-01T08:12:00Z", "2026-03-01T21:12:00+13:00"])
def test_one_instant_is_one_call_however_it_is_written(at):
    """The offset that a client writes changes neither the call, nor its record, nor the hour that the model reads."""
    call = Call.from_record({"narrative": "x", "received_at": at})
    assert call == Call(narrative="x", received_at=datetime.fromisoformat(at))
    assert call.to_record()["received_at"] == "2026-03-01T08:12:00.000000Z"
    assert CallIn(narrative="x", received_at=at).to_call() == call
    assert Reader(time_zone=ZoneInfo("America/New_York")).read(call).local_time.hour == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("received_at", "2026-03-01T03:12:00"),
        ("received_at", "2026-03-01"),
        ("received_at", "1772352720"),
        ("received_at", "0001-01-01T00:00:00+05:00"),
        ("received_at", "9999-12-31T23:00:00-05:00"),
        ("received_at", "yesterday"),
        ("source", "carrier pigeon"),
        ("calls_24h", "-1"),
        ("calls_24h", "many"),
        ("calls_30d", "1.5"),
        ("premise_hazard", "perhaps"),
        ("weapons_answer", "maybe"),
        ("zone", "z" * 201),
    ],
)
def test_a_field_that_cannot_be_read_is_named(field, value):
    """The error names field, fault and remedy, and never the note."""
    with pytest.raises(InvalidCall) as caught:
        Call.from_record({"narrative": "the secret note", field: value})
    assert caught.value.field == field
    assert caught.value.remedy
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("narrative", ["n" * 65_537, 17, "half a \ud800 pair"])
def test_a_note_that_cannot_be_kept_is_refused_without_being_shown(narrative):
    """Too long, no text, or not Unicode: refused by name."""
    with pytest.raises(InvalidCall) as caught:
        Call.from_record({"narrative": narrative})
    assert caught.value.field == "narrative"
    assert "nnn" not in str(caught.value)


@given(st.text(max_size=200), st.sampled_from([None, *Answer]), st.sampled_from([None, 0, 7]))
def test_a_call_survives_its_record(narrative, answer, count):
    """Writing and reading a call gives the same call."""
    call = Call(narrative=narrative, weapons_answer=answer, calls_24h=count)
    assert Call.from_record(call.to_record()) == Call(
        narrative=narrative if narrative.strip() else "", weapons_answer=answer, calls_24h=count
    )
