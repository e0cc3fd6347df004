"""A decision writes itself the same way everywhere."""

import json
from datetime import UTC, datetime

from models.call import Call
from models.decision import Decision
from serving.schemas import DecisionOut


def test_what_is_sent_is_what_is_documented(router):
    """Every field of a decision stands in the HTTP schema, and the reverse."""
    decision = router.decide(
        Call(narrative="male w/ a knife, \U0001f52a née", received_at=datetime(2026, 1, 5, 3, tzinfo=UTC))
    )
    sent = DecisionOut.model_validate_json(decision.to_json())
    assert set(decision.to_dict()) == set(DecisionOut.model_fields)
    assert json.loads(sent.model_dump_json())["reasons"] == decision.to_dict()["reasons"]


def test_one_line_of_json(router):
    """A decision is one line, so that a file of them is JSONL."""
    text = router.decide(Call(narrative="line one\nline two with a gun")).to_json()
    assert "\n" not in text
    assert json.loads(text)["recommendation"] == "NOT_ELIGIBLE"


def test_decisions_cannot_be_changed(rules_router):
    """A decision is frozen."""
    decision = rules_router.decide(Call(narrative=""))
    assert isinstance(decision, Decision)
    assert decision.__dataclass_params__.frozen
