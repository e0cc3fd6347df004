"""The evaluator's room, the door, and what everyone with a screen reader or a dark room needs of every page."""

import io
import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pandas as pd
import pytest
from pages import open_call, wait_shown
from playwright.sync_api import expect

from models import api_keys as apikeys

pytestmark = pytest.mark.slow

AXE = Path(__file__).with_name("axe.min.js").read_text(encoding="utf-8")
CALLS = (
    ("RP adv male asleep in doorway of store, refusing to leave", "Trespass", "D1"),
    ("woman crying on a bench, says she has nowhere to go", "Welfare Check", "D2"),
    ("male with a knife in the parking lot", "Disturbance", "D1"),
    ("two car crash, airbags out, both drivers standing", "Accident", "D3"),
)


def post(url, body):
    """Send JSON and return what comes back."""
    asked = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  our own service
    with urlopen(asked) as answer:  # noqa: S310
        return json.load(answer)


@pytest.fixture(scope="module")
def filled(served):
    """Decide some calls, judge them, and say what came of them."""
    for number in range(24):
        note, kind, zone = CALLS[number % len(CALLS)]
        made = post(
            f"{served.url}/v1/decisions", {"narrative": note, "call_type": kind, "zone": zone, "call_id": f"ev-{number}"}
        )
        about = f"{served.url}/v1/decisions/{made['decision_id']}"
        human = made["recommendation"] if number % 3 else "REVIEW"
        post(
            f"{about}/feedback", {"human": human, "reason": "agree" if number % 3 else "other", "elapsed_ms": 4000 + number}
        )
        if made["recommendation"] != "NOT_ELIGIBLE":
            came = {"served": True, "unit": "community_response", "adverse_event": "none", "felt_safe": number != 0}
            post(f"{about}/outcome", came)
    return served


