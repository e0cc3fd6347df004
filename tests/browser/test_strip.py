"""The decision strip: one place and size, whatever it says, and never an old answer as if it were new."""

import contextlib
import os
import signal
import socket
import threading

import pytest
from pages import SCENE, TURN, answer_questions, fresh_call, open_call, wait_shown, write
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

WATCHED = ("strip", "note", "why", "next", "form", "more", "question-hint")
SHIFTS = """() => { window.shifts = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.shifts.push(
        [entry.value, entry.sources.map((source) => source.node?.id || source.node?.textContent)])))
        .observe({ type: 'layout-shift' }); }"""
PLACES = "ids => ids.map((id) => JSON.stringify(document.getElementById(id).getBoundingClientRect()))"


@contextlib.contextmanager
def deaf_server():
    """Listen on a port, accept whoever comes and never answer; give the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                taken.append(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"
    listener.close()
    for each in taken:
        each.close()


def green_answer(page, served):
    """Open a call whose questions are answered and which stands at ELIGIBLE."""
    fresh_call(page, served.url)
    write(page, SCENE)
    answer_questions(page)
    wait_shown(page, "ELIGIBLE")


@contextlib.contextmanager
def frozen(served):
    """Stop a server's processes for a while: every connection stays open and says nothing."""
    os.killpg(served.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(served.process.pid, signal.SIGCONT)


class TestPlace:
    """The strip stands at the top, of one height, and nothing moves when it changes."""

    def test_the_scene_turns_from_waiting_to_eligible_to_veto_without_a_shift(self, page, served):
        """A typed call with a veto moves nothing on the page: the sum of all layout shifts is 0."""
        fresh_call(page, served.url)
        page.fill("[name=call_type]", "Trespass")
        page.fill("[name=zone]", "D1")
        page.focus("#note")
        page.evaluate(SHIFTS)
        before = page.evaluate(PLACES, WATCHED)
        page.keyboard.type(SCENE, delay=4)
        answer_questions(page)
        wait_shown(page, "ELIGIBLE")
        page.keyboard.type(TURN, delay=4)
        wait_shown(page, "NOT_ELIGIBLE")
        expect(page.locator("#word")).to_contain_text("VETO")
        assert page.evaluate(PLACES, WATCHED) == before
        assert page.evaluate("window.shifts") == []

    @pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (640, 360), (390, 844), (320, 180)])
    def test_it_has_one_height_and_its_answer_in_view_at_every_size_and_zoom(self, page, served, size):
        """From a large screen to 400 % zoom and a phone: 96 px at the top, the answer readable, not cut off."""
        page.set_viewport_size({"width": size[0], "height": size[1]})
        fresh_call(page, served.url)
        write(page, "male has a knife")
        wait_shown(page, "NOT_ELIGIBLE")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        box = page.locator("#strip").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, size[0], 96)
        word = page.evaluate("""() => { const word = document.getElementById('word'), line = word.parentElement;
            return [line.scrollWidth <= line.clientWidth + 1, word.getBoundingClientRect().bottom <= 96]; }""")
        assert word == [True, True]
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]

    def test_it_names_the_unit_with_its_availability_the_timer_the_number_and_the_person(self, page, served):
        """All that a person needs for one decision stands in the strip, and the number in the tab's title."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "strip-1")
        page.fill("[name=call_type]", "Trespass")
        page.fill("[name=zone]", "D1")
        page.focus("#note")
        page.keyboard.type(SCENE)
        answer_questions(page)
        wait_shown(page, "ELIGIBLE")
        expect(page.locator("#unit")).to_contain_text("duty")
        text = page.inner_text("#strip")
        for part in ("strip-1", "Open for", "local", "F2", "F4", "answered"):
            assert part in text
        assert page.title().startswith("strip-1")
        assert "dispatch" not in page.inner_text("body").lower()


class TestNeverStale:
    """A second after the first keystroke without an answer the strip is grey, whatever is typed meanwhile."""

    def grey(self, page):
        """Wait until the strip says that there is no answer, and the badge and the live region with it."""
        wait_shown(page, "stale")
        assert page.inner_text("#word") == "NO ANSWER: REVIEW"
        assert page.inner_text("#connection") != "Live"
        assert "No answer" in page.inner_text("#urgent")
        assert page.is_disabled("#agree")
        assert page.is_disabled("#override")

    def typing_on(self, page):
        """Type without a pause; the strip must be grey before the text ends."""
        page.keyboard.type(TURN, delay=40)

    def test_offline(self, page, served):
        """The browser loses its network under a green answer."""
        green_answer(page, served)
        page.context.set_offline(True)
        self.typing_on(page)
        self.grey(page)
        page.context.set_offline(False)
        wait_shown(page, "NOT_ELIGIBLE")

    def test_a_frozen_server(self, page, own):
        """The server is stopped with SIGSTOP: every connection stays open and says nothing."""
        served = own()
        green_answer(page, served)
        with frozen(served):
            self.typing_on(page)
            self.grey(page)
        wait_shown(page, "NOT_ELIGIBLE")

    def test_a_frozen_server_is_noticed_without_a_keystroke(self, page, own):
        """Heartbeats stop: within a few seconds the green answer is grey though nothing is typed."""
        served = own()
        green_answer(page, served)
        with frozen(served):
            page.wait_for_selector("#strip[data-shown=stale]", timeout=20_000)

    def test_a_socket_that_accepts_and_never_answers(self, page, served):
        """The stream's socket opens into nothing: the page answers by single requests, and says that it is slower."""
        with deaf_server() as address:
            page.add_init_script(f"""
                const Real = WebSocket;
                window.WebSocket = class extends Real {{ constructor() {{ super({address!r}); }} }};
            """)
            page.route("**/*", lambda route: route.fallback())
            response = page.context.request.get(served.url)
            assert response.ok
            page.route(served.url + "/", _without_policy)
            page.goto(served.url)
            page.wait_for_selector("body[data-ready]")
            page.focus("#note")
            page.keyboard.type(SCENE + TURN, delay=10)
            wait_shown(page, "NOT_ELIGIBLE")
            assert page.get_attribute("#connection", "data-state") == "slow"

    def test_the_age_of_the_answer_is_shown(self, page, served):
        """It says "answered 0.3 s ago" and counts on by itself."""
        fresh_call(page, served.url)
        write(page, SCENE)
        page.wait_for_selector("#agree:enabled")
        expect(page.locator("#age")).to_contain_text("answered 0.")
        expect(page.locator("#age")).to_contain_text("answered 1.")

    def test_the_dead_service_comes_back_and_the_newest_note_is_answered(self, page, own):
        """Killed and started again: the page finds it by itself."""
        served = own()
        fresh_call(page, served.url)
        write(page, SCENE)
        page.wait_for_selector("#agree:enabled")
        served.stop()
        page.fill("#note", SCENE + TURN)
        wait_shown(page, "stale")
        page.wait_for_selector("#connection:not([data-state=live])")
        served.start()
        page.wait_for_selector("#connection[data-state=live]", timeout=60_000)
        wait_shown(page, "NOT_ELIGIBLE")


def _without_policy(route):
    """Serve the page without the policy that would forbid the deaf server."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
    route.fulfill(response=answer, headers=headers)


@pytest.mark.benchmark
def test_from_key_to_painted_answer_in_a_tenth_of_a_second(page, served):
    """Ninety-five of a hundred letters are answered and painted within 100 ms."""
    open_call(page, served.url)
    page.evaluate("""() => {
        window.pressed = []; window.waits = [];
        document.getElementById('note').addEventListener('input', () => window.pressed.push(performance.now()), true);
        new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
            if (window.pressed.length) window.waits.push(performance.now() - window.pressed[0]);
            window.pressed = [];
        }))).observe(document.getElementById('why'), { childList: true });
    }""")
    page.focus("#note")
    page.keyboard.type((SCENE + SCENE)[:60], delay=60)
    waits = sorted(page.evaluate("window.waits"))
    middle, worst = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    print(f"key to painted answer: median {middle:.0f} ms, 95th percentile {worst:.0f} ms over {len(waits)} letters")  # noqa: T201
    assert len(waits) > 45
    assert worst < 100
