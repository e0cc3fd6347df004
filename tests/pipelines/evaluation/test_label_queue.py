"""The labelling queue: the most useful calls first, and a random share for unbiased estimates."""

import functools

import numpy as np
import pandas as pd
import pytest
from command import heartline

from pipelines.data.readers import records
from pipelines.evaluation.label_queue import RANDOM, queue_order, random_sample
from pipelines.evaluation.weak_labels import votes, weak_probabilities


@pytest.fixture(scope="module")
def calls(corpus):
    """Return 400 calls of the small corpus as their file has them."""
    return pd.DataFrame([row for row, _ in zip(records(corpus), range(400), strict=False)])


def test_every_call_is_queued_once_and_the_same_seed_gives_the_same_order(calls, router):
    """No call is lost or doubled, every list takes turns, and the draw can be made again."""
    first, again = (queue_order(calls, router=router, seed=3) for _ in range(2))
    assert sorted(first["place"]) == list(range(len(calls)))
    assert first.equals(again)
    assert set(first["drawn_by"]) == {RANDOM, "near_threshold", "rare_signal", "unfamiliar", "weak_labels"}
    assert 0.15 < (first["drawn_by"] == RANDOM).mean() < 0.35


def test_the_random_sample_is_the_beginning_of_one_permutation(calls, rules_router, monkeypatch):
    """Over many seeds each call is as likely as any other to be in the sample, however useful it seems."""
    monkeypatch.setattr(rules_router.reader, "read", functools.cache(rules_router.reader.read))  # the same 60 notes
    counts = np.zeros(60)
    sizes = []
    for seed in range(300):
        order = queue_order(calls.head(60), router=rules_router, random_share=0.5, seed=seed)
        sample = random_sample(order, 30)
        assert sample["random_rank"].tolist() == list(range(len(sample)))
        counts[sample["place"].to_numpy()] += 1
        sizes.append(len(sample))
    expected = np.sum(sizes) / 60
    assert np.mean(sizes) > 12
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_what_is_likely_eligible_comes_early(calls, router):
    """In half of the queue stand clearly more than half of the eligible calls, which are few and dear."""
    order = queue_order(calls, router=router, random_share=0.0)
    eligible = calls["eligible"].astype(str).isin(["True", "yes"]).to_numpy()[order["place"].to_numpy()]
    assert eligible[: len(calls) // 2].mean() > 1.3 * eligible.mean()


def test_nothing_in_the_queue_says_what_a_call_is(calls, router):
    """The model's answer and the weak label stay hidden from those who label."""
    assert list(queue_order(calls, router=router).columns) == ["place", "drawn_by", "random_rank", "random_share"]


def test_sources_that_speak_one_way_are_weighed():
    """A source that can only vote against changes the probability, and a better source changes it more."""
    rng = np.random.default_rng(0)
    truth = rng.random(2000) < 0.2
    good = np.where(~truth & (rng.random(2000) < 0.8), -1, 0)
    poor = np.where(rng.random(2000) < 0.5, -1, 0)
    pro = np.where(rng.random(2000) < np.where(truth, 0.8, 0.1), 1, 0)
    chances = weak_probabilities(np.column_stack([good, poor, pro]).astype(np.int8))
    silent = chances[(good == 0) & (poor == 0) & (pro == 0)].mean()
    by_good, by_poor = (
        chances[(one == -1) & (other == 0) & (pro == 0)].mean() for one, other in ((good, poor), (poor, good))
    )
    assert by_good < by_poor < silent + 0.05
    assert chances[truth].mean() > chances[~truth].mean() + 0.4


def test_each_source_speaks_as_it_should(rules_router):
    """Disposition, unit, call type, signal and rule each give their vote, and unknown words give none."""
    rows = pd.DataFrame(
        [
            {"narrative": "man with a knife", "disposition": "04", "unit_sent": "police"},
            {"narrative": "asleep in the doorway", "call_type": "Trespass", "unit_sent": "co_response"},
            {"narrative": "hello", "disposition": "CLEARED", "unit_sent": "M12"},
        ]
    )
    from models.call import Call  # noqa: PLC0415

    readings = [
        rules_router.reader.read(Call(narrative=row.narrative, call_type=None if pd.isna(row.call_type) else row.call_type))
        for row in rows.itertuples()
    ]
    groups = rules_router.reader.signals.lexicon.groups.items()
    own = frozenset(name for name, group in groups if group.program)
    said = votes(rows, readings, rules_router.program, program_groups=own)
    assert said.loc[0, ["rules", "disposition", "unit sent"]].tolist() == [-1, -1, -1]
    assert said.loc[1, ["call type", "program signal", "unit sent"]].tolist() == [1, 1, 1]
    assert said.loc[2].tolist() == [0] * 6


def test_the_command_orders_a_file_without_a_model(calls, tmp_path):
    """A city that has no model yet gets a queue too."""
    calls.head(40).to_csv(tmp_path / "calls.csv", index=False)
    out = tmp_path / "queue.csv"
    code, shown, err = heartline(
        "review", "order", "--data", str(tmp_path / "calls.csv"), "--out", str(out), "--runs", str(tmp_path)
    )
    assert code == 0, err
    assert "40 calls written" in shown
    assert sorted(pd.read_csv(out)["call_id"]) == sorted(calls.head(40)["call_id"])
