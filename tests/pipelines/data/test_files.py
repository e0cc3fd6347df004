"""Files as agencies send them: read whole, or refused with the row and a remedy; no note is lost or emptied in silence."""

import codecs
import csv
import gzip
import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import heartline
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import InvalidConfig, InvalidData
from pipelines.data.column_map import load_map
from pipelines.data.ingest import ingest_file
from pipelines.data.readers import records
from pipelines.data.table import read_table

NOTES = ["male asleep in doorway", 'says "leave me", has a knife', "señora está llorando – no quiere hablar"]
HEADER = "call_id,narrative,received_at"


def ingested(path, to=None, **options):
    """Return the report of a file's ingest, and the rows that were written."""
    to = to or path.with_suffix(".out.jsonl")
    report = ingest_file(path, to, **options)
    return report, [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()]


def mapped(tmp_path, text):
    """Return a column map written as TOML."""
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return load_map(path)


def write_table(path, rows):
    """Write calls with notes that compress badly to a file of the kind that its name says."""
    letters = random.Random(1)  # noqa: S311  letters of a test's file
    notes = ["".join(letters.choices("abcdefgh ", k=50)) for _ in range(rows)]
    table = pd.DataFrame({"call_id": [str(number) for number in range(rows)], "narrative": notes})
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as database:
            table.to_sql("calls", database, index=False)
    elif ".json" in path.name:
        table.to_json(path, orient="records", lines=".jsonl" in path.name)
    else:
        {".parquet": table.to_parquet, ".xlsx": table.to_excel, ".gz": table.to_csv}[path.suffix](path)


