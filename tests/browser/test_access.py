"""What everyone with a screen reader, a dark room, large type or another language needs of every page."""

import json
from urllib.request import urlopen

import pytest
from pages import CALLS, SCENE, accessible, agree, answer_questions, fresh_call, open_call, wait_shown, write
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("theme", "language"), [("light", "en-US"), ("dark", "es-MX")])
class TestAxe:
    """axe-core finds nothing, in light and dark, in English and Spanish."""

    @pytest.fixture
    def themed(self, chromium, theme, language):
        """Open a window in a theme and a language."""
        context = chromium.new_context(
            locale=language, color_scheme=theme, reduced_motion="reduce", viewport={"width": 1440, "height": 900}
        )
        context.set_default_timeout(30_000)
        yield context.new_page()
        context.close()

    def test_the_call_page_in_every_state(self, themed, filled):
        """Waiting, answered, vetoed and held, choosing a reason, decided, reopened, the sheet of keys."""
        fresh_call(themed, filled.url)
        accessible(themed)
        write(themed, CALLS[0][0] + " ")
        themed.wait_for_selector("#override:enabled")
        accessible(themed)
        themed.keyboard.press("F4")
        accessible(themed)
        themed.keyboard.press("Escape")
        agree(themed)
        accessible(themed)
        write(themed, CALLS[2][0] + " ")
        wait_shown(themed, "NOT_ELIGIBLE")
        accessible(themed)
        write(themed, CALLS[0][0] + " ")
        expect(themed.locator("#take-back")).to_be_visible()
        themed.keyboard.press("Alt+/")
        accessible(themed)

    @pytest.mark.parametrize(
        "path",
        ["/dashboard", "/dashboard/calls?incident=ev", "/dashboard?since=2001-01-01&until=2001-01-02", "/board", "/sign-in",
         "/practice", "/no-such-page", "/dashboard/verify", "/label"],
    )  # fmt: skip
    def test_every_other_page(self, themed, filled, path):
        """The dashboard, its calls, an empty period, the board, the sign-in page, practice, a refusal."""
        themed.goto(filled.url + path)
        accessible(themed)


