"""The labelling page: thirty invented calls labelled by keyboard alone, with a reload and a correction on the way."""

import pytest
from command import heartline
from ledgers import HASH_KEY
from pages import accessible

from models.labelling.store import LabelStore
from models.ledger.encryption import NoteEncryption

pytestmark = pytest.mark.slow

SCENES = (
    ("man asleep in the bus shelter, no shoes", "e", ["eligible"]),
    ("woman shouting at traffic, says she has a knife", "nwv", ["not_eligible", "weapon", "violence"]),
    ("caller says his brother cut his own arm, bleeding", "nms", ["not_eligible", "medical", "self_harm"]),
    ("somebody called and hung up", "u", ["unsure"]),
    ("person refuses to leave the library", "ne", ["eligible"]),
    ("neighbour plays loud music again", "nw" + "w", ["not_eligible"]),
)
CALLS = [(f"{note}, number {number}", keys, said) for number in range(5) for note, keys, said in SCENES]


@pytest.fixture
def labels(own, tmp_path, monkeypatch):
    """Return a service with a project of thirty calls in their order, made by the command, and a function that opens it."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    file, url = tmp_path / "calls.csv", f"sqlite:///{tmp_path / 'labels.db'}"
    file.write_text("narrative\n" + "".join(f'"{note}"\n' for note, _, _ in CALLS), encoding="utf-8")
    words = ["--data", str(file), "--labels", url, "--double-share", "0", "--runs", str(tmp_path / "none")]
    code, out, err = heartline("label", "create", *words)
    assert (code, "30 of 30 calls" in out) == (0, True), err
    monkeypatch.delenv("HEARTLINE_HASH_KEY")
    service = own(HEARTLINE_LABELS=url, HEARTLINE_HASH_KEY=HASH_KEY.decode(), HEARTLINE_LEDGER="none")
    return service, lambda: LabelStore(url, NoteEncryption(HASH_KEY))


def shown_item(page, other_than="none"):
    """Wait for another call than one, and return its number on the page."""
    page.wait_for_selector(f"body[data-item]:not([data-item='{other_than}'])")
    return page.get_attribute("body", "data-item")


def test_thirty_calls_are_labelled_by_keyboard(page, labels):
    """Each key is one answer, Enter goes on; a reload shows the same call; the store holds what the keys said, in time."""
    service, opened = labels
    page.goto(f"{service.url}/label")
    keys_of = {note: keys for note, keys, _ in CALLS}
    expected, item = {note: said for note, _, said in CALLS}, shown_item(page)
    accessible(page)
    for number in range(len(CALLS)):
        note = page.inner_text("#note")
        for key in keys_of[note]:
            page.keyboard.press(key)
        if number == 3:
            page.keyboard.press("t")
            page.keyboard.type("Welfare")
            page.keyboard.press("Enter")  # back to the note
            expected[note] = [*expected[note], "type:Welfare"]
        if number == 7:
            page.reload()
            assert shown_item(page) == item
            assert page.inner_text("#note") == note
            for key in keys_of[note]:
                page.keyboard.press(key)
        page.keyboard.press("Enter")
        if number < len(CALLS) - 1:
            item = shown_item(page, item)
    page.wait_for_selector("body[data-item=none]")
    assert "30/30" in page.inner_text("#progress")
    page.keyboard.press("Enter")  # nothing is there to be saved
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    store = opened()
    said = {task.call.narrative: item.judgements for item, task in store.tasks()}
    store.close()
    assert {note: given[0].label.to_choices() for note, given in said.items()} == expected
    assert all(0 < given[0].seconds < 600 for given in said.values())


def test_the_call_before_can_be_corrected_and_an_empty_answer_is_refused(page, labels):
    """B shows the last call with its answer; Enter without an answer says what is missing."""
    service, opened = labels
    page.goto(f"{service.url}/label")
    first = shown_item(page)
    page.keyboard.press("Enter")
    assert "eligible (E)" in page.inner_text("#told")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    second = shown_item(page, first)
    page.keyboard.press("b")
    assert shown_item(page, second) == first
    assert page.is_checked("[value=eligible]")
    page.keyboard.press("n")
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    assert shown_item(page, first) == second
    store = opened()
    (item,) = [item for item in store.items() if item.judgements]
    store.close()
    assert item.settled.to_choices() == ["not_eligible", "medical"]
