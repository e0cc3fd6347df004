"""Decisions on the rows of files, in their order; only a block of rows is in memory, however long a file is."""

from collections import deque
from collections.abc import Iterable, Iterator

from models.call import Call
from models.decision import Decision
from models.errors import InvalidCall
from models.reasons import Detail
from models.router import Router
from pipelines.data.rows import Record
from pipelines.data.table import read_row


def decide_records(
    router: Router, records: Iterable[Record], *, detail: Detail = "all"
) -> Iterator[tuple[Call, Decision, bool]]:
    """Yield each row's call, its decision, and whether it could be read; a row that could not gets REVIEW."""
    waiting: deque[tuple[Call, InvalidCall | None]] = deque()

    def calls() -> Iterator[Call]:
        for record in records:
            try:
                call = read_row(record)
            except InvalidCall as error:
                waiting.append((Call(narrative="", call_id=str(record.get("call_id") or "") or None), error))
                continue
            waiting.append((call, None))
            yield call

    def refused() -> Iterator[tuple[Call, Decision, bool]]:
        while waiting and (error := waiting[0][1]) is not None:
            call, _ = waiting.popleft()
            yield call, router.refuse(error, call_id=call.call_id), False

    for decision in router.decide_many(calls(), detail=detail):
        yield from refused()
        yield waiting.popleft()[0], decision, True
    yield from refused()
