"""The labelling queue: who gets which call, that labellers are blind, disputes, and figures that are honest."""

import uuid
from datetime import UTC, datetime, timedelta

import postgres
import pytest
import sqlalchemy as sa
from ledgers import ENCRYPTION
from sklearn.metrics import cohen_kappa_score

from models.call import Call
from models.errors import InvalidConfig, InvalidEntry
from models.labelling.label import Judgement, Label, LabelTask, Prediction
from models.labelling.progress import LabelledItem, kappa, progress
from models.labelling.store import LEASE_MINUTES, LabelStore, Project, Queued
from models.ledger.encryption import NoteEncryption

PROJECT = Project(guide="Read the note.", pool=10, random_share=0.25, double_share=0.5, seed=0, model_version="m")
YES, NO, UNSURE = Label(eligible=True), Label(eligible=False, weapon=True), Label(eligible=None)


@pytest.fixture(scope="module")
def server():
    """Run PostgreSQL once."""
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.running() as running:
        yield running[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labels.db'}"
    base, name = request.getfixturevalue("server"), f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(base.replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return base.replace("/postgres", f"/{name}")


def queue(*needed):
    """Return queued calls; the model's answer is among what came with each."""
    prediction = Prediction(model_version="m", score=0.9, choices=("eligible",))
    return [
        Queued(
            task=LabelTask(call=Call(narrative=f"zebra note {number}"), predictions=(prediction,)),
            drawn_by="random",
            random_rank=number - 1,
            needed=each,
        )
        for number, each in enumerate(needed, start=1)
    ]


@pytest.fixture
def make(url):
    """Return a function that makes a project of calls, each for one or two people, and opens it."""
    opened = []

    def build(*needed):
        store = LabelStore.create(url, ENCRYPTION, PROJECT, queue(*needed))
        opened.append(store)
        return store

    yield build
    for store in opened:
        store.close()


def say(store, item_id, person, label, **more):
    """Give an answer."""
    store.answer(item_id, Judgement(person=person, label=label, seconds=4.0, **more))


def test_two_people_never_have_one_call_that_needs_one(make):
    """A call before one person is passed over for the other, comes back after its lease, and is the same after a reload."""
    store = make(1, 1)
    now = datetime.now(UTC)
    assert store.next_item("ann", now=now).item_id == store.next_item("ann", now=now).item_id == 1
    assert store.next_item("bob", now=now).item_id == 2
    assert store.next_item("cyd", now=now) is None
    assert store.next_item("cyd", now=now + timedelta(minutes=LEASE_MINUTES + 1)).item_id == 1


def test_two_labellers_are_blind_to_each_other_and_to_the_model(make):
    """The second person gets the call as the first did: no label is told; only an adjudicator is told all."""
    store = make(2)
    say(store, 1, "ann", YES)
    seen = store.next_item("bob")
    assert (seen.item_id, seen.judgements) == (1, ())
    assert store.next_item("ann") is None
    say(store, 1, "bob", NO)
    assert store.next_item("ann", adjudicate=True) is None
    disputed = store.next_item("eve", adjudicate=True)
    assert [each.label for each in disputed.judgements] == [YES, NO]
    assert disputed.task.predictions[0].choices == ("eligible",)


def test_a_dispute_is_settled_by_someone_else(make):
    """Different labels and an unsure one wait; the adjudicator's label counts; nobody decides on their own label."""
    store = make(2, 1, 2)
    for person, label in (("ann", YES), ("bob", NO)):
        say(store, 1, person, label)
        say(store, 3, person, YES)
    say(store, 2, "ann", UNSURE)
    assert [item.disputed for item in store.items()] == [True, True, False]
    with pytest.raises(InvalidEntry, match="someone who did not label"):
        say(store, 1, "ann", NO, adjudication=True)
    with pytest.raises(InvalidEntry, match="not in dispute"):
        say(store, 3, "eve", NO, adjudication=True)
    say(store, 1, "eve", NO, adjudication=True)
    assert [item.settled for item in store.items()] == [NO, None, YES]
    with pytest.raises(InvalidEntry, match="adjudicated"):
        say(store, 1, "ann", NO)


def test_an_answer_can_be_corrected_and_enough_is_enough(make):
    """The last answer of a person counts; a third labeller is refused; a call that is not there too."""
    store = make(1)
    say(store, 1, "ann", YES)
    assert store.last_item("ann").judgements[0].label == YES
    say(store, 1, "ann", NO)
    (item,) = store.items()
    assert item.settled == NO
    assert store.last_item("bob") is None
    for person, item_id in (("bob", 1), ("ann", 9)):
        with pytest.raises(InvalidEntry):
            say(store, item_id, person, YES)


def test_a_project_goes_on_where_it_stopped_and_no_note_is_readable(make, url, tmp_path):
    """Opened anew it holds every answer; its file holds no word of a note; another key and a second project are refused."""
    store = make(1, 1)
    say(store, 1, "ann", YES)
    again = LabelStore(url, ENCRYPTION)
    assert (again.project, again.next_item("ann").item_id) == (PROJECT, 2)
    assert again.next_item("ann").task.call.narrative == "zebra note 2"
    again.close()
    assert not any(b"zebra" in path.read_bytes() for path in tmp_path.glob("labels.db*"))
    with pytest.raises(InvalidConfig, match="key"):
        LabelStore(url, NoteEncryption(b"x" * 32))
    with pytest.raises(InvalidConfig, match="already"):
        LabelStore.create(url, ENCRYPTION, PROJECT, queue(1))


def test_a_project_that_is_not_there_is_named(url):
    """Nothing is created by looking."""
    with pytest.raises(InvalidConfig, match="label create"):
        LabelStore(url, ENCRYPTION)


def test_labels_that_came_with_a_call_count(url):
    """A judgement of another tool is one of the answers."""
    (queued,) = queue(1)
    task = LabelTask(call=queued.task.call, judgements=(Judgement(person="studio", label=NO),))
    store = LabelStore.create(url, ENCRYPTION, PROJECT, [Queued(task=task, drawn_by="random", random_rank=0)])
    assert store.items()[0].settled == NO
    store.close()


def item(number, *labels, rank=None, needed=1):
    """Return a labelled item."""
    people = tuple(Judgement(person=f"p{place}", label=label, seconds=place + 1.0) for place, label in enumerate(labels))
    return LabelledItem(item_id=number, needed=needed, drawn_by="x", random_rank=rank, judgements=people)


def test_estimates_come_from_the_random_sample_alone():
    """Calls that were chosen for being hard do not shift the shares, and the sample ends at the first call that waits."""
    chosen = [item(number, YES) for number in range(10)]
    drawn = [item(20, YES, rank=0), item(21, NO, rank=1), item(22, NO, rank=2), item(23, rank=3), item(24, YES, rank=4)]
    figures = progress([*chosen, *drawn])
    assert (figures.sampled, figures.complete) == (3, 14)
    assert figures.estimates["eligible"].value == pytest.approx(1 / 3)
    assert figures.estimates["danger"].value == pytest.approx(2 / 3)


def test_kappa_is_that_of_two_labellers():
    """Equal to scikit-learn's on calls that were labelled twice; unknown where there is nothing to compare."""
    pairs = [(YES, YES), (NO, NO), (YES, NO), (UNSURE, NO), (NO, NO)]
    figures = progress([item(number, *pair, needed=2) for number, pair in enumerate(pairs)])
    one, other = zip(*[[str(label.eligible) for label in pair] for pair in pairs], strict=True)
    assert figures.kappa == pytest.approx(cohen_kappa_score(one, other))
    assert (figures.twice, figures.disputed, figures.median_seconds) == (5, 2, 1.5)
    assert kappa(["a"], ["a"]) is kappa(["a", "a"], ["a", "a"]) is None
