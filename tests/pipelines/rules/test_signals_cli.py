"""`heartline signals` checks, explains and counts, and never shows a note that it was not given to show."""

import csv

import pytest
from city import OWN_SIGNAL
from command import ROOT, heartline

from models.signals import load_lexicon
from pipelines.rules.signals import shared


def test_what_is_wrong_with_a_city_s_file_is_shown(tmp_path):
    """An example that does not fire, one that does, and a pattern written twice are named, with exit code 1."""
    path = tmp_path / "own.toml"
    text = OWN_SIGNAL.replace('"two at the river walk"', '"two by the river"')
    text = text.replace('"on the walk"', '"on the river walk"')
    path.write_text(text.replace('["{at|on} the river walk"]', '["{at|on} the river walk", "{at|on} the river walk"]'))
    code, out, _ = heartline("signals", "check", "--signals", str(path))
    assert code == 1
    assert 'river-walk: "two by the river" does not fire' in out
    assert 'river-walk: "on the river walk" fires and should not' in out
    assert "is written twice" in out


def test_patterns_that_several_signals_hold_are_named():
    """A pattern of a city's own signal that a shipped one holds too is listed with both ids."""
    table = {"signal": [{**_entry(), "patterns": ["mumbling"], "fires": ["mumbling"] * 5, "silent": ["a", "b", "c"]}]}
    assert '"mumbling": hears-voices, own' in shared(load_lexicon(table))


def _entry():
    """Return the parts of a signal that a test does not change."""
    return {"id": "own", "group": "welfare", "sentence": "Own", "reason": "A test."}


def test_explain_shows_words_assertion_and_what_was_set_aside():
    """Each signal has a line with its place, id, group, assertion and sentence; near-misses are shown as such."""
    code, out, _ = heartline("signals", "explain", "male refuses to leave, denies SI, phone battery is going to die")
    assert code == 0
    assert '"refuses to leave"  refuses-to-leave (unwanted), asserted: Refuses to leave' in out
    assert '"SI"  suicidal (suicide), negated' in out
    assert "wants-to-die (suicide), suppressed near-miss" in out
    assert "the program's own: unwanted" in out


def test_a_program_may_add_signals(tmp_path):
    """`[[signals.signal]]` in a program's file is found beside the shipped ones."""
    program = (ROOT / "models/programs/durham-heart.toml").read_text(encoding="utf-8")
    path = tmp_path / "town.toml"
    path.write_text(program + OWN_SIGNAL.replace("[[signal]]", "[[signals.signal]]"), encoding="utf-8")
    code, out, _ = heartline("signals", "explain", "female on the river walk", "--program", str(path))
    assert code == 0
    assert "river-walk (welfare)" in out


def test_a_program_s_faulty_signals_are_an_error(tmp_path):
    """A key that signals do not have ends the command with exit code 2 and names the signal."""
    program = (ROOT / "models/programs/durham-heart.toml").read_text(encoding="utf-8")
    path = tmp_path / "town.toml"
    entry = OWN_SIGNAL.replace("[[signal]]", "[[signals.signal]]").replace("reason", "because")
    path.write_text(program + entry, encoding="utf-8")
    code, _, err = heartline("signals", "check", "--program", str(path))
    assert code == 2
    assert "river-walk" in err


@pytest.fixture
def calls(tmp_path):
    """Return a small labelled file: a signal of the program, one of others, and a row that nothing fires on."""
    path = tmp_path / "calls.csv"
    rows = [
        ("refuses to leave the lobby", "yes"),
        ("car alarm sounding", "no"),
        ("zzyzx quux", "no"),
        ("denies SI", "unsure"),
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("narrative", "eligible"), *rows])
    return path


def test_report_counts_by_label_and_names_rows_not_notes(calls):
    """Every signal has its count, share and labels; rows without a signal are named by number, and no note is shown."""
    code, out, _ = heartline("signals", "report", "--data", str(calls))
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.strip().startswith("refuses-to-leave ")]
    assert line.split() == ["refuses-to-leave", "1", "25.0%", "1", "0", "0"]
    assert "all calls      any signal 2 of 4 (50.0%)" in out
    assert "eligible       any signal 1 of 1 (100.0%); one of the program's own 1 of 1 (100.0%)" in out
    assert [line.strip() for line in out.splitlines() if "row " in line] == ["row 3: not eligible", "row 4: unsure"]
    assert "zzyzx" not in out
