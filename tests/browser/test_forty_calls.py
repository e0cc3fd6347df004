"""Forty invented calls typed by keyboard alone, each to its decision; the answers are printed. Four in a short run."""

import os
import tomllib

import pytest
from command import ROOT
from pages import agree, answer_questions, ledger, open_call, shown

pytestmark = [pytest.mark.slow, pytest.mark.benchmark]

CALLS = tomllib.loads((ROOT / "data/benchmark/typical_calls.toml").read_text(encoding="utf-8"))["calls"]
COUNT = 40 if os.environ.get("BENCHMARK") == "whole" else 4
SHIFTS = """() => { window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((entry) =>
    window.shifts.push([entry.value, entry.sources.map((source) => source.node?.id)])))
    .observe({ type: 'layout-shift' }); }"""


def some_calls():
    """Return calls from the whole list, evenly."""
    return [CALLS[number * len(CALLS) // COUNT] for number in range(COUNT)]


def type_call(page, number, call):
    """Type a call from its number to its last answer, by keyboard alone; return what the strip says."""
    page.keyboard.type(call["note"] + " ", delay=2)
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "call_id":
            break
    page.keyboard.type(f"forty-{number}")
    page.keyboard.press("Tab")
    page.keyboard.type(call["type"])
    page.keyboard.press("Tab")
    answer_questions(page)
    page.wait_for_selector("#agree:enabled")
    return shown(page), page.inner_text("#word"), page.inner_text("#unit")


def test_calls_typed_by_keyboard_are_answered_and_none_dangerous_is_eligible(page, served):
    """Each call gets an answer and a decision without a mouse; nothing moves; what must not be ELIGIBLE is not."""
    open_call(page, served.url)
    page.focus("#note")
    page.evaluate(SHIFTS)
    lines, wrong = [], []
    for number, call in enumerate(some_calls()):
        answer, word, unit = type_call(page, number, call)
        assert word
        agree(page)
        page.keyboard.press("F9")
        page.wait_for_function("document.getElementById('note').value === ''")
        expected = call["recommendation"]
        lines.append(f"{answer:12} | {'/'.join(expected):22} | {call['type']}: {call['note'][:70]} | {unit[:60]}")
        wrong += [call["note"]] if answer == "ELIGIBLE" and "ELIGIBLE" not in expected else []
    print("", *lines, sep="\n")  # noqa: T201  the list is what the test is run for
    said = [entry for number in range(COUNT) for entry in ledger(served, call_id=f"forty-{number}")]
    assert len([entry for entry in said if entry["kind"] == "feedback"]) == COUNT
    assert page.evaluate("window.shifts") == []
    assert not wrong