class TestText:
    """CSV and its kin."""

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    @pytest.mark.parametrize(
        ("encoding", "mark"),
        [
            ("utf-8", b""),
            ("utf-8", codecs.BOM_UTF8),
            ("utf-16", b""),
            ("utf-16-le", b""),
            ("utf-16-be", b""),
            ("cp1252", b""),
        ],
    )
    def test_every_separator_and_encoding_keeps_every_note(self, tmp_path, separator, encoding, mark):
        """The notes come in letter for letter, and how the file was read is said."""
        path = tmp_path / "calls.csv"
        lines = [separator.join(("call_id", "narrative", "zone"))]
        lines += [separator.join((f"c{n}", '"' + note.replace('"', '""') + '"', "D1")) for n, note in enumerate(NOTES)]
        path.write_bytes(mark + "\r\n".join(lines).encode(encoding))
        report, rows = ingested(path)
        assert [row["narrative"] for row in rows] == NOTES
        assert {row["zone"] for row in rows} == {"D1"}
        assert any("read as" in notice for notice in report.notices)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        notes=st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\",;'"), min_size=1, max_size=40),
            min_size=1,
            max_size=8,
        ),
        delimiter=st.sampled_from(",;\t|"),
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    )
    def test_whatever_a_csv_writer_writes_is_read_back(self, tmp_path, notes, delimiter, encoding):
        """No character of any note moves, vanishes or spills into another column."""
        path = tmp_path / "any.csv"
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
            writer.writerows([["call_id", "narrative", "zone"], *(["c", note, "D1"] for note in notes)])
        assert [(row["narrative"], row["zone"]) for row in records(path)] == [(note, "D1") for note in notes]

    def test_trailing_commas_shift_nothing(self, tmp_path):
        """Separators after the last field are passed over and counted."""
        path = tmp_path / "c.csv"
        path.write_text(f"{HEADER}\n1,asleep in doorway,2026-03-02T07:12:00-05:00,\n2,has a knife,,,\n")
        report, rows = ingested(path)
        assert [(row["call_id"], row["narrative"]) for row in rows] == [("1", "asleep in doorway"), ("2", "has a knife")]
        assert any("2 rows have separators after their last field" in notice for notice in report.notices)

    def test_a_header_in_capitals_is_read(self, tmp_path):
        """`Narrative` and `Call ID` are the columns that they say."""
        path = tmp_path / "c.csv"
        path.write_text("Call ID,NARRATIVE,Call Type\n1,has a knife,Trespass\n")
        _, rows = ingested(path)
        assert (rows[0]["call_id"], rows[0]["narrative"], rows[0]["call_type"]) == ("1", "has a knife", "Trespass")

    def test_an_unquoted_comma_in_a_note_refuses_the_row(self, tmp_path):
        """A note that spills over its column is named and kept in the rejects, never cut."""
        path = tmp_path / "c.csv"
        path.write_text("call_id,narrative\n1,calm\n2,calm, then pulled a knife\n")
        report, rows = ingested(path)
        assert (report.refused, len(rows)) == (1, 1)
        rejects = pd.read_csv(path.with_suffix(".out.rejects.csv"))
        assert (rejects["row"][0], rejects["column"][0]) == (2, "row")
        assert "quotes" in rejects["reason"][0]
        assert "knife" in rejects["record"][0]

    def test_quoted_line_ends_stay_in_their_note(self, tmp_path):
        """A note of several lines is one note."""
        path = tmp_path / "c.csv"
        path.write_text('call_id,narrative\n1,"calm\nthen pulled a knife"\n2,asleep\n')
        assert [row["narrative"] for row in ingested(path)[1]] == ["calm\nthen pulled a knife", "asleep"]

    def test_a_quote_that_never_closes_is_refused_with_its_line(self, tmp_path):
        """The rest of a file is never swallowed into one note."""
        path = tmp_path / "c.csv"
        path.write_text('call_id,narrative\n1,"calm\n2,asleep\n3,has a knife\n')
        with pytest.raises(InvalidData, match="within quotes"):
            ingested(path)

    def test_a_stray_quote_refuses_its_row_and_keeps_the_others(self, tmp_path):
        """The row's line is named."""
        path = tmp_path / "c.csv"
        path.write_text('call_id,narrative\n1,"he said "leave" and left"\n2,asleep\n')
        report, rows = ingested(path)
        assert report.refusals == {"row": 1}
        assert [row["narrative"] for row in rows] == ["asleep"]

    def test_a_file_without_a_header_is_refused_or_named_by_its_map(self, tmp_path):
        """A first row of values is no header; the map may name the columns."""
        path = tmp_path / "c.csv"
        path.write_text("20260001,03/02/2026 07:12,asleep in doorway\n20260002,03/02/2026 08:12,has a knife\n")
        with pytest.raises(InvalidData, match="header"):
            ingested(path)
        text = (
            'time_zone="America/New_York"\ntime_formats=["%m/%d/%Y %H:%M"]\n[file]\nheader=["id","when","note"]\n[columns]\n'
        )
        columns = mapped(tmp_path, text + 'call_id="id"\nreceived_at="when"\nnarrative="note"\n')
        assert [row["narrative"] for row in ingested(path, columns=columns)[1]] == ["asleep in doorway", "has a knife"]

    def test_a_compressed_file_is_read(self, tmp_path):
        """`.csv.gz` is the CSV within."""
        path = tmp_path / "c.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write("call_id,narrative\n1,has a knife\n")
        assert [row["narrative"] for row in records(path)] == ["has a knife"]

    @pytest.mark.parametrize("content", [b"", b"\n\n"])
    def test_an_empty_file_is_refused(self, tmp_path, content):
        """There is nothing to read, and it is said."""
        path = tmp_path / "c.csv"
        path.write_bytes(content)
        with pytest.raises(InvalidData, match="empty"):
            list(records(path))

    def test_standard_input_is_sniffed_too(self, tmp_path):
        """Semicolons through a pipe."""
        to = tmp_path / "out.jsonl"
        code, _, err = heartline(
            "ingest", "--data", "-", "--out", str(to), stdin=b"call_id;narrative\n1;calm, has a knife\n"
        )
        assert code == 0, err
        assert json.loads(to.read_text())["narrative"] == "calm, has a knife"
        assert "semicolons" in err


