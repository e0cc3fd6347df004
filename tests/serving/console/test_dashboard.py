"""What the dashboard counts: one row for each call, filters in local days, links, charts and exports."""

import io
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from models.ledger.queries import Entry
from models.programs.call_types import shipped
from models.statistics import share
from models.veto import VetoMatcher
from serving.console import charts
from serving.console.call_table import call_table
from serving.console.exports import export
from serving.console.filters import Filters
from serving.console.panels import counts, panels
from serving.console.translations import texts
from serving.console.unasked import unasked_panel

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 9, 15, tzinfo=UTC)
T = texts()["en"]


def decision(number, **more):
    """Return a decision's entry."""
    return {
        "kind": "decision", "decision_id": f"d{number}", "call_id": f"c{number}", "actor": "key:1:ann", "via": "stream",
        "final": True, "hidden": False, "held": [], "recommendation": "ELIGIBLE", "response": "community_response",
        "care_navigation": False, "eligible_probability": 0.9, "risk_probability": None, "risk_band": "unknown",
        "decided_at": "2026-03-08T17:00:00+00:00", "call": {"call_type": "Trespass", "zone": "D1"}, "rules": [], "codes": [],
        "versions": {"model": "m", "rulebook": "r", "program": "p", "text": "t"},
    } | more  # fmt: skip


VETO = {"recommendation": "NOT_ELIGIBLE", "codes": ["veto_weapon"], "rules": [{"rule_id": "edged", "code": "veto_weapon"}]}


def feedback(number, **more):
    """Return a judgement's entry."""
    return {"kind": "feedback", "decision_id": f"d{number}", "actor": "key:1:ann", "human": "ELIGIBLE", "reason": "agree",
            "elapsed_ms": 5000} | more  # fmt: skip


def table(*contents):
    """Return the calls of some entries."""
    return call_table(
        [Entry(seq, content) for seq, content in enumerate(contents, 1)], time_zone=str(ZONE), call_types=shipped()
    )


class TestCallTable:
    """A call is one row, whatever happened to it."""

    def test_a_call_decided_twice_is_one_row_that_tells_of_its_whole_life(self):
        """Cleared and agreed, then a knife and agreed again: the last decision stands, and the call was vetoed."""
        (row,) = table(
            decision(1), feedback(1), decision(2, call_id="c1", **VETO), feedback(2, human="NOT_ELIGIBLE")
        ).to_dict("records")
        assert (row["answer"], row["human"], row["agreed"], row["vetoed"], row["rules"]) == (
            "NOT_ELIGIBLE", "NOT_ELIGIBLE", True, True, ("edged",),
        )  # fmt: skip
        assert (row["answers"], row["judgements"], row["status"]) == (2, 2, "decided")

    def test_cad_that_closes_a_decided_call_leaves_the_decision(self):
        """The same suggestion again changes nothing; another one is a suggestion that nobody has decided on."""
        closing = decision(2, call_id="c1", via="cad", revision=4)
        (row,) = table(decision(1), feedback(1), closing).to_dict("records")
        assert (row["status"], row["human"], row["decision_id"], row["answers"]) == ("decided", "ELIGIBLE", "d1", 2)
        (row,) = table(decision(1), feedback(1), closing | VETO).to_dict("records")
        assert (row["status"], row["answer"], row["decision_id"]) == ("nobody", "NOT_ELIGIBLE", "d2")

    def test_a_veto_while_typing_counts_though_the_final_answer_has_none(self):
        """It was typed, taken back and cleared: `vetoed` tells of it."""
        (row,) = table(decision(1, final=False, **VETO), decision(2, call_id="c1")).to_dict("records")
        assert (row["answer"], row["vetoed"]) == ("ELIGIBLE", True)

    def test_a_typed_call_without_a_number_is_one_row(self):
        """Its answers are joined by the call they were typed into, and by the number once it is given."""
        typed = [decision(number, final=False, call_id=None, case="k") for number in range(3)]
        (row,) = table(*typed, decision(3, call_id="c9", case="k")).to_dict("records")
        assert (row["call_id"], row["answers"], row["status"]) == ("c9", 4, "nobody")

    def test_nobody_decided_and_left_while_typing_are_told_apart(self):
        """A final answer without a judgement, and a call that was never finished."""
        assert list(table(decision(1), decision(2, final=False))["status"]) == ["nobody", "typing"]

    def test_a_judgement_that_was_withdrawn_counts_as_none(self):
        """Undo leaves a call that nobody decided."""
        (row,) = table(decision(1), feedback(1), feedback(1, withdrawn=True)).to_dict("records")
        assert (row["status"], pd.isna(row["human"]), row["judgements"]) == ("nobody", True, 2)

    def test_an_unsafe_outcome_is_on_its_call(self):
        """What the team said stands in the row."""
        (row,) = table(decision(1), {"kind": "outcome", "decision_id": "d1", "served": True, "felt_safe": False}).to_dict(
            "records"
        )
        assert (row["served"], row["felt_safe"], row["unfit"]) == (True, False, False)

    def test_days_and_hours_are_the_programs(self):
        """Three in the morning in UTC is the evening before in Durham, on both sides of the change of clocks."""
        found = table(
            decision(1, decided_at="2026-03-08T03:30:00+00:00"), decision(2, decided_at="2026-07-08T03:30:00+00:00")
        )
        assert list(zip(found["day"], found["hour"], strict=True)) == [("2026-03-07", "22"), ("2026-07-07", "23")]


