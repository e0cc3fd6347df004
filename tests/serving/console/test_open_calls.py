"""Open calls on the server are encrypted for one browser, readable by it alone, and deleted after a shift."""

import time

import pytest

from serving.decisions import open_calls
from serving.decisions.open_calls import OpenCalls, Position

ANN, BOB = Position("ann", "a" * 24), Position("bob", "b" * 24)


@pytest.fixture
def store(tmp_path):
    """Return a store in a file."""
    with_key = OpenCalls(tmp_path / "open_calls.db", key=b"k" * 32)
    yield with_key
    with_key.close()


def state(**more):
    """Return a call as the page sends it."""
    return {"key": "one", "incident": "2026-1", "shown": "REVIEW", "opened_at": time.time(), "note": "zebra-7781"} | more


def test_a_position_finds_its_calls_again(store):
    """What was saved is read back, the newest state of each call, in the order in which they were opened."""
    store.save(ANN, "call-two", state(key="two", opened_at=time.time() + 1))
    store.save(ANN, "call-one", state())
    store.save(ANN, "call-one", state(note="more"))
    assert [(call["key"], call["note"]) for call in store.of(ANN)] == [("one", "more"), ("two", "zebra-7781")]


@pytest.mark.parametrize("other", [BOB, Position("ann", "c" * 24)])
def test_nobody_else_finds_them(store, other):
    """Neither another person nor the same person's other browser sees a call."""
    store.save(ANN, "call-one", state())
    assert store.of(other) == []


def test_the_file_needs_the_browser_and_the_key(store, tmp_path):
    """No word of the note stands in the file; another service's key opens nothing; only its owner may read the file."""
    store.save(ANN, "call-one", state())
    path = tmp_path / "open_calls.db"
    assert b"zebra" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    other = OpenCalls(path, key=b"x" * 32)
    assert other.of(ANN) == []
    other.close()


def test_calls_are_forgotten_after_a_shift(store, monkeypatch):
    """Twelve hours after its last change a call is gone, for the board too."""
    store.save(ANN, "call-one", state())
    then = time.time() + open_calls.KEEP_SECONDS + 1
    monkeypatch.setattr(open_calls.time, "time", lambda: then)
    assert store.of(ANN) == []
    assert store.everywhere() == []


def test_the_board_shows_open_calls_and_no_note(store):
    """Number, answer and person of what is open; closed ones are not on it."""
    store.save(ANN, "call-one", state())
    store.save(BOB, "call-two", state(incident="2026-2", closed=True))
    (call,) = store.everywhere()
    assert (call.person, call.incident, call.shown) == ("ann", "2026-1", "REVIEW")
    assert "zebra" not in repr(call)


def test_a_position_keeps_a_bounded_number(store, monkeypatch):
    """The oldest closed calls go first; open ones stay."""
    monkeypatch.setattr(open_calls, "MOST_CALLS", 3)
    store.save(ANN, "call-open", state(key="open"))
    for number in range(5):
        store.save(ANN, f"closed-{number}", state(key=str(number), closed=True))
    kept = [call["key"] for call in store.of(ANN)]
    assert "open" in kept
    assert len(kept) == 3


def test_forgetting_erases_one_or_all(store):
    """One call by its key; without a key everything of the position."""
    for key in ("call-one", "call-two"):
        store.save(ANN, key, state(key=key))
    store.forget(ANN, "call-one")
    assert [call["key"] for call in store.of(ANN)] == ["call-two"]
    store.forget(ANN)
    assert store.of(ANN) == []
