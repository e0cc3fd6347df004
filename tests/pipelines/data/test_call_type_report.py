"""The report names the call types of a file that are not known, by their share of calls, and writes the table to fill in."""

import json
import tomllib

from command import heartline

from models.programs.call_types import CallTypes
from pipelines.data.call_type_report import call_types_toml, report_call_types, report_lines

TYPES = ["Zorbing"] * 3 + ["Trespass"] * 5 + ["CHECK WELL-BEIN"] * 2 + [None]


def test_shares_are_of_calls_with_a_type():
    """Three of ten are not known, two were guessed."""
    report = report_call_types(TYPES, CallTypes())
    assert (report.calls, report.missing) == (10, 1)
    lines = list(report_lines(report))
    assert "unmapped    30.0%  1 types" in lines
    assert any(line.startswith("not known  30.00%  Zorbing") for line in lines)
    assert any("CHECK WELL-BEIN -> welfare_check" in line for line in lines)


def test_the_nearest_known_types_are_named():
    """A typing slip finds what was meant."""
    report = report_call_types(["Trezpaz", "Trespass"], CallTypes())
    assert any("nearest: Trespass" in line for line in report_lines(report))


def test_the_table_is_a_programs_own_call_types():
    """Filled in, it settles them."""
    table = tomllib.loads(call_types_toml(report_call_types(TYPES, CallTypes())))["call_types"]
    assert table == {"Zorbing": "unmapped", "CHECK WELL-BEIN": "welfare_check"}
    own = CallTypes(table | {"Zorbing": "trespass"})
    assert own.canonical("zorbing").confidence == "exact"


def test_the_command_reports_and_writes(tmp_path):
    """`heartline call-types report --data FILE --write FILE`."""
    path, to = tmp_path / "c.jsonl", tmp_path / "own.toml"
    path.write_text("\n".join(json.dumps({"narrative": "x", "Call Type": kind}) for kind in TYPES))
    code, out, _ = heartline("call-types", "report", "--data", str(path), "--write", str(to))
    assert code == 0
    assert "Zorbing" in out
    assert "Zorbing" in tomllib.loads(to.read_text())["call_types"]
    mapped = tmp_path / "m.toml"
    mapped.write_text('without_notes = true\n[columns]\ncall_type = "Call Type"\n')
    assert heartline("call-types", "report", "--data", str(path), "--map", str(mapped))[1] == out
