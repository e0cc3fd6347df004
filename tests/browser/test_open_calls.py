"""Nothing that was typed is lost: reloads, language, Back, other pages and the next call keep an undecided call."""

import json
import sqlite3

import pytest
from pages import SCENE, agree, answer_questions, fresh_call, open_call, shown, wait_shown, write
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def typed(page, served, number):
    """Type a call with a number that is not decided, and wait until it is answered and kept."""
    fresh_call(page, served.url)
    page.fill("[name=call_id]", number)
    page.focus("#note")
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "/console/calls/" in answer.url):
        page.keyboard.type(SCENE)
    page.wait_for_selector("#agree:enabled")
    answer_questions(page)
    page.wait_for_timeout(400)


def whole(page, number):
    """Assert that the undecided call is on the page again."""
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_selector("body[data-ready]")
    assert page.input_value("#note") == SCENE
    assert page.input_value("[name=call_id]") == number
    assert page.locator("[data-question] input:checked").count() == 3
    page.wait_for_selector("#agree:enabled")


class TestNothingIsLost:
    """Each way off the page leads back to the call as it was."""

    def test_a_reload(self, page, served):
        """F5 in the middle of a call; the answers to the questions are there too."""
        typed(page, served, "kept-1")
        page.reload()
        whole(page, "kept-1")

    def test_a_language_switch(self, page, served):
        """The page comes back in Spanish with the note in it."""
        typed(page, served, "kept-2")
        page.click("button[name=language]")
        page.wait_for_selector("html[lang=es]")
        whole(page, "kept-2")

    def test_another_page_and_back(self, page, served):
        """The dashboard by its link, then the browser's Back."""
        typed(page, served, "kept-3")
        page.click("nav a[href='/dashboard']")
        page.wait_for_url("**/dashboard*")
        page.go_back()
        whole(page, "kept-3")

    def test_a_held_veto_survives_a_reload(self, page, served):
        """Deleting the word and reloading the page does not clear the call."""
        fresh_call(page, served.url)
        write(page, f"{SCENE}he has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        write(page, SCENE)
        expect(page.locator("#take-back")).to_be_visible()
        page.wait_for_timeout(400)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        expect(page.locator("#take-back")).to_be_visible()
        wait_shown(page, "NOT_ELIGIBLE")

    def test_a_key_typed_just_before_leaving(self, page, served):
        """What was typed in the last moment goes with the page's end."""
        typed(page, served, "kept-4")
        page.keyboard.type("last")
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.input_value("#note") == f"{SCENE}last"


class TestTwoCalls:
    """Two calls are held at once, each with its own answer."""

    def test_the_next_call_holds_an_undecided_one_in_the_list(self, page, served):
        """F9 opens another; Alt and the arrow up goes back; both answers stand in the list."""
        typed(page, served, "two-1")
        page.keyboard.press("F9")
        page.fill("[name=call_id]", "two-2")
        page.focus("#note")
        page.keyboard.type("male with a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        rows = page.locator("#open-list li")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="two-2")).to_contain_text("NOT ELIGIBLE")
        page.keyboard.press("Alt+ArrowUp")
        whole(page, "two-1")
        assert shown(page) != "NOT_ELIGIBLE"
        page.keyboard.press("Alt+ArrowDown")
        assert page.input_value("[name=call_id]") == "two-2"

    def test_a_decided_call_is_closed_by_the_next_and_stands_under_recent(self, page, served):
        """Its number and decision stay in the list; its note is gone from the browser and the server."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "recent-1")
        page.focus("#note")
        page.keyboard.type("zebra7781 with a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        agree(page)
        with page.expect_response(
            lambda answer: answer.request.method == "PUT" and '"closed":true' in answer.request.post_data
        ):
            page.keyboard.press("F9")
        wait_shown(page, "waiting")
        expect(page.locator("#recent-list li", has_text="recent-1")).to_contain_text("NOT ELIGIBLE")
        assert "zebra7781" not in page.content()
        calls = page.evaluate("fetch('/console/calls').then(answer => answer.json())")["calls"]
        assert "zebra7781" not in json.dumps(calls)

    def test_closing_an_undecided_call_asks_first(self, page, served):
        """The cross beside a held call asks; keeping it is the default."""
        typed(page, served, "close-1")
        page.keyboard.press("F9")
        page.click("#open-list li:has-text('close-1') .close")
        page.keyboard.press("Enter")
        expect(page.locator("#open-list li:has-text('close-1')")).to_have_count(1)
        page.click("#open-list li:has-text('close-1') .close")
        page.click("#close-dialog button[value=close]")
        expect(page.locator("#open-list li:has-text('close-1')")).to_have_count(0)


def test_two_tabs_of_one_browser_each_keep_their_own_call(page, served):
    """A second tab begins an empty call, each has its own after a reload, and that of a closed tab comes back."""
    typed(page, served, "tab-1")
    second = page.context.new_page()
    open_call(second, served.url)
    assert second.input_value("#note") == ""
    typed(second, served, "tab-2")
    page.reload()
    whole(page, "tab-1")
    second.reload()
    whole(second, "tab-2")
    second.close()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#open-list")).to_contain_text("tab-1")
    expect(page.locator("#open-list")).to_contain_text("tab-2")


class TestPrivacy:
    """What is kept is kept on the server, and cannot be read from its file."""

    def test_nothing_is_stored_in_the_browser_and_the_file_holds_no_word(self, page, served):
        """No storage, no cookie with a note; the sealed file shows the number and no note."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "private-1")
        page.focus("#note")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.keyboard.type("zebra9917 asleep in the park ")
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert not [cookie for cookie in page.context.cookies() if "zebra" in cookie["value"]]
        file = served.folder / "open_calls.db"
        assert b"zebra9917" not in file.read_bytes()
        with sqlite3.connect(file) as connection:
            assert ("private-1",) in connection.execute("SELECT incident FROM open_calls").fetchall()

    def test_another_browser_sees_none_of_it(self, page, served, chromium):
        """Calls belong to the browser's session."""
        typed(page, served, "mine-1")
        context = chromium.new_context()
        other = context.new_page()
        open_call(other, served.url)
        assert other.input_value("#note") == ""
        expect(other.locator("#open-list li")).to_have_count(1)
        context.close()


def test_earlier_calls_of_the_same_caller_are_counted_and_shown(page, served):
    """However the number is written: how many in all, in local time, labelled."""
    for number, phone in (("again-1", "919-555-0199"), ("again-2", "(919) 555 0199")):
        fresh_call(page, served.url)
        page.fill("[name=call_id]", number)
        page.fill("[name=caller_key]", phone)
        page.focus("#note")
        page.keyboard.type(SCENE)
        agree(page)
        page.keyboard.press("F9")
    page.fill("[name=caller_key]", "9195550199")
    page.press("[name=caller_key]", "Tab")
    page.wait_for_selector("#history tbody tr")
    assert page.locator("#history tbody tr").count() == 2
    expect(page.locator("#history-count")).to_contain_text("2 earlier calls, the latest")
    expect(page.locator("#history caption")).to_contain_text("Local time")
