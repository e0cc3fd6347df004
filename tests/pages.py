"""Drive the call page in a browser, and read what the ledger kept of it."""

import json
from urllib.request import urlopen


def open_call(page, url):
    """Open the call page and wait for its line."""
    page.goto(url)
    page.wait_for_selector("#connection[data-state=live]")


def shown(page):
    """Return what the page suggests now."""
    return page.get_attribute("#answer", "data-shown")


def wait_shown(page, what):
    """Wait until the page suggests something, live."""
    page.wait_for_selector(f"#answer[data-shown={what}]:not(.old)")


def ledger(served, **query):
    """Return the ledger's entries by incident number."""
    words = "&".join(f"{name}={value}" for name, value in query.items())
    with urlopen(f"{served.url}/v1/ledger?{words}") as answer:  # noqa: S310  our own service
        return [entry["content"] for entry in json.load(answer)]
