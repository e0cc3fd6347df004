"""A call, and how tests of the service ask about it."""

CALL = {"narrative": "male asleep in doorway of store, refusing to leave", "call_type": "Trespass", "call_id": "2026-7"}
WHISPER = "zebra-7781"


def decide(client, **more):
    """Ask for a decision."""
    answer = client.post("/v1/decisions", json=CALL | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entries(client, decision_id):
    """Return what the ledger holds of a decision."""
    return client.get(f"/v1/decisions/{decision_id}").json()