class TestFilters:
    """Filters are read from a URL, and faults are reported."""

    def test_a_period_is_local_days_both_included(self):
        """The day on which clocks change has 23 hours."""
        filters = Filters.read({"since": "2026-03-08", "until": "2026-03-08"}, time_zone=ZONE, now=NOW)
        begin, end = filters.instants(ZONE)
        assert (begin.isoformat(), end.isoformat()) == ("2026-03-08T05:00:00+00:00", "2026-03-09T04:00:00+00:00")

    @pytest.mark.parametrize(
        "query", [{"since": "2026-02-30"}, {"until": "yesterday"}, {"since": "2026-03-09", "until": "2026-03-01"}]
    )
    def test_a_wrong_day_is_told_and_the_usual_one_shown(self, query):
        """The page says which; nothing fails."""
        filters = Filters.read(query, time_zone=ZONE, now=NOW)
        assert filters.faults
        assert filters.since <= filters.until <= date(2026, 3, 9)

    @pytest.mark.parametrize(
        ("query", "left"),
        [({"incident": "C1"}, ["c1"]), ({"zone": "D2"}, ["c2"]), ({"vetoed": "yes"}, ["c2"]), ({"rule": "edged"}, ["c2"]),
         ({"status": "nobody"}, ["c2"]), ({"typing": "yes"}, ["c1", "c2", "c3"]), ({"band": "0.8-0.95"}, ["c1", "c2"]),
         ({"status": "typing"}, ["c3"]), ({"band": "x"}, []), ({}, ["c1", "c2"])],
    )  # fmt: skip
    def test_each_filter_leaves_its_calls(self, query, left):
        """By a part of the number, by zone, veto, rule, state and probability; typing only where it is asked for."""
        found = table(decision(1), feedback(1), decision(2, call={"zone": "D2"}, **VETO), decision(3, final=False))
        assert list(Filters.read(query, time_zone=ZONE, now=NOW).apply(found)["call_id"]) == left


@pytest.fixture(scope="module")
def found():
    """Return a table with something in every panel."""
    outcome = {"kind": "outcome", "served": True, "adverse_event": "none", "felt_safe": True, "unit": "community_response"}
    entries = []
    for number in range(12):
        entries.append(decision(number, eligible_probability=0.55 + number / 30, **(VETO if number % 4 == 3 else {})))
        if number % 5:
            human = "REVIEW" if number % 3 == 0 else ("NOT_ELIGIBLE" if number % 4 == 3 else "ELIGIBLE")
            entries.append(feedback(number, human=human, reason="agree" if number % 3 else "needs_police"))
        if number % 4 != 3:
            entries.append(outcome | {"decision_id": f"d{number}", "felt_safe": number != 2})
    return table(*entries, decision(99, final=False))