class TestZoomAndColour:
    """Large type, forced colours and a phone keep the answer in view; nothing is said by colour alone."""

    def test_forced_colours_keep_word_shape_and_line(self, chromium, served):
        """With a system's own colours the word, its shape and the strip's edge still tell the answers apart."""
        context = chromium.new_context(forced_colors="active")
        page = context.new_page()
        fresh_call(page, served.url)
        write(page, "male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        style = "name => getComputedStyle(document.getElementById('strip'))[name]"
        veto = page.evaluate(style, "borderBottomStyle")
        assert page.get_attribute("#shape", "d")
        assert "VETO" in page.inner_text("#word")
        write(page, "woman sits on a bench and wants to talk ")
        expect(page.locator("#take-back")).to_be_visible()
        page.keyboard.press("Alt+t")
        page.wait_for_selector("#strip:not([data-shown=NOT_ELIGIBLE])")
        assert page.evaluate(style, "borderBottomStyle") != veto
        context.close()

    def test_without_motion_nothing_moves(self, page, served):
        """No transition and no animation anywhere on the page."""
        open_call(page, served.url)
        moving = page.evaluate("""() => [...document.querySelectorAll('*')].filter(node => {
            const style = getComputedStyle(node);
            return parseFloat(style.transitionDuration) > 0 || parseFloat(style.animationDuration) > 0; }).length""")
        assert moving == 0

    def test_a_phone_shows_questions_note_and_answer_without_scrolling_sideways(self, page, served):
        """390 pixels wide: the strip on top, the note within reach, no sideways scroll; the dashboard too."""
        page.set_viewport_size({"width": 390, "height": 844})
        fresh_call(page, served.url)
        write(page, SCENE)
        page.wait_for_selector("#override:enabled")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.goto(f"{served.url}/dashboard")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def test_reasons_are_named_in_words_and_lead_to_their_place(self, page, served):
        """Each reason says its category; a veto is named once, at most three, and a click goes to its word."""
        fresh_call(page, served.url)
        write(page, "knife gun bat machete rifle pistol sword axe hammer screwdriver ")
        wait_shown(page, "NOT_ELIGIBLE")
        reasons = page.locator("#why .reason[data-kind=veto]")
        expect(reasons).to_have_count(3)
        assert page.inner_text("#more").startswith("and ")
        assert page.locator("#why .kind").first.inner_text() == "Veto"
        reasons.nth(1).locator("button").click()
        selected = page.evaluate(
            "() => { const n = document.getElementById('note'); return n.value.slice(n.selectionStart, n.selectionEnd); }"
        )
        assert selected == "gun"


class TestSpanish:
    """The page, its answer, its reasons, its keys and the dashboard are in Spanish where the browser asks for it."""

    def test_the_call_page_and_its_keys(self, chromium, served):
        """Alt and S answers "Sí"; the reasons are in Spanish; one button changes the language."""
        context = chromium.new_context(locale="es-MX")
        page = context.new_page()
        fresh_call(page, served.url)
        assert page.get_attribute("html", "lang") == "es"
        page.keyboard.press("Alt+v")
        page.keyboard.press("Alt+s")
        assert page.is_checked("[name=violence_answer][value=yes]")
        wait_shown(page, "NOT_ELIGIBLE")
        write(page, "hombre con un knife en la calle ")
        expect(page.locator("#word")).to_have_text("VETO: NO ELEGIBLE")
        expect(page.locator("#why")).to_contain_text("menciona un arma")
        page.goto(f"{served.url}/dashboard")
        assert page.inner_text("h1") == "Panel de evaluación"
        page.click("button[name=language]")
        page.wait_for_selector("html[lang=en]")
        context.close()


class TestAfterTheCall:
    """Clinicians write down what happened; two lines go to CAD; practice leaves no trace."""

    def test_an_outcome_is_written_down(self, page, served):
        """Unit, event and whether it felt safe, for the decision that stands."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "outcome-1")
        page.focus("#note")
        page.keyboard.type("male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        agree(page)
        page.check("#outcome-form [name=served][value=yes]")
        page.select_option("#outcome-form [name=unit]", "co_response")
        page.select_option("#outcome-form [name=adverse_event]", "felt_unsafe")
        page.select_option("#outcome-form [name=felt_safe]", "no")
        page.click("#outcome-form button")
        expect(page.locator("#outcome-told")).to_have_text("Saved.")
        page.goto(f"{served.url}/dashboard/calls?incident=outcome-1")
        expect(page.locator("tbody tr")).to_contain_text("Felt unsafe")

    def test_two_lines_for_cad_are_on_the_clipboard(self, page, served):
        """The answer with its unit and the decision, then why."""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "cad-1")
        page.focus("#note")
        page.keyboard.type("male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        agree(page)
        page.keyboard.press("Alt+c")
        expect(page.locator("#told")).to_have_text("Copied for CAD.")
        first, second = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert "cad-1" in first
        assert "local agreed: NOT ELIGIBLE" in first
        assert "knife" in second

    def test_practice_is_marked_and_writes_nothing(self, page, served):
        """The mark stands on the page, the answers come, and the ledger has no entry more."""
        with urlopen(f"{served.url}/v1/ledger?limit=10000") as answer:  # noqa: S310  our own service
            before = len(json.load(answer))
        open_call(page, served.url, "/practice")
        expect(page.locator(".practice-mark")).to_contain_text("PRACTICE")
        page.focus("#note")
        page.keyboard.type("male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        agree(page)
        assert "Practice" in page.title()
        with urlopen(f"{served.url}/v1/ledger?limit=10000") as answer:  # noqa: S310
            assert len(json.load(answer)) == before

    def test_the_board_shows_open_calls_units_and_overrides(self, page, filled):
        """A call that is open stands on the supervisor's board with its answer, and no word of its note."""
        fresh_call(page, filled.url)
        page.fill("[name=call_id]", "board-1")
        page.focus("#note")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.keyboard.type("zebra9917 with a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        page.wait_for_timeout(500)
        page.goto(f"{filled.url}/board")
        expect(page.locator("#open tbody tr", has_text="board-1")).to_contain_text("NOT ELIGIBLE")
        assert "zebra9917" not in page.content()
        assert page.locator("#units tbody tr").count() == 3
        assert page.locator("#overrides tbody tr").count() > 0


class TestFields:
    """What is typed into a field is checked at once, and said beside it."""

    def test_unknown_call_types_and_numbers_that_cannot_be_read_are_told(self, page, served):
        """Beside the field, as it is typed; the call is answered all the same."""
        fresh_call(page, served.url)
        page.fill("[name=call_type]", "Zorbing")
        expect(page.locator("#call_type-told")).to_have_text("Unknown call type.")
        page.fill("[name=call_type]", "Welfare check")
        expect(page.locator("#call_type-told")).to_have_text("")
        page.fill("[name=calls_30d]", "many")
        expect(page.locator("#calls_30d-told")).to_contain_text("Not a number")
        assert page.get_attribute("[name=calls_30d]", "aria-invalid") == "true"
        write(page, "male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")

    def test_answers_by_key_leave_the_keyboard_in_the_note(self, page, served):
        """After every answer by key the focus is in the note."""
        fresh_call(page, served.url)
        page.keyboard.type("calm ")
        answer_questions(page, "u")
        assert page.evaluate("document.activeElement.id") == "note"
        wait_shown(page, "NOT_ELIGIBLE")
