"""Health answers in time with a locked ledger or a note that takes seconds."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

from service_helpers import CALL


def test_health_answers_while_another_process_holds_the_ledger(shared_service):
    """The decision waits for the lock in the ledger's thread; it is written and answered once the lock is free."""
    path = shared_service.settings["ledger"].removeprefix("sqlite:///")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(shared_service.post, "/v1/decisions", json=CALL)
        assert [shared_service.get("/v1/health/live").status_code for _ in range(50)] == [200] * 50
        assert not answer.done()
        holder.execute("ROLLBACK")
        assert answer.result().status_code == 200
    holder.close()


def test_readiness_says_that_the_ledger_cannot_be_written(shared_service):
    """Readiness reports that the ledger cannot be written, and when it can again."""
    assert shared_service.get("/v1/health/ready").json()["status"] == "ready"
    holder = sqlite3.connect(shared_service.settings["ledger"].removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    ready = shared_service.get("/v1/health/ready").json()
    holder.execute("ROLLBACK")
    holder.close()
    assert ready["status"] == "degraded"
    assert "ledger cannot be written" in ready["detail"]
    assert shared_service.post("/v1/decisions", json=CALL).status_code == 200
    assert shared_service.get("/v1/health/ready").json()["status"] == "ready"


def test_health_answers_while_long_notes_are_decided(shared_service):
    """A note of 64 Ki letters is decided in a process of its own."""
    answers = []
    shared_service.app.state.services.decisions._long_notes._start()[1].result(timeout=300)

    def ask():
        answers.extend(
            shared_service.post("/v1/decisions", json={"narrative": note}).json()
            for note in ("gun " * 16_384, "\U0001f52b" * 20_000, "\ufdfa" * 65_536)
        )

    with ThreadPoolExecutor(1) as pool:
        asking, while_asking = pool.submit(ask), 0
        while not asking.done():
            assert shared_service.get("/v1/health/live").status_code == 200
            while_asking += 1
        asking.result()
    assert answers[0]["recommendation"] == "NOT_ELIGIBLE"
    assert all(answer["recommendation"] != "ELIGIBLE" for answer in answers)
    assert while_asking > 10  # were they decided on the event loop, health would be answered between them only
