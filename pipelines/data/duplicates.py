"""Rows of one call, such as one row a unit sent: named, or made one call with the more cautious of their answers."""

from models.call import Answer
from models.errors import InvalidCall
from pipelines.data.formats.key_questions import most_cautious
from pipelines.data.rows import Record

_ANSWERS = ("weapons_answer", "violence_answer", "medical_answer")
_LEARNT = ("eligible", "response", "adverse_event", "danger", "weapon", "violence", "medical", "self_harm")
_MOST_NAMED = 1_000


class Duplicates:
    """Which calls were read before, by their `call_id`; `named` lists pairs of rows, the later and the first."""

    def __init__(self, *, collapse: bool) -> None:
        """Store whether rows of one call become one."""
        self.named: list[tuple[int, int]] = []
        self._collapse = collapse
        self._first: dict[int, tuple[int, int]] = {}
        self._merged: dict[int, list[Record]] = {}
        self._labels: dict[int, Record] = {}

    def absorbed(self, row: Record, number: int, place: int) -> bool:
        """Return whether a row belongs to an earlier one of its call and was taken up there.

        `number` is the row's number in the file, `place` its place among the accepted rows. Raises `InvalidCall` where
        the rows of a call that is to become one have different labels.
        """
        if row.get("call_id") is None:
            return False
        call_id = hash(str(row["call_id"]))
        first = self._first.setdefault(call_id, (number, place))
        labels = {name: row[name] for name in _LEARNT if row.get(name) is not None}
        known = self._labels.setdefault(call_id, {}) if self._collapse and labels else {}
        if first[0] == number:
            known |= labels
            return False
        if len(self.named) < _MOST_NAMED:
            self.named.append((number, first[0]))
        if not self._collapse:
            return False
        differing = next((name for name, word in labels.items() if known.get(name, word) != word), None)
        if differing is not None:
            raise InvalidCall(
                f"{differing} differs from that of row {first[0]}, the same call",
                field=differing,
                value=labels[differing],
                remedy="settle the label, or ingest without --collapse-units",
            )
        known |= labels
        self._merged.setdefault(first[1], []).append(row)
        return True

    def merged(self, row: Record, place: int) -> Record:
        """Return an accepted row with the rows that were taken up into it: notes joined, gaps filled, caution kept."""
        for other in self._merged.get(place, ()):
            row = _merge(row, other)
        return row


def _merge(first: Record, other: Record) -> Record:
    """Return two rows of one call as one."""
    merged = {name: other.get(name) if value is None else value for name, value in first.items()}
    lines = str(first["narrative"]).split("\n")
    merged["narrative"] = "\n".join([*lines, *(line for line in str(other["narrative"]).split("\n") if line not in lines)])
    for name in _ANSWERS:
        answers = {Answer(row[name]) for row in (first, other) if row.get(name) is not None}
        merged[name] = most_cautious(answers).value if answers else None
    merged["premise_hazard"] = first["premise_hazard"] or other["premise_hazard"] or merged["premise_hazard"]
    return merged
