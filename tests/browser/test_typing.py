"""While a call is typed: finished words are judged, a deleted word is taken back once, and a decision can change."""

import pytest
from pages import SCENE, agree, answer_questions, fresh_call, ledger, shown, wait_shown, write
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

CALM = (
    "helped him to a bench and he says thanks ",
    "she is in the bathroom washing her hands ",
    "the gungho neighbour brought soup to him ",
)


def watch_vetoes(page):
    """Count how often the strip turns to a veto from now on."""
    page.evaluate("""() => { window.vetoes = 0;
        const count = (changes) => { for (const change of changes)
            if (change.target.dataset.veto === 'true' && change.oldValue === 'false') window.vetoes += 1; };
        new MutationObserver(count).observe(document.getElementById('strip'),
            { attributes: true, attributeFilter: ['data-veto'], attributeOldValue: true }); }""")


class TestFinishedWords:
    """The word under the caret is no veto until it is finished."""

    @pytest.mark.parametrize("note", CALM)
    def test_a_calm_note_never_shows_a_veto_on_the_way(self, page, served, note):
        """The word "him" by way of "hi", "bathroom" by way of "bat": no red band at any letter."""
        fresh_call(page, served.url)
        watch_vetoes(page)
        page.keyboard.type(note, delay=60)
        page.wait_for_selector("#agree:enabled")
        assert page.evaluate("window.vetoes") == 0
        assert page.locator("#take-back.absent").count() == 1

    @pytest.mark.parametrize("end", [" ", ".", "\n"])
    def test_a_space_or_punctuation_finishes_it(self, page, served, end):
        """The veto stands as soon as the word is over."""
        fresh_call(page, served.url)
        page.keyboard.type("male with a knife")
        page.keyboard.type(end)
        wait_shown(page, "NOT_ELIGIBLE")
        expect(page.locator("#word")).to_contain_text("VETO")

    def test_a_pause_finishes_it_and_until_then_it_is_marked_faintly(self, page, served):
        """Within 700 ms it is marked as unfinished; after them it is a veto."""
        fresh_call(page, served.url)
        # Watched within the page from the first key on: a question from outside may come after the pause.
        page.evaluate("""() => { window.sawFaint = false; const look = () => {
          const faint = document.querySelector("#marks mark.pending");
          if (faint && document.querySelector("#strip").dataset.shown !== "NOT_ELIGIBLE") window.sawFaint = true;
          else requestAnimationFrame(look); }; look(); }""")
        page.keyboard.type("male with a knife")
        wait_shown(page, "NOT_ELIGIBLE")
        assert page.evaluate("window.sawFaint")

    def test_a_corrected_typing_slip_locks_nothing(self, page, served):
        """A word that was never finished leaves no veto behind when it is deleted."""
        fresh_call(page, served.url)
        page.keyboard.type("the man had a gun", delay=30)
        for _ in range(3):
            page.keyboard.press("Backspace")
        page.keyboard.type("cold and wants a blanket ", delay=20)
        page.wait_for_selector("#agree:enabled")
        assert shown(page) != "NOT_ELIGIBLE"
        assert page.locator("#take-back.absent").count() == 1