class TestNotes:
    """What would lose notes is an error."""

    def test_no_note_column_is_an_error(self, tmp_path):
        """The columns are named, and how to map them."""
        path = tmp_path / "c.csv"
        path.write_text("call_id,remarks\n1,has a knife\n")
        with pytest.raises(InvalidData, match="no narrative column") as caught:
            ingested(path)
        assert "--map" in str(caught.value)
        with pytest.raises(InvalidData, match="narrative"):
            read_table(path)

    def test_a_map_that_names_a_missing_note_column_is_an_error(self, tmp_path):
        """A map of another export is not applied to this one."""
        path = tmp_path / "c.csv"
        path.write_text("call_id,remarks\n1,has a knife\n")
        with pytest.raises(InvalidData, match="Narrative"):
            ingested(path, columns=mapped(tmp_path, '[columns]\nnarrative="Narrative"\n'))

    def test_too_many_empty_notes_are_an_error(self, tmp_path):
        """More than half without a note is a wrong column; the share can be raised."""
        path = tmp_path / "c.jsonl"
        path.write_text("\n".join(json.dumps({"narrative": "calm" if n < 9 else " "}) for n in range(20)))
        with pytest.raises(InvalidData, match="too many notes are empty: '11 of 20'"):
            ingested(path)
        with pytest.raises(InvalidData, match="too many notes are empty"):
            read_table(path)
        assert ingested(path, max_empty=0.6)[0].empty == 11

    def test_a_short_file_without_any_note_is_an_error(self, tmp_path):
        """Below twenty rows one empty note proves nothing, and none but empty ones do."""
        path = tmp_path / "c.csv"
        path.write_text("call_id,narrative\n1,\n2, \n")
        with pytest.raises(InvalidData, match="every note is empty"):
            ingested(path)

    def test_a_file_without_notes_says_so(self, tmp_path):
        """Only a map that says so lets it in, for looking back on call types alone."""
        path = tmp_path / "c.csv"
        path.write_text("id,nature\n" + "\n".join(f"c{n},Trespass" for n in range(30)))
        columns = mapped(tmp_path, 'without_notes = true\n[columns]\ncall_id="id"\ncall_type="nature"\n')
        report, rows = ingested(path, columns=columns)
        assert len(rows) == 30
        assert any("no notes" in notice for notice in report.notices)


class TestJson:
    """JSON lines and arrays."""

    def test_a_broken_line_refuses_the_row_and_keeps_the_others(self, tmp_path):
        """The line is named in the rejects."""
        path = tmp_path / "c.jsonl"
        path.write_text('{"narrative": "calm"}\n{"narrative": "has a kn\n[1]\n{"narrative": "asleep"}\n')
        report, rows = ingested(path)
        assert [row["narrative"] for row in rows] == ["calm", "asleep"]
        assert report.refusals == {"row": 2}
        assert "line 2" in path.with_suffix(".out.rejects.csv").read_text()
        assert [reject.row for reject in read_table(path).rejects] == [2, 3]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_an_array_of_objects_is_read(self, tmp_path, encoding):
        """As Socrata gives it, with null fields left out and a nested location."""
        path = tmp_path / "c.json"
        rows = [{"narrative": "has a knife", "location": {"latitude": "1"}}, {"narrative": "calm"}]
        path.write_text(json.dumps(rows), encoding=encoding)
        assert [row["narrative"] for row in records(path)] == ["has a knife", "calm"]
        assert next(records(path))["location.latitude"] == "1"

    def test_geojson_features_are_rows(self, tmp_path):
        """The properties of each feature."""
        path = tmp_path / "c.geojson"
        feature = {"type": "Feature", "properties": {"narrative": "has a knife"}, "geometry": None}
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        assert list(records(path)) == [{"narrative": "has a knife"}]


