"""Workbooks of before 2007 (BIFF) are read as what a person sees in them; a broken one is refused by name."""

from datetime import UTC, datetime

import pytest
import xlwt

from models.errors import InvalidData
from pipelines.data.column_map import load_map
from pipelines.data.ingest import ingest_file
from pipelines.data.readers import records

MAP = """
time_zone = "America/New_York"
[columns]
narrative = "Narrative"
call_id = "Incident"
call_type = "Nature"
received_at = "Received"
"""
NOTE = "RP adv male asleep in doorway, ñandú tattoo"


@pytest.fixture
def workbook(tmp_path):
    """Return an old workbook: a title, a header, a text, a number that Excel keeps as a float, a date, a blank row."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Calls")
    date = xlwt.easyxf(num_format_str="MM/DD/YYYY HH:MM")
    sheet.write(0, 0, "Police calls, March")
    for column, name in enumerate(("Incident", "Received", "Nature", "Narrative")):
        sheet.write(1, column, name)
    for row, (number, nature, note) in enumerate(((260001, "Trespass", NOTE), (260002, "Welfare Check", "has a knife"))):
        place = 2 + 2 * row  # every second row is blank
        sheet.write(place, 0, number)
        sheet.write(place, 1, datetime(2026, 3, 1, 14, 5 + row), date)  # noqa: DTZ001  a workbook's cell has no zone
        sheet.write(place, 2, nature)
        sheet.write(place, 3, note)
    path = tmp_path / "calls.xls"
    book.save(str(path))
    assert path.read_bytes()[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an OLE2 compound file, as Excel 97 wrote it
    return path


def test_an_old_workbook_is_read_with_its_header_dates_and_texts(workbook):
    """Titles and blank rows are passed over; every cell has the value that a person sees."""
    first, second = records(workbook)
    assert first == {
        "Incident": 260001, "Received": datetime(2026, 3, 1, 14, 5), "Nature": "Trespass", "Narrative": NOTE,  # noqa: DTZ001
    }  # fmt: skip
    assert second["Narrative"] == "has a knife"


def test_its_rows_become_calls(workbook, tmp_path):
    """Through ingest, the note, the call type and the number without a decimal point."""
    to, columns = tmp_path / "calls.csv", tmp_path / "map.toml"
    columns.write_text(MAP, encoding="utf-8")
    ingest_file(workbook, to, columns=load_map(str(columns)))
    first, second = records(to)
    assert (first["narrative"], first["call_type"]) == (NOTE, "Trespass")
    assert second["call_id"] == "260002"
    assert datetime.fromisoformat(str(second["received_at"])) == datetime(2026, 3, 1, 19, 6, tzinfo=UTC)


@pytest.mark.parametrize("size", [600, 2000, 4000])
def test_a_workbook_that_was_cut_off_is_refused(workbook, size):
    """Wherever the file ends, the fault is named and nothing is read by halves."""
    workbook.write_bytes(workbook.read_bytes()[:size])
    with pytest.raises(InvalidData, match="workbook cannot be read"):
        list(records(workbook))
