"""A file without notes is counted by its call types alone, and the output says so."""

import json

from command import heartline

from models.programs.program import load_program
from pipelines.operations.retrospect import dispositions
from pipelines.operations.types_alone import has_notes, scored_by_type

ROWS = [
    {"narrative": "", "call_type": "TRESPASS", "received_at": "2026-03-03T14:00:00-05:00", "zone": "D1"},
    {"narrative": " ", "call_type": "TRESPASS", "received_at": "2026-03-03T03:00:00-05:00", "zone": "D1"},
    {"narrative": "", "call_type": "DVA", "received_at": "2026-03-03T14:00:00-05:00"},
    {"narrative": "", "call_type": "LARCENY", "received_at": "2026-03-03T14:00:00-05:00"},
]


def test_types_that_the_program_takes_count_and_dangerous_ones_are_vetoed(tmp_path):
    """By type, by hour, and never with a weapon or violence."""
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    assert not has_notes(path)
    scored = scored_by_type(path, load_program())
    assert dispositions(scored).tolist() == ["answered as it is now", "off duty", "vetoed", "below threshold"]


def test_the_command_says_that_no_note_was_read(tmp_path):
    """No model is needed, and none is named."""
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    code, out, err = heartline("retrospect", "--data", str(path), "--runs", str(tmp_path / "none"))
    assert code == 0, err
    assert "call type alone" in err
    assert "1" in out


def test_one_note_makes_it_a_file_with_notes(tmp_path):
    """A file with notes is decided by the model."""
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, [*ROWS, {"narrative": "asleep"}])))
    assert has_notes(path)