class TestDeletedWords:
    """A finished veto whose words are deleted stays until one key takes it back."""

    def test_one_word_asks_for_one_take_back_by_one_key(self, page, served):
        """Deleting "knife" holds the veto; one key lifts it, and the ledger names who did."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "held-1")
        write(page, f"{SCENE}he has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        write(page, SCENE)
        expect(page.locator("#take-back")).to_be_visible()
        expect(page.locator("#unit")).to_contain_text("veto still counts: knife")
        assert shown(page) == "NOT_ELIGIBLE"
        page.keyboard.press("Alt+t")
        page.wait_for_selector("#strip:not([data-shown=NOT_ELIGIBLE])")
        page.wait_for_selector("#agree:enabled")
        assert page.locator("#take-back.absent").count() == 1
        assert any(entry["kind"] == "cleared" for entry in ledger(served))

    def test_it_survives_the_death_of_the_service(self, page, own):
        """The page keeps the held veto when the service has forgotten the call."""
        served = own()
        fresh_call(page, served.url)
        write(page, f"{SCENE}he has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        served.stop()
        page.wait_for_selector("#connection:not([data-state=live])")
        served.start()
        write(page, SCENE)
        page.wait_for_selector("#connection[data-state=live]", timeout=60_000)
        expect(page.locator("#take-back")).to_be_visible()
        assert shown(page) in {"NOT_ELIGIBLE", "stale"}


class TestADecisionCanChange:
    """After agree or override the call stays open, and the ledger holds every decision."""

    def test_a_knife_typed_after_agreeing_reopens_the_call(self, page, served):
        """The strip says that it changed, both decisions and both judgements are in the ledger, the last one vetoed."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "change-1")
        page.fill("[name=call_type]", "Trespass")
        page.focus("#note")
        page.keyboard.type(SCENE)
        answer_questions(page)
        wait_shown(page, "ELIGIBLE")
        agree(page)
        page.keyboard.type("he has a knife now ")
        wait_shown(page, "NOT_ELIGIBLE")
        expect(page.locator("#age")).to_contain_text("CHANGED since you agreed: decide again")
        agree(page)
        entries = ledger(served, call_id="change-1")
        finals = [entry for entry in entries if entry["kind"] == "decision" and entry["final"]]
        judged = [(entry["human"], entry["agreed"]) for entry in entries if entry["kind"] == "feedback"]
        assert [entry["recommendation"] for entry in finals] == ["ELIGIBLE", "NOT_ELIGIBLE"]
        assert judged == [("ELIGIBLE", True), ("NOT_ELIGIBLE", True)]

    def test_the_same_answer_leaves_the_decision_as_it_is(self, page, served):
        """Another harmless word asks for nothing."""
        fresh_call(page, served.url)
        page.keyboard.type("male has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")
        agree(page)
        page.keyboard.type("and a dog ")
        page.wait_for_timeout(300)
        assert page.get_attribute("#strip", "data-said") == "true"


class TestDeciding:
    """One key agrees or overrides; what is undone is corrected and never erased."""

    def test_the_whole_task_without_a_mouse(self, page, served):
        """Type, answer, agree, undo, override with a reason, next call: all by key, and all of it in the ledger."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "keys-1")
        page.focus("#note")
        page.keyboard.type(SCENE)
        answer_questions(page)
        assert page.evaluate("document.activeElement.id") == "note"
        agree(page)
        page.keyboard.press("F8")
        page.wait_for_selector("#override:enabled")
        page.keyboard.press("F4")
        page.keyboard.press("ArrowDown")  # the first of the decisions that differ
        page.keyboard.press("Tab")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector("#strip[data-said=true]")
        expect(page.locator("#age")).to_contain_text("Decided")
        page.wait_for_selector("#undo:visible")
        page.keyboard.press("F9")
        wait_shown(page, "waiting")
        said = [entry for entry in ledger(served, call_id="keys-1") if entry["kind"] == "feedback"]
        assert [entry["withdrawn"] for entry in said] == [False, True, False]
        assert [entry["reason"] for entry in said][:2] == ["agree", "mistake"]
        assert [entry["agreed"] for entry in said] == [True, True, False]

    def test_only_the_last_answer_is_final(self, page, served):
        """Answers given while typing are marked as such; the one decided upon is the final one."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "final-1")
        page.focus("#note")
        page.keyboard.type("male lying on the bench, not moving much ", delay=40)
        agree(page)
        finals = [entry["final"] for entry in ledger(served, call_id="final-1") if entry["kind"] == "decision"]
        assert finals[-1] is True
        assert not any(finals[:-1])

    def test_a_veto_cannot_be_overridden_to_eligible_here(self, page, served):
        """The list of decisions does not hold ELIGIBLE while a veto stands."""
        fresh_call(page, served.url)
        page.keyboard.type("male has a knife and is asleep ")
        wait_shown(page, "NOT_ELIGIBLE")
        page.wait_for_selector("#override:enabled")
        page.keyboard.press("F4")
        assert page.locator("#targets label:visible").all_inner_texts() == ["REVIEW"]

    def test_other_asks_for_a_comment(self, page, served):
        """A reason "Other" without a word of why is not written down."""
        fresh_call(page, served.url)
        page.keyboard.type("male has a knife and is asleep ")
        page.wait_for_selector("#override:enabled")
        page.keyboard.press("F4")
        page.check("#reason-list input[value=other]")
        page.keyboard.press("Enter")
        expect(page.locator("#choice-told")).to_contain_text("comment")
        page.keyboard.type("stage weapon of a theatre")
        page.keyboard.press("Enter")
        page.wait_for_selector("#strip[data-said=true]")

    def test_a_hidden_suggestion_is_hidden_and_a_veto_is_not(self, page, own):
        """In the silent arm the page shows no suggestion, asks for a decision, and still shows every veto."""
        served = own(HEARTLINE_HIDE_SHARE="1.0")
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "silent-1")
        write(page, SCENE)
        wait_shown(page, "hidden")
        assert page.inner_text("#word") == "NO SUGGESTION"
        assert page.is_disabled("#agree")
        write(page, f"{SCENE} he has a knife ")
        wait_shown(page, "NOT_ELIGIBLE")