class TestPanels:
    """Every count leads to exactly the calls that it counts."""

    def test_links_count_what_they_say(self, found):
        """Following each link of each table gives as many calls as the cell says."""
        filters = Filters.read({}, time_zone=ZONE, now=NOW)
        shown = panels(filters.apply(found), filters, t=T, rulebook=VetoMatcher().rulebook, named=True)
        checked = 0
        for panel in shown:
            for cell in (cell for row in panel.rows for cell in row if cell.link and cell.text.isdigit()):
                query = dict(parse_qsl(urlsplit(cell.link).query))
                again = Filters.read(query, time_zone=ZONE, now=NOW).apply(found)
                assert len(again) == int(cell.text), (panel.name, cell)
                checked += 1
        assert checked > 25
        assert len(shown) == 14

    def test_questions_that_nobody_asked_are_counted_by_shift(self):
        """The last answer of each attended call counts, in the shift that began before it; links lead to those calls."""
        found = table(
            decision(1, questions=["weapons", "medical"], attended=True),
            decision(2, questions=["medical"], attended=True, decided_at="2026-03-08T06:00:00+00:00"),
            decision(3, questions=["weapons"], final=False, attended=True),
            decision(4, call_id="c3", questions=[], attended=True),
            decision(5, questions=["weapons"], attended=False),
            decision(6),
        )
        filters = Filters.read({}, time_zone=ZONE, now=NOW)
        panel = unasked_panel(filters.apply(found), filters, T)
        assert [[cell.text for cell in row] for row in panel.rows] == [
            ["2026-03-07 18:00", "0", "0", "1", "1", "1"],
            ["2026-03-08 06:00", "1", "0", "1", "1", "2"],
        ]
        for cell in (cell for row in panel.rows for cell in row if cell.link):
            query = dict(parse_qsl(urlsplit(cell.link).query))
            assert len(Filters.read(query, time_zone=ZONE, now=NOW).apply(found)) == int(cell.text)

    def test_the_head_tells_decided_undecided_and_typing(self, found):
        """Nothing is hidden in a sum."""
        filters = Filters.read({}, time_zone=ZONE, now=NOW)
        heads = [cell.text for cell in counts(filters.apply(found), found, filters, T)]
        assert heads == ["Calls: 12", "Decided: 9", "Nobody decided: 3", "While typing: 1"]

    def test_an_empty_table_has_panels_too(self):
        """Every panel works on an empty table."""
        filters = Filters.read({}, time_zone=ZONE, now=NOW)
        assert panels(table(), filters, t=T, rulebook=VetoMatcher().rulebook, named=False)


class TestExports:
    """A file that a spreadsheet cannot run, with booleans that are booleans."""

    def test_csv_quotes_formulas_and_writes_booleans(self):
        """A cell that begins with =, +, - or @ is text; true and false are words; what is not known is empty."""
        found = table(decision(1, call_id="=1+1", call={"zone": "@cmd"}), feedback(1), decision(2, call_id="c2"))
        rows = pd.read_csv(io.BytesIO(export(found, "csv")), dtype=str, keep_default_na=False)
        assert list(rows["call_id"]) == ["'=1+1", "c2"]
        assert rows["zone"][0] == "'@cmd"
        assert list(rows["agreed"]) == ["true", ""]
        assert set(rows["vetoed"]) == {"false"}

    def test_parquet_keeps_booleans_and_numbers(self):
        """Read back, the types are those of the table."""
        read = pd.read_parquet(io.BytesIO(export(table(decision(1), feedback(1)), "parquet")))
        assert (read["agreed"].dtype, read["vetoed"][0], read["elapsed_ms"][0]) == ("boolean", False, 5000)


def test_charts_escape_what_a_city_writes():
    """A zone with a tag in it is text in the picture."""
    drawn = charts.stacked_bars([("<script>", {"ELIGIBLE": 1, "REVIEW": 0, "NOT_ELIGIBLE": 2})], label='"zones"')
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "pattern" in charts.PATTERNS
    assert "<circle" in charts.timeline([("2026-03-02", share(3, 4, confidence=0.95))], label="agreement")
