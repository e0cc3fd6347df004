"""Drive the call page in a browser, and read what the ledger kept of it."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

AXE = Path(__file__).with_name("browser").joinpath("axe.min.js").read_text(encoding="utf-8")
AXE_RUN = """tags => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
    .then(found => [found.passes.length, found.violations])"""
"""Every rule runs on every element; only of violations is each element described, which is what takes the time."""

SCENE = "RP adv male asleep in doorway of store, refusing to leave, no shoes, talking to himself. "
TURN = "Now holding a screwdriver, says he will kill the clerk "

CALLS = (
    ("RP adv male asleep in doorway of store, refusing to leave", "Trespass", "D1"),
    ("woman crying on a bench, says she has nowhere to go", "Welfare Check", "D2"),
    ("male with a knife in the parking lot", "Disturbance", "D1"),
    ("two car crash, airbags out, both drivers standing", "Accident", "D3"),
)
NONE = {"weapons_answer": "none", "violence_answer": "none", "medical_answer": "none"}


def open_call(page, url, path="/"):
    """Open the call page and wait for its line."""
    page.goto(f"{url}{path}")
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_selector("body[data-ready]")


def fresh_call(page, url):
    """Open the call page on a call that nothing was typed into."""
    open_call(page, url)
    page.focus("#note")


def write(page, text):
    """Replace the note and leave it, so that every word is finished."""
    page.fill("#note", text)
    page.focus("[name=language]")
    page.focus("#note")


def answer_questions(page, letter="n"):
    """Answer the three safety questions, by key."""
    for question in "wvm":
        page.keyboard.press(f"Alt+{question}")
        page.keyboard.press(f"Alt+{letter}")


def shown(page):
    """Return what the strip shows now."""
    return page.get_attribute("#strip", "data-shown")


def wait_shown(page, what):
    """Wait until the strip shows something."""
    page.wait_for_selector(f"#strip[data-shown={what}]")


def agree(page):
    """Agree by key, and wait until it is written down."""
    page.wait_for_selector("#agree:enabled")
    page.keyboard.press("F2")
    page.wait_for_selector("#strip[data-said=true]")
    page.wait_for_selector("#undo:visible")


def ledger(served, **query):
    """Return the ledger's entries by incident number."""
    words = "&".join(f"{name}={value}" for name, value in query.items())
    with urlopen(f"{served.url}/v1/ledger?{words}") as answer:  # noqa: S310  our own service
        return [entry["content"] for entry in json.load(answer)]


def post(url, body):
    """Send JSON and return what comes back."""
    asked = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  our own service
    with urlopen(asked) as answer:  # noqa: S310
        return json.load(answer)


def accessible(page):
    """Run axe-core on the page as it is, and fail on any violation of WCAG 2.2 AA."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    passed, violations = page.evaluate(AXE_RUN, tags)
    assert passed
    faults = [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in violations]
    assert not faults
