"""A long note is decided in a separate process: it delays no other request, and its decision is the router's."""

import asyncio

import pytest

from models.call import Call
from models.decision import Recommendation
from models.router import Router
from serving.decisions import long_notes
from serving.decisions.long_notes import MOST_WAITING, LongNotes, is_long
from serving.model_manager import ActiveModels, ModelManager
from serving.settings import Settings

SLOWEST = "\ufdfa" * 65_536
"""Each of these letters is eighteen when written out: 256 KiB took five seconds."""


@pytest.fixture(scope="module")
def notes():
    """Return one process for all tests of this file."""
    notes = LongNotes("durham-heart")
    notes._start()[1].result(timeout=300)
    yield notes
    notes.close()


@pytest.mark.parametrize(("note", "long"), [("a" * 1000, False), ("a" * 1001, True), ("é" * 501, True), ("", False)])
def test_size_in_bytes_tells_a_long_note(note, long):
    """A letter may have four."""
    assert is_long(note) is long


def test_its_decision_is_the_routers(settings, notes):
    """Every field but ids and times."""
    active = ModelManager(Settings(**settings)).active
    call = Call(narrative="male asleep in doorway, refusing to leave. " * 400, call_type="Trespass")
    ours = asyncio.run(notes.decide(call, active)).to_dict()
    theirs = Router.load(settings["bundle"]).decide(call).to_dict()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"decision_id", "decided_at", "latency_ms"}


def test_a_veto_in_it_is_a_veto(rules_router, notes):
    """Of sixteen thousand mentions a hundred are kept: some reasons, some hits and a count of the rest."""
    active = ActiveModels(rules_router, "", None)
    decision = asyncio.run(notes.decide(Call(narrative="gun " * 16_384), active))
    assert (decision.recommendation, decision.vetoed) == (Recommendation.NOT_ELIGIBLE, True)
    assert len(decision.reasons) + len(decision.hits) < 100
    assert decision.more_hits == 100 - 64


def test_letters_that_unfold_into_a_longer_note_are_not_read(rules_router, notes):
    """REVIEW, with the reason."""
    decision = asyncio.run(notes.decide(Call(narrative=SLOWEST), ActiveModels(rules_router, "", None)))
    assert (decision.recommendation, decision.reasons[0].code) == (Recommendation.REVIEW, "invalid_call")


def test_a_process_that_hangs_or_dies_gives_review_and_is_replaced(rules_router, monkeypatch):
    """Failure is safe: it never clears and never ends the service."""
    notes, active = LongNotes("durham-heart"), ActiveModels(rules_router, "", None)
    monkeypatch.setattr(long_notes, "SECONDS", 0.01)
    assert asyncio.run(notes.decide(Call(narrative="x " * 30_000), active)).recommendation is Recommendation.REVIEW
    assert notes._pool is None
    notes.close()


def test_too_many_that_wait_are_review(rules_router, notes):
    """One client cannot queue work for minutes, and those that it keeps waiting are refused before another's."""
    active, call = ActiveModels(rules_router, "", None), Call(narrative="x " * 600)

    async def run():
        await notes._queue.enter("flood")
        waiting = [asyncio.create_task(notes.decide(call, active, person="flood")) for _ in range(MOST_WAITING + 1)]
        await asyncio.sleep(0.1)
        desk = asyncio.create_task(notes.decide(call, active, person="desk"))
        await asyncio.sleep(0.1)
        notes._queue.leave()
        return await asyncio.gather(*waiting), await desk

    flood, desk = asyncio.run(run())
    refused = [decision for decision in flood if "too many long notes" in decision.reasons[0].sentence]
    assert len(refused) == 2
    assert all(decision.recommendation is Recommendation.REVIEW for decision in refused)
    assert "too many long notes" not in desk.reasons[0].sentence
