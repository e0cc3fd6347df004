"""Open the pages in a real Chromium against a real server; skip, and say so, where there is no Chromium."""

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ledgers import prepared, sqlite_url
from pages import CALLS, NONE, post
from playwright.sync_api import expect, sync_playwright
from servers import free_port, started, uvicorn

from models.common import api_keys

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Served:
    """A running service: where it listens, and how to start it again."""

    port: int
    environment: dict
    folder: Path
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    process: object = None

    @property
    def url(self):
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Start the service and wait until it listens."""
        words = uvicorn("serving.app:create_app", self.port, "--factory")
        self.process = self.stack.enter_context(started(words, port=self.port, environment=self.environment))

    def stop(self):
        """Kill it."""
        self.stack.close()


def settings(runs, folder, **more):
    """Return the environment of a service over a copy of the session's champion."""
    shutil.copytree(runs / "champion", folder / "champion")
    return {
        "HEARTLINE_BUNDLE": str(folder / "champion"), "HEARTLINE_CHALLENGER": str(folder / "no"),
        "HEARTLINE_CACHE": str(folder / "good"), "HEARTLINE_LEDGER": prepared(sqlite_url(folder), folder / "anchor"),
        "HEARTLINE_ANCHOR": str(folder / "anchor"), **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    """Start the browser once for a file: while it runs, no other test of the process can run an event loop of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(runs, tmp_path_factory):
    """Serve to everyone on this machine, as `make run` does."""
    folder = tmp_path_factory.mktemp("served")
    made = Served(free_port(), settings(runs, folder), folder)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def own(runs, tmp_path):
    """Return a function that starts a service of a test's own, with more settings."""
    running = []

    def start(**more):
        made = Served(free_port(), settings(runs, tmp_path, **more), tmp_path)
        made.start()
        running.append(made)
        return made

    yield start
    for made in running:
        made.stop()


@pytest.fixture
def page(chromium):
    """Open a fresh window; whatever its scripts complain about fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US", reduced_motion="reduce")
    context.set_default_timeout(30_000)
    opened = context.new_page()
    faults = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    yield opened
    context.close()
    assert not faults


@pytest.fixture(scope="session")
def filled(served):
    """Decide some calls, judge them, and say what came of them."""
    for number in range(20):
        note, kind, zone = CALLS[number % len(CALLS)]
        call = {"narrative": note, "call_type": kind, "zone": zone, "call_id": f"ev-{number}"} | NONE
        decision = post(f"{served.url}/v1/decisions", call)
        about = f"{served.url}/v1/decisions/{decision['decision_id']}"
        if number % 5 == 4:
            continue  # nobody decided
        human = decision["recommendation"] if number % 3 else "REVIEW"
        post(
            f"{about}/feedback", {"human": human, "reason": "agree" if number % 3 else "other", "elapsed_ms": 4000 + number}
        )
        if decision["recommendation"] != "NOT_ELIGIBLE":
            outcome = {"served": True, "unit": "community_response", "adverse_event": "none", "felt_safe": number != 0}
            post(f"{about}/outcome", outcome)
    return served


@pytest.fixture(scope="session")
def guarded(runs, tmp_path_factory):
    """Serve with keys: ann takes calls, eve evaluates; give the service, the file of keys, and each one's key."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = folder / "keys.json"
    roles = {"ann": ["call_taker"], "eve": ["evaluator"]}
    people = {name: api_keys.create(keys, name=name, roles=allowed) for name, allowed in roles.items()}
    service = Served(free_port(), settings(runs, folder, HEARTLINE_KEYS=str(keys)), folder)
    service.start()
    yield service, keys, people
    service.stop()
