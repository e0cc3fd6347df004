"""The parts of the console that need no browser: both languages, keys, cookies, and counts of decisions."""

import re
from pathlib import Path

import pytest

from models.ledger.decision_table import COLUMNS, decision_table
from models.ledger.queries import Entry
from models.ledger.records import OVERRIDE_REASONS
from models.programs.call_types import shipped
from models.signals.lexicon import load_lexicon
from serving.console.call_page import invented_calls
from serving.console.keys import keys
from serving.console.render import HERE
from serving.console.translations import LANGUAGES, texts
from serving.decisions.trial import arm

ROOT = Path(__file__).parents[3]
KEPT = {"call": {"call_type": "Trespass", "zone": "D1"}, "rules": [], "codes": [], "missing": [], "final": True,
        "versions": {"model": "m", "rulebook": "r", "program": "p", "text": "t"}}  # fmt: skip


def table_of(entries):
    """Return the decision table of some entries, call types read as shipped."""
    return decision_table(entries, call_types=shipped())


def test_both_languages_say_everything():
    """A key that one language lacks would be a hole in the page."""
    english, spanish = texts()["en"], texts()["es"]
    assert set(english) == set(spanish)
    assert all(isinstance(value, str) and value for name, value in spanish.items() if name not in {"reasons", "signals"})
    for reason in OVERRIDE_REASONS:
        assert f"reason_{reason}" in english


def test_every_word_that_a_page_asks_for_exists():
    """The scripts and templates name no key that the texts lack."""
    asked = set()
    for path in [*(HERE / "static").rglob("*.js"), *(HERE / "templates").glob("*.html")]:
        asked |= set(re.findall(r"\bt\.([A-Za-z_]+)\b(?!\()", path.read_text(encoding="utf-8")))
    asked |= set(re.findall(r'(?<![a-z])t\["([a-z_0-9]+)"\]', (HERE / "panels.py").read_text(encoding="utf-8")))
    assert asked - {"reasons", "signals"} <= set(texts()["en"])


def test_every_key_of_the_sheet_is_explained_and_none_is_the_browsers():
    """Each command has its words in both languages; no key stands twice, and none belongs to a browser."""
    for language in LANGUAGES:
        table = keys(language)
        pressed = [(key.key, key.alt) for key in table]
        assert len(set(pressed)) == len(pressed)
        assert not set(pressed) & {(f"F{number}", False) for number in (1, 3, 5, 6, 7, 10, 11, 12)}
        assert not set(pressed) & {(letter, True) for letter in ("D", "E", "F", "ArrowLeft", "ArrowRight")}
        assert all(f"do_{key.command}" in texts()[language] for key in table)


def test_every_reason_is_said_in_spanish():
    """A code that policy or reasons can give has a sentence in Spanish."""
    source = "".join((ROOT / "models" / name).read_text(encoding="utf-8") for name in ("policy.py", "reasons.py"))
    codes = set(re.findall(r'Ground\("([a-z_]+)"', source)) | set(re.findall(r'code="([a-z_]+)"', source))
    assert len(codes) >= 10
    assert codes - {"invalid_call"} <= set(texts()["es"]["reasons"])


def test_every_signal_is_said_in_spanish():
    """Each signal of the lexicon has a sentence, and no sentence is left over."""
    assert set(texts()["es"]["signals"]) == {signal.id for signal in load_lexicon().signals}


def test_invented_calls_are_complete():
    """Each practice call says what the answer should be, and why."""
    assert len(invented_calls()) >= 8
    assert all(set(call) == {"call_type", "caller", "expected", "why"} for call in invented_calls())


class TestDecisionTable:
    """A call is one row of the table: its last judgement counts, and all of them stay in the ledger."""

    def entries(self, *contents):
        """Give entries their numbers."""
        return [Entry(number, {"decision_id": "d"} | content) for number, content in enumerate(contents, 1)]

    def decision(self, **more):
        """Return a decision's content."""
        return {"kind": "decision", "recommendation": "ELIGIBLE", "decided_at": "2026-01-01T00:00:00+00:00"} | KEPT | more

    def test_a_call_is_a_row_with_what_was_said_and_what_came(self):
        """Decision, judgement, outcome."""
        (row,) = table_of(self.entries(
            self.decision(), {"kind": "feedback", "human": "ELIGIBLE", "agreed": True, "reason": "agree", "elapsed_ms": 5},
            {"kind": "outcome", "served": True, "adverse_event": "none"},
        )).to_dict("records")  # fmt: skip
        assert list(row) == list(COLUMNS)
        assert (row["human"], row["agreed"], row["served"], row["unfit"], row["heart_type"]) == (
            "ELIGIBLE",
            True,
            True,
            False,
            "trespass",
        )

    def test_answers_while_typing_are_no_rows(self):
        """Only final decisions count."""
        assert table_of(self.entries(self.decision(final=False))).empty

    def test_a_withdrawn_judgement_counts_as_none(self):
        """Undo is a correction; the number of corrections is kept."""
        said = {"kind": "feedback", "human": "REVIEW", "agreed": False, "reason": "other"}
        (row,) = table_of(self.entries(self.decision(), said, said | {"withdrawn": True})).to_dict("records")
        assert (row["human"], row["corrections"]) == (None, 1)

    @pytest.mark.parametrize(("outcome", "unfit"), [({"served": False}, None), ({"served": True, "arrested": True}, True)])
    def test_unfit_is_known_only_where_a_team_went(self, outcome, unfit):
        """An arrest says that it was no call for an unarmed team; where nobody went, nothing is known."""
        (row,) = table_of(self.entries(self.decision(), {"kind": "outcome"} | outcome)).to_dict("records")
        assert row["unfit"] is unfit


class TestTrial:
    """Who sees a suggestion is drawn by incident number."""

    def test_the_same_call_always_falls_on_the_same_side(self):
        """And about the share asked for is hidden."""
        sides = [arm(f"2026-{number}", share=0.3, seed="s") for number in range(2000)]
        assert sides == [arm(f"2026-{number}", share=0.3, seed="s") for number in range(2000)]
        assert 0.26 < sides.count("silent") / len(sides) < 0.34

    def test_a_call_without_a_number_is_in_no_arm(self):
        """It cannot be drawn again, so its suggestion is shown."""
        assert arm(None, share=1.0, seed="s") is None
