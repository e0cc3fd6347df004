"""One client cannot starve others: clients take turns, and the one that fills the queue is refused first."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.fair_queue import FairQueue, Overloaded


async def served_order(requests, *, places=1, most_waiting=1000):
    """Return the persons in the order in which they got a place; all ask at once, each works for one turn of the loop."""
    queue, order = FairQueue(places=places, most_waiting=most_waiting), []

    async def ask(person):
        await queue.enter(person)
        try:
            order.append(person)
            await asyncio.sleep(0)
        finally:
            queue.leave()

    results = await asyncio.gather(*(ask(person) for person in requests), return_exceptions=True)
    return order, [person for person, result in zip(requests, results, strict=True) if isinstance(result, Overloaded)]


def test_a_second_client_does_not_wait_behind_the_first_ones_hundred():
    """Of a hundred requests of one client and one of another, the other's is the second or third to be answered."""
    order, refused = asyncio.run(served_order(["flood"] * 100 + ["desk"]))
    assert order.index("desk") <= 2
    assert len(order) == 101
    assert refused == []


def test_the_client_that_fills_the_queue_is_refused_first():
    """Where the queue is full, its newest requests make room for those of clients with fewer."""
    order, refused = asyncio.run(served_order(["flood"] * 30 + ["desk", "other"] * 3, most_waiting=10))
    assert set(refused) == {"flood"}
    assert Counter(order)["desk"] == Counter(order)["other"] == 3


def test_everyone_is_refused_where_all_wait_alike():
    """Where ten clients with one request each fill a queue of ten, the eleventh is refused."""
    _, refused = asyncio.run(served_order([str(number) for number in range(12)], most_waiting=10))
    assert refused == ["11"]


def test_who_gives_up_leaves_no_place_taken():
    """Requests that are cancelled, before or in their turn, take nothing from those who come after."""

    async def run():
        queue = FairQueue(places=1, most_waiting=10)
        await queue.enter("a")
        waiting = [asyncio.create_task(queue.enter(name)) for name in ("b", "c")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        queue.leave()  # it is c's turn
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.wait_for(queue.enter("d"), 1)
        return queue.waiting

    assert asyncio.run(run()) == 0


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(1, 4), st.integers(1, 20))
def test_every_request_is_served_once_or_refused(requests, places, most_waiting):
    """Nothing is lost and nothing served twice, whoever asks and however small the queue is."""
    order, refused = asyncio.run(served_order(requests, places=places, most_waiting=most_waiting))
    assert Counter(order) + Counter(refused) == Counter(requests)


def test_a_stream_waits_however_long_the_line_is():
    """An unbounded request is never refused."""

    async def run():
        queue = FairQueue(places=1, most_waiting=1)
        await queue.enter("a")
        streams = [asyncio.create_task(queue.enter("b", bounded=False)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await queue.enter("b")
        with pytest.raises(Overloaded):
            await queue.enter("c")
        for _ in range(5):
            queue.leave()
            await asyncio.sleep(0)
        return [task.done() for task in streams]

    assert asyncio.run(run()) == [True] * 5
