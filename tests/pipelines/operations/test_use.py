"""Monitoring, trials, replay and the public page work on a ledger of real decisions."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import uuid4

import numpy as np
import pytest
from command import heartline
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import ENCRYPTION, NOTE_KEY, created

from models.call import Call
from models.decision import PROGRAM_UNITS
from models.drift import watch
from models.errors import InvalidData
from models.ledger import archive
from models.ledger.decision_table import decision_table
from models.ledger.records import decision_content
from models.programs.call_types import shipped
from models.programs.program import PROGRAMS, load_program
from models.text.tokens import words_for_model
from models.veto.rulebook import RULEBOOK_PATH
from pipelines.operations import monitor, publish, trial
from pipelines.operations.replay import Replayer
from pipelines.settings import load_config

LIMITS = load_config().monitor


@pytest.fixture(scope="module")
def calls(corpus_table):
    """Return the calls of the small corpus's last part, which resemble what it was trained on."""
    return corpus_table.calls[-1600:]


@cache
def decided(router, call):
    """Return the decision for a call, made once for all tests of this file."""
    return router.decide(call)


def fill(ledger, router, calls, *, weeks=4, start=datetime(2026, 1, 5, tzinfo=UTC), **more):
    """Write decisions on calls evenly over some weeks as the service does; without weeks, all of now."""
    drafts = []
    for number, call in enumerate(calls):
        decision = replace(decided(router, call), decision_id=str(uuid4()))
        content = decision_content(
            call, decision, fingerprint=ENCRYPTION.fingerprint(call.narrative), actor="x", via="http", **more
        )
        if weeks:
            content["decided_at"] = (start + timedelta(weeks=weeks * number / len(calls))).isoformat()
        drafts.append(ledger.draft("decision", content, note=call.narrative))
    return [json.loads(json.dumps(entry.content)) for entry in ledger.submit(drafts).result(30)]


def tell(ledger, kind, said):
    """Write judgements and outcomes of decisions, and wait until they are durable."""
    ledger.submit([ledger.draft(kind, content) for content in said]).result(30)


@pytest.fixture
def ledger(tmp_path):
    """Return an empty ledger that keeps notes."""
    made = created(tmp_path, keep_notes=True, anchor=tmp_path / "anchor")
    yield made
    made.close()


def profile(router):
    """Return the profile of training."""
    return router.bundle.manifest["training"]["profile"]