def accessible(page):
    """Run axe-core on the page as it is, and fail on any violation of WCAG 2.2 AA."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, { runOnly: { type: 'tag', values: tags } })", tags)
    assert found["passes"]
    told = [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found["violations"]]
    assert not told


@pytest.mark.parametrize("theme", ["light", "dark"])
class TestEveryoneCanUseIt:
    """axe-core finds nothing, in the light and in the dark."""

    def themed(self, page, theme, url):
        """Open a page in a theme."""
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.goto(url)

    def test_the_call_page_in_every_state(self, page, filled, theme):
        """Waiting, answered, vetoed, choosing a reason, decided."""
        self.themed(page, theme, filled.url)
        page.wait_for_selector("#connection[data-state=live]")
        accessible(page)
        page.fill("#note", CALLS[0][0])
        page.wait_for_selector("#agree:enabled")
        accessible(page)
        page.keyboard.press("F4")
        accessible(page)
        page.keyboard.press("Escape")
        page.keyboard.press("F2")
        page.wait_for_selector("#undo:visible")
        accessible(page)
        page.keyboard.press("F3")
        page.fill("#note", CALLS[2][0])
        wait_shown(page, "NOT_ELIGIBLE")
        page.fill("#note", CALLS[0][0])
        page.wait_for_selector("#held button")
        accessible(page)

    @pytest.mark.parametrize(
        "path", ["/evaluator", "/evaluator/search?call_id=ev-2", "/sign-in", "/evaluator?since=2001-01-01&until=2001-01-02"]
    )
    def test_every_other_page(self, page, filled, theme, path):
        """The room, a search, the door, and a period in which nothing was."""
        self.themed(page, theme, filled.url + path)
        accessible(page)

    def test_one_decisions_life(self, page, filled, theme):
        """What was suggested, decided and came of it."""
        self.themed(page, theme, f"{filled.url}/evaluator/search?call_id=ev-1")
        page.click("tbody a")
        accessible(page)


class TestEvaluatorsRoom:
    """What the ledger holds can be read, counted, searched and taken away."""

    def test_errors_come_first_and_every_share_has_its_interval(self, page, filled):
        """The first section is the errors; n stands beside each."""
        page.goto(f"{filled.url}/evaluator")
        assert page.locator("#sheet section h2").first.inner_text() == "Errors first"
        row = page.locator("section[aria-label=Errors] tbody tr").first.inner_text()
        assert "to" in row
        assert page.locator("section[aria-label=Vetoes] tbody tr").first.inner_text().startswith("edged")
        assert page.locator("section[aria-label='By zone'] tbody tr").count() >= 3

    def test_a_period_is_chosen_without_loading_the_page_anew(self, page, filled):
        """Changing a date swaps the sheet and the address."""
        page.goto(f"{filled.url}/evaluator")
        page.fill("[name=since]", "2001-01-01")
        page.fill("[name=until]", "2001-01-02")
        page.press("[name=until]", "Tab")
        expect(page.locator("#sheet")).to_contain_text("Nothing was decided")
        assert "since=2001-01-01" in page.url

    def test_the_log_is_checked_on_demand(self, page, filled):
        """One button walks every seal."""
        page.goto(f"{filled.url}/evaluator")
        page.click("text=Check every seal now")
        expect(page.locator("#verdict")).to_contain_text("Whole")

    def test_one_decision_is_readable_long_after(self, page, filled):
        """By its incident number: the suggestion with its versions, the person, the outcome."""
        page.goto(f"{filled.url}/evaluator")
        page.fill("[name=call_id]", "ev-1")
        page.press("[name=call_id]", "Enter")
        page.click("tbody a")
        text = page.inner_text("main")
        for told in ("The suggestion", "What a person decided", "versions", "rulebook"):
            assert told in text

    def test_a_period_is_taken_away_as_csv_and_parquet(self, filled):
        """A row for each call, the same in both."""
        with urlopen(f"{filled.url}/evaluator/export.csv") as answer:  # noqa: S310
            rows = pd.read_csv(io.BytesIO(answer.read()))
        with urlopen(f"{filled.url}/evaluator/export.parquet") as answer:  # noqa: S310
            table = pd.read_parquet(io.BytesIO(answer.read()))
        assert list(rows["decision_id"]) == list(table["decision_id"])
        assert {"human", "agreed", "unfit", "rules"} <= set(rows)


class TestDoor:
    """With keys configured nobody looks in without one."""

    def test_a_key_opens_the_page_for_its_role_and_its_end_closes_it(self, page, own, tmp_path):
        """A call-taker types, sees no history and no evaluator's room; a revoked key ends the session."""
        keys = tmp_path / "keys.json"
        key, secret = apikeys.create(keys, name="ann", roles=["call_taker"])
        served = own(HEARTLINE_KEYS=str(keys))
        page.goto(served.url)
        assert page.url.endswith("/sign-in")
        page.fill("#secret", "hl_wrong")
        page.press("#secret", "Enter")
        expect(page.locator("#fault")).to_be_visible()
        page.fill("#secret", secret)
        page.press("#secret", "Enter")
        page.wait_for_selector("#connection[data-state=live]")
        page.fill("#note", CALLS[2][0])
        wait_shown(page, "NOT_ELIGIBLE")
        assert page.locator("#history").count() == 0
        assert page.goto(f"{served.url}/evaluator").status == 403
        assert secret not in json.dumps(page.context.cookies())
        apikeys.revoke(keys, key.key_id)
        page.wait_for_timeout(2100)  # the file of keys is read again every two seconds
        page.goto(served.url)
        assert page.url.endswith("/sign-in")

    def test_another_sites_page_may_not_ask(self, filled):
        """A page from elsewhere cannot use this browser's cookie, or this machine's open door."""
        asked = Request(f"{filled.url}/v1/model", headers={"Origin": "https://elsewhere.example"})  # noqa: S310
        with pytest.raises(HTTPError, match="403"):
            urlopen(asked)  # noqa: S310


def test_pictures(page, filled, tmp_path):
    """The pictures of the documents are taken from the running pages: `make screenshots` writes them to data/pictures."""
    folder = Path(os.environ.get("HEARTLINE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 720})
    open_call(page, filled.url)
    page.fill("[name=call_id]", "2026-000123")
    page.fill("[name=call_type]", "Trespass")
    page.fill("[name=zone]", "D1")
    page.focus("#note")
    page.keyboard.insert_text("RP adv male asleep in doorway of store, refusing to leave, no shoes, talking to himself. ")
    for key in ("F7", "F8", "F9"):
        page.keyboard.press(key)
        page.keyboard.press("n")
    wait_shown(page, "ELIGIBLE")
    page.screenshot(path=folder / "eligible.png")
    page.keyboard.type("Now holding a screwdriver, says he will kill the clerk")
    wait_shown(page, "NOT_ELIGIBLE")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    page.screenshot(path=folder / "veto.png")
    page.emulate_media(color_scheme="light")
    page.goto(f"{filled.url}/evaluator")
    page.screenshot(path=folder / "evaluator.png")
    assert all((folder / name).stat().st_size > 10_000 for name in ("eligible.png", "veto.png", "evaluator.png"))
