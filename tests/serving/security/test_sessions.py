"""A console session is signed, never outlasts its key or token, and ends in all workers at once."""

import time

import pytest

from serving.security.principal import Principal
from serving.security.sessions import SHIFT_SECONDS, EndedSessions, SessionCookies

KEY = b"k" * 32
ANN = Principal("token:ann", frozenset({"clinician"}))


def test_a_cookie_names_its_person():
    """Name and roles are read back."""
    cookie, seconds = SessionCookies(KEY).make(ANN)
    read = SessionCookies(KEY).read(cookie)
    assert (read.name, read.roles, seconds) == (ANN.name, ANN.roles, SHIFT_SECONDS)


@pytest.mark.parametrize(
    "change", [lambda c: c[:-3] + "000", lambda c: "x" + c, lambda _: "", lambda _: "é.é", lambda _: "."]
)
def test_a_changed_cookie_is_nobodys(change):
    """A cookie with one changed character is refused."""
    assert SessionCookies(KEY).read(change(SessionCookies(KEY).make(ANN)[0])) is None


def test_another_key_and_another_day_are_nobodys(monkeypatch):
    """It is good for a shift, at this service."""
    cookie, _ = SessionCookies(KEY).make(ANN)
    assert SessionCookies(b"other" * 8).read(cookie) is None
    later = time.time() + SHIFT_SECONDS + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert SessionCookies(KEY).read(cookie) is None


def test_a_token_of_four_seconds_buys_four_seconds():
    """And not twelve hours."""
    cookie, seconds = SessionCookies(KEY).make(Principal("token:ann", ANN.roles, expires_at=time.time() + 4))
    assert seconds <= 4
    assert SessionCookies(KEY).read(cookie).expires_at <= time.time() + 4


def test_a_session_that_was_ended_is_ended_in_every_worker(tmp_path):
    """The workers share a file, whichever wrote it first."""
    here, there = EndedSessions(tmp_path / "a" / "ended"), EndedSessions(tmp_path / "a" / "ended")
    assert "s1" not in there
    here.add("s1", time.time() + 60)
    there.add("s2", time.time() + 60)
    assert all(name in worker for name in ("s1", "s2") for worker in (here, there))
    assert "s3" not in here
    assert (tmp_path / "a" / "ended").stat().st_mode & 0o077 == 0
