"""With keys configured nobody looks in without one; every refusal is a page with a way out."""

import json
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from pages import wait_shown
from playwright.sync_api import expect
from waiting import until

from models.common import api_keys as apikeys
from serving.security.principal import Principal
from serving.security.sessions import SHIFT_SECONDS, SessionCookies

pytestmark = pytest.mark.slow


def sign_in(page, url, secret):
    """Sign in by a key."""
    page.goto(f"{url}/sign-in")
    page.fill("#secret", secret)
    page.press("#secret", "Enter")


def test_a_key_opens_the_page_for_its_role_and_a_wrong_one_is_told(page, guarded):
    """A call-taker types, sees no history; the dashboard refuses by a page with a way out, not by JSON."""
    service, _, people = guarded
    page.goto(service.url)
    assert page.url.endswith("/sign-in")
    sign_in(page, service.url, "hl_wrong")
    expect(page.locator("#fault")).to_be_visible()
    sign_in(page, service.url, people["ann"][1])
    page.wait_for_selector("#connection[data-state=live]")
    expect(page.locator("#person")).to_have_text("ann")
    page.focus("#note")
    page.keyboard.type("male has a knife ")
    wait_shown(page, "NOT_ELIGIBLE")
    assert page.locator("#history").count() == 0
    assert people["ann"][1] not in json.dumps(page.context.cookies())
    assert page.goto(f"{service.url}/dashboard").status == 403
    assert "You have no access to this page" in page.inner_text("h1")
    page.click("text=To the call page")
    page.wait_for_selector("#strip")


def test_an_evaluator_sees_pseudonyms(page, guarded):
    """Without the role administrator nobody is shown by name."""
    service, _, people = guarded
    sign_in(page, service.url, people["eve"][1])
    page.wait_for_url("**/dashboard*")
    page.goto(f"{service.url}/dashboard/calls?typing=yes")
    assert "ann" not in page.inner_text("main")


def test_signing_out_asks_about_an_undecided_call_and_ends_the_session(page, guarded):
    """Staying is the default; leaving erases what was typed, and the old cookie opens nothing any more."""
    service, _, people = guarded
    sign_in(page, service.url, people["ann"][1])
    page.wait_for_selector("#connection[data-state=live]")
    page.focus("#note")
    page.keyboard.type("undecided call ")
    page.click("#sign-out button")
    expect(page.locator("#leave-dialog")).to_be_visible()
    page.keyboard.press("Enter")
    assert page.input_value("#note") == "undecided call "
    cookies = page.context.cookies()
    page.click("#sign-out button")
    page.click("#leave-dialog button[value=leave]")
    page.wait_for_url("**/sign-in")
    page.context.add_cookies(cookies)
    page.goto(service.url)
    assert page.url.endswith("/sign-in")


def test_a_revoked_key_closes_its_open_stream(page, guarded):
    """Within seconds the strip is grey and says why."""
    service, keys, _ = guarded
    key, secret = apikeys.create(keys, name="bob", roles=["call_taker"])

    def accepted():
        """Return whether the service has read the file of keys again."""
        return page.context.request.get(f"{service.url}/v1/model", headers={"X-API-Key": secret}).ok

    until(accepted, "the new key is not taken", every=0.2)
    sign_in(page, service.url, secret)
    page.wait_for_selector("#connection[data-state=live]")
    page.focus("#note")
    page.keyboard.type("man on a bench ")
    page.wait_for_selector("#override:enabled")
    apikeys.revoke(keys, key.key_id)
    wait_shown(page, "stale")
    expect(page.locator("#unit")).to_contain_text("sign in again")
    page.goto(service.url)
    assert page.url.endswith("/sign-in")


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_another_sites_page_may_not_send_the_form(guarded, path):
    """A form from elsewhere is refused, by its origin."""
    service, _, _ = guarded
    asked = Request(f"{service.url}{path}", b"secret=x", {"Origin": "https://elsewhere.example"})  # noqa: S310  our own
    with pytest.raises(HTTPError, match="403"):
        urlopen(asked)  # noqa: S310


@pytest.mark.parametrize("path", ["/no-such-page", "/dashboard/decisions/none"])
def test_refusals_are_pages_with_a_way_out(page, served, path):
    """An address that is not there, and a decision that is not: a page, never raw JSON."""
    page.goto(served.url + path)
    assert page.locator("main.door a").count() >= 1
    assert "{" not in page.inner_text("body")


def test_a_session_ends_after_a_shift(monkeypatch):
    """Twelve hours by a clock that is moved."""
    cookies = SessionCookies(b"k" * 32)
    cookie, _ = cookies.make(Principal("ann", frozenset({"call_taker"})))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + SHIFT_SECONDS - 5)
    assert cookies.read(cookie) is not None
    monkeypatch.setattr(time, "time", lambda: now + SHIFT_SECONDS + 5)
    assert cookies.read(cookie) is None