class TestMonitor:
    """A month without change raises no alarm; drift, unfit calls and unknown call types do."""

    def test_calls_like_those_of_training_raise_no_alarm(self, ledger, router, calls):
        """Four weeks of the same city."""
        fill(ledger, router, calls)
        made = monitor.monitor(decision_table(ledger.read(), call_types=shipped()), profile(router), LIMITS)
        assert len(made.weeks) == 4
        assert not made.alarms, made.alarms

    def test_a_drifted_month_is_found_and_named(self, ledger, router, calls):
        """From the third week on, two thirds of the calls are of one kind."""
        later = [calls[n] if n % 3 == 0 else Call(narrative="intoxicated male asleep at the bus stop") for n in range(800)]
        fill(ledger, router, [*calls[:800], *later])
        made = monitor.monitor(decision_table(ledger.read(), call_types=shipped()), profile(router), LIMITS)
        drifted = [alarm for alarm in made.alarms if "drifted" in alarm]
        assert len(drifted) == 2
        assert any("missing" in alarm for alarm in made.alarms)

    def test_unfit_calls_beyond_chance_raise_an_alarm(self, ledger, router, calls):
        """A quarter of the served calls ended with police: found, and after which outcome."""
        cleared = [content for content in fill(ledger, router, calls) if content["recommendation"] == "ELIGIBLE"]
        events = ["upgraded_to_police" if number % 4 == 0 else "none" for number in range(len(cleared))]
        tell(ledger, "outcome", [
            {"decision_id": content["decision_id"], "served": True, "adverse_event": event}
            for content, event in zip(cleared, events, strict=True)
        ])  # fmt: skip
        made = monitor.monitor(decision_table(ledger.read(), call_types=shipped()), profile(router), LIMITS)
        assert made.unfit.crossed_at is not None
        assert any("did not fit an unarmed team" in alarm for alarm in made.alarms)

    def test_call_types_never_seen_are_counted(self, ledger, router, calls):
        """A new CAD code that is in no list."""
        strange = [Call(narrative=call.narrative, call_type="QXZZT-77") for call in calls[:200]]
        fill(ledger, router, [*calls[:800], *strange])
        made = monitor.monitor(decision_table(ledger.read(), call_types=shipped()), profile(router), LIMITS)
        assert made.unmapped["QXZZT-77"] == 200
        assert any("unknown call type" in alarm for alarm in made.alarms)

    def test_new_words_that_go_with_trouble_come_first(self, ledger, router, calls):
        """A street drug's new name is in notes that people override."""
        told = [Call(narrative=f"intoxicated male asleep at the bus stop, zombixx {n}", call_id=str(n)) for n in range(60)]
        tell(ledger, "feedback", [
            {"decision_id": content["decision_id"], "human": "NOT_ELIGIBLE", "agreed": False, "reason": "medical_need"}
            for content in fill(ledger, router, [*calls[:400], *told])
            if content["call_id"] and content["note"]["characters"] < 60 and content["call"] == {}
        ])  # fmt: skip
        book = decision_table(ledger.read(), call_types=shipped())
        notes = {str(key): ledger.note(str(key)) for key in book["decision_id"]}
        known = {word for call in calls for word in words_for_model(call.narrative.lower()).split()}
        first = monitor.new_words(book, notes, known)[0]
        assert first.word == "zombixx"
        assert first.trouble_with > first.trouble_without

    def test_the_command_says_no_and_which_limit(self, ledger, router, runs, tmp_path, monkeypatch):
        """Exit 1, and the limit by name."""
        monkeypatch.setenv("HEARTLINE_HASH_KEY", "k" * 32)
        fill(ledger, router, [Call(narrative="intoxicated male asleep at the bus stop")] * 300, weeks=1)
        code, out, err = heartline("monitor", "--ledger", f"sqlite:///{tmp_path / 'ledger.db'}", "--runs", str(runs))
        assert code == 1
        assert "ALARM: scores drifted" in out
        assert "index" in err


class TestWatch:
    """A sequential test keeps its error rate when it is read after every outcome."""

    def test_at_the_limit_it_hardly_ever_alarms(self):
        """Two hundred services whose rate is just the limit, looked at a thousand times each."""
        rng = np.random.default_rng(0)
        alarms = sum(watch(rng.random(1000) < 0.05, limit=0.05, confidence=0.95).crossed_at is not None for _ in range(200))
        assert alarms <= 16

    def test_at_thrice_the_limit_it_alarms_soon(self):
        """Within two hundred outcomes, nearly always, and at twice the limit within a thousand."""
        rng = np.random.default_rng(0)
        thrice = [watch(rng.random(200) < 0.15, limit=0.05, confidence=0.99).crossed_at for _ in range(100)]
        twice = [watch(rng.random(1000) < 0.10, limit=0.05, confidence=0.99).crossed_at for _ in range(100)]
        assert sum(place is not None for place in thrice) >= 90
        assert sum(place is not None for place in twice) >= 95