class TestTables:
    """Tables of other programs."""

    def test_nested_parquet_is_flattened(self, tmp_path):
        """Structures become columns, and the entries of a list stand on lines."""
        path = tmp_path / "c.parquet"
        rows = [
            {"call": {"id": "1"}, "narrative": [{"at": "07:12", "text": "calm"}, {"at": "07:15", "text": "has a knife"}]}
        ]
        pq.write_table(pa.Table.from_pylist(rows), path)
        assert list(records(path)) == [{"call.id": "1", "narrative": "07:12 calm\n07:15 has a knife"}]

    def test_merged_headers_of_a_workbook_are_read(self, tmp_path):
        """A title row and a name merged over several columns."""
        path = tmp_path / "c.xlsx"
        book = openpyxl.Workbook()
        sheet = book.active
        for row in (
            ["CAD export 2026"],
            ["Call", None, "Note"],
            ["Number", "Nature", "Text"],
            ["1", "Trespass", "has a knife"],
        ):
            sheet.append(row)
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("A2:B2")
        book.save(path)
        assert list(records(path)) == [{"Call Number": "1", "Call Nature": "Trespass", "Note Text": "has a knife"}]

    def test_sqlite_is_read_by_its_only_table_or_by_name(self, tmp_path):
        """Two tables need a name."""
        path = tmp_path / "c.sqlite"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE calls (id TEXT, narrative TEXT)")
            database.execute("INSERT INTO calls VALUES ('1', 'has a knife')")
        assert list(records(path)) == [{"id": "1", "narrative": "has a knife"}]
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE units (id TEXT)")
        with pytest.raises(InvalidData, match="calls, units"):
            list(records(path))
        layout = mapped(tmp_path, '[file]\ntable="calls"\n[columns]\nnarrative="narrative"\n').layout
        assert len(list(records(path, layout))) == 1

    @pytest.mark.parametrize("ending", ["parquet", "xlsx", "xls", "sqlite", "csv.gz"])
    def test_a_file_of_another_kind_is_refused(self, tmp_path, ending):
        """A name does not make a file what it is not."""
        path = tmp_path / f"c.{ending}"
        path.write_bytes(b"not what it says\n" * 40)
        with pytest.raises(InvalidData):
            list(records(path))

    @pytest.mark.parametrize("damage", ["cut", "hole"])
    @pytest.mark.parametrize("ending", ["parquet", "xlsx", "sqlite", "csv.gz", "jsonl.gz", "json.gz"])
    def test_a_damaged_file_is_refused_by_name(self, tmp_path, ending, damage):
        """Cut off, or overwritten in the middle: never a traceback, and never the rows before it as if they were all."""
        path = tmp_path / f"c.{ending}"
        write_table(path, 1500)
        raw, middle = path.read_bytes(), path.stat().st_size // 2
        path.write_bytes(raw[:middle] if damage == "cut" else raw[:middle] + bytes(4096) + raw[middle + 4096 :])
        with pytest.raises(InvalidData):
            list(records(path))


class TestLog:
    """Dispatch logs as text."""

    MAP = (
        'time_zone="America/New_York"\ntime_formats=["%m/%d/%Y %H:%M"]\n[file]\n'
        "line='(?P<id>\\d+-\\d+) (?P<when>\\S+ \\S+) (?P<nature>[A-Z ]+): (?P<narrative>.*)'\n"
        '[columns]\ncall_id="id"\nreceived_at="when"\ncall_type="nature"\nnarrative="narrative"\n'
    )

    def test_a_declared_line_makes_entries(self, tmp_path):
        """Lines that begin no entry continue the one before."""
        path = tmp_path / "log.txt"
        first = "26-1 03/02/2026 07:12 WELFARE CHECK: aunt not seen\n  neighbor has a key\n"
        path.write_text(f"{first}26-2 03/02/2026 08:00 TRESPASS: asleep\n")
        _, rows = ingested(path, columns=mapped(tmp_path, self.MAP))
        assert [row["narrative"] for row in rows] == ["aunt not seen\nneighbor has a key", "asleep"]
        assert rows[0]["received_at"] == "2026-03-02T12:12:00.000000Z"

    def test_text_before_the_first_entry_is_refused_by_line(self, tmp_path):
        """Nothing is dropped in silence."""
        path = tmp_path / "log.txt"
        path.write_text("man with a knife\n26-2 03/02/2026 08:00 TRESPASS: asleep\n")
        report, _ = ingested(path, columns=mapped(tmp_path, self.MAP))
        assert report.refusals == {"row": 1}

    def test_a_wrong_expression_is_named(self, tmp_path):
        """The map is at fault."""
        path = tmp_path / "log.txt"
        path.write_text("x")
        with pytest.raises(InvalidConfig, match="regular expression"):
            ingested(path, columns=mapped(tmp_path, "[file]\nline='('\n[columns]\nnarrative='narrative'\n"))


