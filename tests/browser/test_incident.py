"""The call page opens the incident that is open in CAD, and follows it while the call is open."""

import json
from urllib.request import Request, urlopen

import pytest
from pages import open_call, shown, wait_shown

pytestmark = pytest.mark.slow

NOTE = "RP adv male asleep in doorway of store, refusing to leave"


def cad(served, method, path, body):
    """Send what CAD sends of an incident."""
    asked = Request(  # noqa: S310  our own service
        f"{served.url}/v1/incidents/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urlopen(asked) as answer:  # noqa: S310
        return json.load(answer)


def test_the_incident_of_the_address_fills_the_call_and_its_notes_follow(page, served):
    """Number, type, zone, answers and notes are there; a weapon that CAD adds later vetoes while a person has typed on."""
    fields = {"call_type": "Welfare Check", "zone": "D1", "weapons_answer": "none"}
    cad(served, "PUT", "cad-77", fields)
    cad(served, "POST", "cad-77/notes", {"note_id": "1", "text": NOTE})
    open_call(page, served.url, "/?incident=cad-77")
    assert page.input_value("#note") == NOTE
    assert page.input_value("[name=call_type]") == "Welfare Check"
    assert page.input_value("[name=zone]") == "D1"
    assert page.is_checked("[name=weapons_answer][value=none]")
    assert page.text_content("#incident") == "cad-77"
    page.wait_for_selector("#agree:enabled")
    assert shown(page) != "NOT_ELIGIBLE"
    page.focus("#note")
    page.keyboard.press("End")
    page.keyboard.type(", no shoes")
    page.select_option("[name=source]", "911")
    page.fill("[name=zone]", "D2")
    cad(served, "PUT", "cad-77", fields | {"zone": "D3", "violence_answer": "none"})
    cad(served, "POST", "cad-77/notes", {"note_id": "2", "text": "now has a knife"})
    wait_shown(page, "NOT_ELIGIBLE")
    assert page.input_value("#note") == f"{NOTE}, no shoes\nnow has a knife"
    assert page.input_value("[name=zone]") == "D2"  # what a person wrote stays
    assert page.is_checked("[name=violence_answer][value=none]")


def test_an_incident_that_cad_has_not_sent_is_a_call_with_that_number(page, served):
    """The number stands, the rest is empty, and the page works."""
    open_call(page, served.url, "/?incident=nobody-1")
    assert page.input_value("[name=call_id]") == "nobody-1"
    assert page.input_value("#note") == ""


def test_the_words_of_the_feed_are_offered_as_one_types(page, served):
    """A call type and a zone that only CAD has sent stand in the lists, each once beside the program's own."""
    for number in range(2):
        cad(served, "PUT", f"cad-seen-{number}", {"call_type": "Kite stuck in wires", "zone": "Beat 7"})
    open_call(page, served.url)
    page.wait_for_selector("#zones option[value='Beat 7']", state="attached")
    for name, word in (("types", "Kite stuck in wires"), ("zones", "Beat 7"), ("types", "Trespass")):
        assert page.locator(f"#{name} option[value='{word}']").count() == 1