class TestReplay:
    """Every decision can be made again with the same model, rules and program."""

    @pytest.fixture
    def kept(self, runs, tmp_path, rulebook):
        """Keep the parts as the service does."""
        program = load_program()
        archive.keep(
            tmp_path / "archive", bundle=runs / "champion", rulebook=(rulebook.version, RULEBOOK_PATH),
            program=(program.version, PROGRAMS / "durham-heart.toml"),
        )  # fmt: skip
        return tmp_path / "archive"

    def test_a_thousand_decisions_come_out_equal_field_by_field(self, ledger, router, calls, kept):
        """Probabilities to the last bit, reasons, versions, availability."""
        replayer = Replayer(ledger, kept)
        contents = fill(ledger, router, calls[:1000], weeks=0)
        assert [replayer.replay(content).differs for content in contents] == [{}] * 1000

    def test_a_forged_field_is_named(self, ledger, router, calls, kept):
        """A changed probability in the ledger is reported."""
        (content,) = fill(ledger, router, calls[:1], weeks=0)
        made = Replayer(ledger, kept).replay(content | {"eligible_probability": 0.123})
        assert set(made.differs) == {"eligible_probability"}

    def test_another_note_and_a_lost_part_are_refused(self, ledger, router, calls, kept):
        """The note must be the one that was decided on; a part that is not kept is named."""
        (content,) = fill(ledger, router, calls[:1], weeks=0)
        with pytest.raises(InvalidData, match="not the note"):
            Replayer(ledger, kept).replay(content, "another note")
        shutil.rmtree(kept / "bundle")
        with pytest.raises(InvalidData, match="this bundle is not kept"):
            Replayer(ledger, kept).replay(content)

    @pytest.mark.usefixtures("kept")
    def test_the_command_replays_the_last(self, ledger, router, calls, tmp_path, monkeypatch):
        """It says how many were equal, and how many it had no note of."""
        fill(ledger, router, calls[:5], weeks=0)
        monkeypatch.setenv("HEARTLINE_HASH_KEY", "k" * 32)
        words = ("ledger", "replay", "--ledger", f"sqlite:///{tmp_path / 'ledger.db'}", "--runs", str(tmp_path))
        code, _, err = heartline(*words)  # without the key of the notes
        assert code == 1
        assert "nothing could be replayed: notes or archived parts of all 5" in err
        monkeypatch.setenv("HEARTLINE_NOTE_KEY", NOTE_KEY.decode())
        code, out, err = heartline(*words)
        assert code == 0, err
        assert "5 decisions are equal in every field" in out

    @pytest.mark.usefixtures("kept")
    def test_the_command_names_what_a_forger_changed(self, ledger, router, calls, tmp_path, monkeypatch):
        """A decision that was written with another probability makes the command exit above 0."""
        monkeypatch.setenv("HEARTLINE_HASH_KEY", "k" * 32)
        monkeypatch.setenv("HEARTLINE_NOTE_KEY", NOTE_KEY.decode())
        (content,) = fill(ledger, router, calls[:1], weeks=0)
        forged = content | {"decision_id": "forged", "entry_id": "forged", "eligible_probability": 0.123}
        ledger.submit([ledger.draft("decision", forged, note=calls[0].narrative)]).result(30)
        words = ("--ledger", f"sqlite:///{tmp_path / 'ledger.db'}", "--runs", str(tmp_path))
        code, out, err = heartline("ledger", "replay", "forged", *words)
        assert code != 0
        assert "eligible_probability was 0.123" in out
        assert "decisions differ" in err
        code, _, err = heartline("ledger", "replay", "no-such-id", *words)
        assert code == 2
        assert "no decision has this id" in err


class TestTrial:
    """How many calls a trial needs, and what it shows."""

    @pytest.mark.parametrize(("base", "effect", "expected"), [(0.5, 0.1, 776), (0.6, 0.05, 2942), (0.1, 0.05, 1372)])
    def test_sizes_are_those_of_the_textbook(self, base, effect, expected):
        """Fleiss's formula without continuity correction, to within a call or two an arm."""
        assert trial.size(base=base, effect=effect) == pytest.approx(expected, abs=4)

    def test_the_size_has_the_power_it_promises(self):
        """Drawn a thousand times, four in five trials of that size find the change."""
        rng = np.random.default_rng(0)
        half = trial.size(base=0.6, effect=0.1) // 2
        found = 0
        for _ in range(1000):
            a, b = rng.binomial(half, 0.6) / half, rng.binomial(half, 0.7) / half
            pooled = (a + b) / 2
            found += abs(a - b) / np.sqrt(2 * pooled * (1 - pooled) / half) > 1.96
        assert 0.76 < found / 1000 < 0.84

    def test_agreement_is_told_by_arm_with_the_difference(self, ledger, router, calls):
        """In the silent arm people agree less with what they do not see."""
        for arm, every in (("shown", 10), ("silent", 3)):
            said = []
            for number, content in enumerate(fill(ledger, router, calls[:300], hidden=arm == "silent", arm=arm)):
                other = "REVIEW" if content["recommendation"] != "REVIEW" else "ELIGIBLE"
                human = other if number % every == 0 else content["recommendation"]
                said.append({"decision_id": content["decision_id"], "human": human, "agreed": True})
            tell(ledger, "feedback", said)
        table = decision_table(ledger.read(), call_types=shipped())
        shown, silent = trial.arms(table, confidence=0.95)
        assert (shown.name, silent.name) == ("shown", "silent")
        change = trial.differences(table, confidence=0.95)["same_as_model"]
        assert 0 < change.low < change.value < change.high