class TestTimes:
    """Times that no call can have, or that cannot be told."""

    @pytest.mark.parametrize(
        ("when", "said"),
        [
            ("0026-03-02T07:12:00-05:00", "too long ago"),
            ("2031-01-01T00:00:00-05:00", "future"),
            ("2026-03-02T07:12:00", "no offset"),
            ("yesterday", "no time"),
            ("2026-02-30T07:12:00-05:00", "no time"),
        ],
    )
    def test_impossible_times_refuse_the_row(self, tmp_path, when, said):
        """By name, with the value."""
        path = tmp_path / "c.jsonl"
        path.write_text(
            "\n".join(json.dumps({"narrative": "calm", "received_at": at}) for at in ("2026-03-02T07:12:00-05:00", when))
        )
        report, rows = ingested(path, now=lambda: datetime(2026, 11, 1, tzinfo=UTC))
        assert (report.refusals, len(rows)) == ({"received_at": 1}, 1)
        assert said in pd.read_csv(path.with_suffix(".out.rejects.csv"))["reason"][0]

    def test_hours_that_the_clock_skipped_refuse_the_row(self, tmp_path):
        """Half past two on the night that clocks go forward does not exist."""
        path = tmp_path / "c.csv"
        path.write_text("when,note\n2026-03-08 01:30,calm\n2026-03-08 02:30,asleep\n2026-03-08 03:30,crying\n")
        columns = mapped(tmp_path, 'time_zone="America/New_York"\n[columns]\nreceived_at="when"\nnarrative="note"\n')
        rows = ingested(path, columns=columns)[1]
        assert [row["received_at"] for row in rows] == ["2026-03-08T06:30:00.000000Z", "2026-03-08T07:30:00.000000Z"]
        assert "clocks went forward" in pd.read_csv(path.with_suffix(".out.rejects.csv"))["reason"][0]

    def test_mixed_formats_are_read_by_a_list_of_them(self, tmp_path):
        """Each row by the first format that fits; another is refused."""
        path = tmp_path / "c.csv"
        path.write_text("when,note\n03/02/2026 07:12:05AM,a\n2026-03-02T08:00:00,b\n03/02/2026 0900,c\n2.3.2026,d\n")
        text = 'time_zone="America/New_York"\ntime_formats=["%m/%d/%Y %I:%M:%S%p","%m/%d/%Y %H%M"]\n[columns]\n'
        report, rows = ingested(path, columns=mapped(tmp_path, text + 'received_at="when"\nnarrative="note"\n'))
        assert [row["received_at"][11:16] for row in rows] == ["12:12", "13:00", "14:00"]
        assert report.refusals == {"received_at": 1}


class TestDuplicates:
    """Rows of one call."""

    ROWS = (
        {"call_id": "1", "narrative": "calm", "weapons_answer": "none", "zone": None},
        {"call_id": "2", "narrative": "asleep"},
        {"call_id": "1", "narrative": "calm\nhas a knife", "weapons_answer": "yes", "zone": "D1", "premise_hazard": True},
        {"call_id": None, "narrative": "x"},
        {"call_id": None, "narrative": "x"},
    )

    def write(self, tmp_path, rows):
        """Write rows as JSON lines."""
        path = tmp_path / "c.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return path

    def test_a_repeated_call_is_named(self, tmp_path):
        """Both rows are kept, and the later is named with the first."""
        report, rows = ingested(self.write(tmp_path, self.ROWS))
        assert (report.duplicates, report.collapsed, len(rows)) == ([(3, 1)], 0, 5)

    def test_units_are_collapsed_into_one_call(self, tmp_path):
        """Notes are joined, gaps filled, and the more cautious answer stands."""
        report, rows = ingested(self.write(tmp_path, self.ROWS), collapse_units=True)
        assert (report.collapsed, report.written, len(rows)) == (1, 4, 4)
        first = rows[0]
        assert (first["narrative"], first["weapons_answer"]) == ("calm\nhas a knife", "yes")
        assert (first["zone"], first["premise_hazard"]) == ("D1", True)

    def test_rows_of_one_call_with_other_labels_are_refused(self, tmp_path):
        """A label is never chosen in silence."""
        rows = [{"call_id": "1", "narrative": "calm", "eligible": word} for word in ("yes", "no", "yes")]
        report, written = ingested(self.write(tmp_path, rows), collapse_units=True)
        assert (report.refusals, report.collapsed, len(written)) == ({"eligible": 1}, 1, 1)

    def test_units_may_close_a_call_in_different_ways(self, tmp_path):
        """Each unit's own disposition is no label that is learnt; the first one's stays."""
        rows = [{"call_id": "1", "narrative": "calm", "outcome": word} for word in ("cancelled", "report")]
        report, written = ingested(self.write(tmp_path, rows), collapse_units=True)
        assert (report.refused, [row["outcome"] for row in written]) == (0, ["cancelled"])

    def test_the_command_collapses_and_says_so(self, tmp_path):
        """`--collapse-units`."""
        path = self.write(tmp_path, self.ROWS)
        code, _, err = heartline("ingest", "--data", str(path), "--out", str(tmp_path / "o.csv"), "--collapse-units")
        assert code == 0
        assert "row 3 repeats row 1" in err
        assert "1 rows were merged with an earlier row" in err
