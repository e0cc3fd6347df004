"""The pictures of the documents are taken from the running pages: `make screenshots` writes them to data/pictures."""

import os
from pathlib import Path

import pytest
from pages import answer_questions, open_call, wait_shown

pytestmark = pytest.mark.slow


def test_pictures(page, filled, tmp_path):
    """Eligible by day, a veto by night, no answer, the dashboard: each is a picture of the page as it is."""
    folder = Path(os.environ.get("PICTURES_FOLDER", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1440, "height": 810})
    open_call(page, filled.url)
    page.fill("[name=call_id]", "2026-000123")
    page.fill("[name=call_type]", "Trespass")
    page.fill("[name=zone]", "D1")
    page.focus("#note")
    page.keyboard.insert_text("RP adv male asleep in doorway of store, refusing to leave, no shoes, talking to himself. ")
    answer_questions(page)
    wait_shown(page, "ELIGIBLE")
    page.screenshot(path=folder / "eligible.png")
    page.keyboard.type("Now holding a screwdriver, says he will kill the clerk ")
    wait_shown(page, "NOT_ELIGIBLE")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    page.screenshot(path=folder / "veto.png")
    page.emulate_media(color_scheme="light")
    page.context.set_offline(True)
    page.keyboard.type("and ")
    wait_shown(page, "stale")
    page.screenshot(path=folder / "no-answer.png")
    page.context.set_offline(False)
    page.set_viewport_size({"width": 1440, "height": 1400})
    page.goto(f"{filled.url}/dashboard")
    page.screenshot(path=folder / "dashboard.png")
    names = ("eligible.png", "veto.png", "no-answer.png", "dashboard.png")
    assert all((folder / name).stat().st_size > 10_000 for name in names)