class TestPublish:
    """What is published reveals no group under ten."""

    @given(st.lists(st.integers(0, 60), min_size=2, max_size=5))
    @settings(max_examples=200)
    def test_an_attacker_recovers_no_count_under_ten(self, counts):
        """From the rounded total and the other counts, each hidden count may still be any of one to nine."""
        shown = publish.suppressed({str(number): n for number, n in enumerate(counts)})
        total, known = publish.rounded(sum(counts)), [n for n in shown.values() if n is not None]
        hidden = len(shown) - len(known)
        assert all(n >= 10 for n in known)
        if hidden and sum(counts) >= 10:
            feasible = [
                k
                for k in range(1, 10)
                if k <= total + 4 - sum(max(10, n - 5) for n in known)
                and (hidden > 1 or k >= total - 5 - sum(n + 4 for n in known))
            ]
            assert feasible == list(range(1, 10)), (counts, shown)

    @given(st.integers(20, 400), st.data())
    def test_a_share_says_no_more_than_the_rounded_counts(self, n, data):
        """Two tables that round alike have the same shares: nothing exact goes through."""
        hits = data.draw(st.integers(10, n - 10))
        whole, part = publish.rounded(n), publish.rounded(hits)
        again = publish.published_share(max(10, part), max(20, whole))
        assert publish.published_share(hits, n) == again or part + 10 > whole

    def test_windows_that_differ_by_a_day_are_the_same_page(self):
        """A day cannot be had as the difference of two pages."""
        assert publish.whole_months("2026-01-02", "2026-02-27") == publish.whole_months("2026-01-30", "2026-02-28")
        assert publish.whole_months("2026-01-02", "2026-03-01") == ("2026-01-01", "2026-03-01")

    @given(st.integers(0, 500), st.integers(0, 500))
    def test_no_share_reveals_a_small_group(self, hits, more):
        """A share is exact only where both sides are ten or more."""
        said = publish.published_share(hits, hits + more)
        assert said.endswith("%") or said == "not published"
        if min(hits, more) < 10 and said != "not published":
            assert said.startswith(("under", "over"))

    def test_the_page_holds_no_note_no_key_and_no_address(self, ledger, router, calls, tmp_path):
        """The page holds nothing but counts."""
        came = {"served": True, "unit": PROGRAM_UNITS[1].value, "adverse_event": "none"}
        decided = fill(ledger, router, calls[:400], caller="ab" * 32)
        tell(ledger, "outcome", [
            {"decision_id": content["decision_id"], "felt_safe": number % 40 != 0} | came
            for number, content in enumerate(decided)
            if content["recommendation"] == "ELIGIBLE"
        ])  # fmt: skip
        book = decision_table(ledger.read(), call_types=shipped())
        made = publish.public_page(book, program="Durham HEART", time_zone="America/New_York", since="2026", until="2027")
        publish.write(made, tmp_path / "public.html")
        html = (tmp_path / "public.html").read_text()
        assert "Community Response" in html
        assert "ab" * 32 not in html
        assert not any(call.narrative in html for call in calls[:400] if call.narrative)
        assert not any(str(content) in html for content in book["decision_id"])
        assert "<script" not in html
