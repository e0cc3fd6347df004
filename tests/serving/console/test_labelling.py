"""The labelling page's server side: who may label and who may decide, and what each is told."""

import pytest
from clients import local_client
from ledgers import ENCRYPTION, HASH_KEY

from models.call import Call
from models.common import api_keys
from models.labelling.label import LabelTask, Prediction
from models.labelling.store import LabelStore, Project, Queued
from serving.app import create_app
from serving.settings import Settings

PROJECT = Project(guide="One.\n\nTwo.", pool=1, random_share=0.25, double_share=1.0, seed=0, model_version="m")
PEOPLE = {"ann": ["labeller"], "bob": ["labeller"], "eve": ["evaluator"], "cal": ["call_taker"]}
SAID = {"eligible": True, "seconds": 2.5}


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Return a client of a service with a project of one call for two people, and each person's headers."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())
    url, keys = f"sqlite:///{tmp_path / 'labels.db'}", tmp_path / "keys.json"
    prediction = Prediction(model_version="m", score=0.875, choices=("not_eligible",))
    task = LabelTask(call=Call(narrative="man asleep", call_type="Trespass"), predictions=(prediction,))
    queue = [Queued(task=task, drawn_by="random", random_rank=0, needed=2)]
    LabelStore.create(url, ENCRYPTION, PROJECT, queue).close()
    secrets = {name: api_keys.create(keys, name=name, roles=roles)[1] for name, roles in PEOPLE.items()}
    settings = Settings(bundle=tmp_path / "none", cache=tmp_path / "good", ledger="none", labels=url, keys=str(keys))
    with local_client(create_app(settings, log=False)) as client:
        yield client, {name: {"X-API-Key": secret} for name, secret in secrets.items()}


def test_two_label_blind_and_a_third_decides(people):
    """Labellers see neither each other's label nor the model's answer; the adjudicator sees both, and decides."""
    client, who = people
    for name, eligible in (("ann", True), ("bob", False)):
        item = client.get("/console/label/next", headers=who[name]).json()["item"]
        assert (item["note"], item["fields"], item["said"]) == ("man asleep", {"call_type": "Trespass"}, [])
        assert "model" not in item
        said = {"eligible": eligible, "weapon": not eligible, "seconds": 2.5}
        assert client.post(f"/console/label/{item['id']}", json=said, headers=who[name]).status_code == 204
    answer = client.get("/console/label/next", params={"disputes": "true"}, headers=who["eve"])
    assert answer.headers["cache-control"] == "no-store"
    item, progress = answer.json()["item"], answer.json()["progress"]
    assert [each["choices"] for each in item["said"]] == [["eligible"], ["not_eligible", "weapon"]]
    assert item["model"] == [{"score": 0.875, "choices": ["not_eligible"]}]
    assert (progress["complete"], progress["disputed"], progress["twice"], progress["seconds"]) == (1, 1, 1, 2.5)
    decided = client.post("/console/label/1", params={"disputes": "true"}, json=SAID, headers=who["eve"])
    assert decided.status_code == 204
    progress = client.get("/console/label/next", headers=who["ann"]).json()["progress"]
    assert progress["disputed"] == 0


@pytest.mark.parametrize(
    ("name", "disputes", "status"),
    [("ann", "false", 200), ("ann", "true", 403), ("eve", "true", 200), ("eve", "false", 403), ("cal", "false", 403)],
)
def test_labelling_and_deciding_are_for_different_roles(people, name, disputes, status):
    """A labeller does not decide disputes, an evaluator does not label, a call-taker does neither."""
    client, who = people
    for path in ("/label", "/console/label/next"):
        assert client.get(path, params={"disputes": disputes}, headers=who[name]).status_code == status


def test_a_labeller_signs_in_to_the_labelling_page(people):
    """The first page is the one that they work on; the guide stands on it."""
    client, who = people
    answer = client.post("/sign-in", data={"secret": who["ann"]["X-API-Key"]}, follow_redirects=False)
    assert answer.headers["location"] == "/label"
    assert "<p>Two.</p>" in client.get("/label").text


@pytest.mark.parametrize(
    ("item", "said", "status"),
    [(9, SAID, 422), (1, SAID | {"unknown": 1}, 422), (1, {"seconds": 1}, 422), (1, SAID | {"seconds": -1}, 422)],
)
def test_an_answer_that_cannot_be_kept_is_refused(people, item, said, status):
    """No such call, an unknown field, no answer, an impossible time."""
    client, who = people
    assert client.post(f"/console/label/{item}", json=said, headers=who["ann"]).status_code == status