class TestQuestions:
    """Three questions in one row; Alt and a letter answers them, and plain letters stay the note's."""

    def test_no_eligible_before_all_three_are_answered(self, page, served):
        """Unanswered, the strip asks; the third answer turns it to ELIGIBLE."""
        fresh_call(page, served.url)
        page.fill("[name=call_type]", "Trespass")
        page.focus("#note")
        page.keyboard.type(SCENE)
        wait_shown(page, "REVIEW")
        expect(page.locator("#unit")).to_contain_text("Ask: Weapons, Violence, Medical need")
        for question in "wv":
            page.keyboard.press(f"Alt+{question}")
            page.keyboard.press("Alt+n")
        expect(page.locator("#unit")).to_contain_text("Ask: Medical need")
        assert shown(page) == "REVIEW"
        page.keyboard.press("Alt+m")
        page.keyboard.press("Alt+n")
        wait_shown(page, "ELIGIBLE")

    def test_plain_letters_go_to_the_note(self, page, served):
        """A question that is named and then typed past is not answered."""
        fresh_call(page, served.url)
        page.keyboard.press("Alt+w")
        page.keyboard.type("now yelling")
        assert page.input_value("#note") == "now yelling"
        assert page.locator("[data-question] input:checked").count() == 0
        page.focus("#agree")
        page.focus("[data-question=weapons] input >> nth=0")
        page.keyboard.type("y")
        assert page.input_value("#note").endswith("y")

    def test_an_answer_without_a_question_is_none(self, page, served):
        """Alt and N alone sets nothing and says what is missing."""
        fresh_call(page, served.url)
        page.keyboard.press("Alt+n")
        expect(page.locator("#question-hint")).to_contain_text("Name the question first")
        assert page.locator("[data-question] input:checked").count() == 0

    def test_a_key_that_is_held_does_not_repeat(self, page, served):
        """Holding F2 or F9 does its work once."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "repeat-1")
        page.focus("#note")
        page.keyboard.type("male has a knife ")
        page.wait_for_selector("#agree:enabled")
        for _ in range(4):
            page.keyboard.down("F2")
        page.keyboard.up("F2")
        page.wait_for_selector("#undo:visible")
        assert len([entry for entry in ledger(served, call_id="repeat-1") if entry["kind"] == "feedback"]) == 1

    def test_no_key_is_the_browsers_and_the_sheet_shows_them_all(self, page, served):
        """F1, F3, F5 to F7, F10 to F12 are left alone; ? opens the sheet outside a text, Alt and / everywhere."""
        fresh_call(page, served.url)
        taken = page.evaluate("""() => ['F1','F3','F5','F6','F7','F10','F11','F12'].map(key => {
            const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
            document.getElementById('note').dispatchEvent(event); return event.defaultPrevented; })""")
        assert not any(taken)
        page.keyboard.type("is he hurt?")
        assert page.input_value("#note") == "is he hurt?"
        assert page.is_hidden("#keys-dialog")
        page.keyboard.press("Alt+/")
        expect(page.locator("#keys-dialog")).to_be_visible()
        assert page.locator("#keys-dialog tbody tr").count() == page.evaluate(
            "JSON.parse(document.getElementById('page').textContent).keys.length"
        )
        page.keyboard.press("Escape")
        page.focus("#next")
        page.keyboard.press("?")
        expect(page.locator("#keys-dialog")).to_be_visible()

    def test_nothing_is_submitted_by_accident(self, page, served):
        """Without an answer no key decides; Enter makes a new line; a letter closes the choice and goes to the note."""
        fresh_call(page, served.url)
        page.fill("[name=call_id]", "accident-1")
        page.focus("#note")
        for key in ("F2", "F4", "F8"):
            page.keyboard.press(key)
        page.keyboard.type("man 1 e n r\nok ")
        page.wait_for_selector("#override:enabled")
        page.keyboard.press("F4")
        page.keyboard.type("12 yo")
        assert page.is_hidden("#choice")
        assert page.input_value("#note") == "man 1 e n r\nok 12 yo"
        assert not [entry for entry in ledger(served, call_id="accident-1") if entry["kind"] == "feedback"]
