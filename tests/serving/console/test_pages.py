"""The console's parts that need no browser: words in both languages, vendored files, cookies, and a casebook's counts."""

import base64
import hashlib
import re
import time

import pytest

from models.ledger.decision_table import COLUMNS, casebook
from models.ledger.records import OVERRIDE_REASONS
from models.ledger.writer import Entry
from serving.console.render import HERE
from serving.console.translations import texts
from serving.decisions.trial import arm
from serving.security.sessions import Cookies

KEPT = {"call": {"call_type": "Trespass", "zone": "D1"}, "rules": [], "codes": [], "missing": [], "final": True,
        "versions": {"model": "m", "rulebook": "r", "program": "p", "text": "t"}}  # fmt: skip


def test_both_languages_say_everything():
    """A key that one language lacks would be a hole in the page."""
    english, spanish = texts()["en"], texts()["es"]
    assert set(english) == set(spanish)
    assert all(isinstance(value, str) and value for name, value in spanish.items() if name != "reasons")
    for reason in OVERRIDE_REASONS:
        assert f"reason_{reason}" in english


def test_every_word_that_a_page_asks_for_exists():
    """The scripts and templates name no key that the texts lack."""
    asked = set()
    for path in [*(HERE / "static").glob("*.js"), *(HERE / "templates").glob("*.html")]:
        asked |= set(re.findall(r"\bt\.([a-z_]+)\b(?!\()", path.read_text(encoding="utf-8")))
    assert asked - {"reasons"} <= set(texts()["en"])


def test_vendored_files_are_what_was_published():
    """Each file's hash is the one written down beside it, with its licence."""
    vendor = HERE / "static" / "vendor"
    listed = dict(re.findall(r"^\| `([\w.]+)` .* `([\w+/=]+)` \|$", (vendor / "README.md").read_text(), flags=re.MULTILINE))
    files = {path.name for path in vendor.glob("*.js")}
    assert set(listed) == files
    for name, digest in listed.items():
        assert base64.b64encode(hashlib.sha384((vendor / name).read_bytes()).digest()).decode() == digest


class TestCookies:
    """A session is signed, ends, and cannot be made elsewhere."""

    def test_a_cookie_names_its_person(self):
        """What was signed is read back."""
        assert Cookies(b"k").read(Cookies(b"k").make("ann", ["clinician"])) == ("ann", ["clinician"])

    @pytest.mark.parametrize("change", [lambda c: c[:-1] + "0", lambda c: "x" + c, lambda c: c[:0], lambda c: f"é.é{c[:0]}"])
    def test_a_changed_cookie_is_nobodys(self, change):
        """One character, and it is void."""
        good = Cookies(b"k").make("ann", ["clinician"])
        changed = change(good)
        assert changed == good or Cookies(b"k").read(changed) is None

    def test_another_key_and_another_day_are_nobodys(self, monkeypatch):
        """It is good for a shift, at this service."""
        made = Cookies(b"k").make("ann", ["clinician"])
        assert Cookies(b"other").read(made) is None
        then = time.time() + 13 * 3600
        monkeypatch.setattr(time, "time", lambda: then)
        assert Cookies(b"k").read(made) is None


class TestCasebook:
    """The ledger as a table: the last word counts, and all words stay in the ledger."""

    def entries(self, *contents):
        """Give entries their numbers."""
        return [Entry(number, {"decision_id": "d"} | content) for number, content in enumerate(contents, 1)]

    def decision(self, **more):
        """Return a decision's content."""
        return {"kind": "decision", "recommendation": "ELIGIBLE", "decided_at": "2026-01-01T00:00:00+00:00"} | KEPT | more

    def test_a_call_is_a_row_with_what_was_said_and_what_came(self):
        """Decision, judgement, outcome."""
        (row,) = casebook(self.entries(
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
        assert casebook(self.entries(self.decision(final=False))).empty

    def test_a_withdrawn_judgement_counts_as_none(self):
        """Undo is a correction; the number of corrections is kept."""
        said = {"kind": "feedback", "human": "REVIEW", "agreed": False, "reason": "other"}
        (row,) = casebook(self.entries(self.decision(), said, said | {"withdrawn": True})).to_dict("records")
        assert (row["human"], row["corrections"]) == (None, 1)

    @pytest.mark.parametrize(("outcome", "unfit"), [({"served": False}, None), ({"served": True, "arrested": True}, True)])
    def test_unfit_is_known_only_where_a_team_went(self, outcome, unfit):
        """An arrest says that it was no call for an unarmed team; where nobody went, nothing is known."""
        (row,) = casebook(self.entries(self.decision(), {"kind": "outcome"} | outcome)).to_dict("records")
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
