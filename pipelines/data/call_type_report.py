"""How the call types of a file are read: which are not, by their share of calls, and which known ones are nearest."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.programs.call_types import MISSING, UNMAPPED, CallTypes, Confidence, type_names

_NEAREST = 3


@dataclass(slots=True)
class CallTypeReport:
    """Call types of a file, as written, with the number of calls; by how they were read, and the program's type for each."""

    read: dict[Confidence, Counter[str]] = field(default_factory=lambda: {level: Counter() for level in Confidence})
    unmapped: Counter[str] = field(default_factory=Counter)
    names: dict[str, str] = field(default_factory=dict)
    missing: int = 0

    @property
    def calls(self) -> int:
        """Return the number of calls that have a call type."""
        return self.unmapped.total() + sum(counts.total() for counts in self.read.values())

    def share(self, count: int) -> float:
        """Return a number of calls as a share of those that have a call type."""
        return count / max(self.calls, 1)


def report_call_types(written: Iterable[str | None], call_types: CallTypes) -> CallTypeReport:
    """Return how the call types of calls are read; `None` is a call without one."""
    report = CallTypeReport()
    for text in written:
        kind = call_types.canonical(text)
        if text is None or kind.name == MISSING:
            report.missing += 1
        elif kind.name == UNMAPPED:
            report.unmapped[text] += 1
        else:
            report.read[kind.confidence][text] += 1
            report.names[text] = kind.name
    return report


def nearest(text: str, report: CallTypeReport) -> list[str]:
    """Return the known call types of a file, and the program's, that are written most like one that is not known."""
    known = {name.lower(): name for name in [*(name.replace("_", " ") for name in type_names()), *report.names]}
    return [known[match] for match in difflib.get_close_matches(text.lower(), known, n=_NEAREST, cutoff=0.5)]


def report_lines(report: CallTypeReport, *, most: int = 50) -> Iterator[str]:
    """Yield the lines of a report: shares by level, then what is not known and what was guessed, most frequent first."""
    yield f"{report.calls} calls with a call type, {report.missing} without"
    for level, counts in report.read.items():
        yield f"{level.value.replace('_', ' '):10}{report.share(counts.total()):7.1%}  {len(counts)} types"
    yield f"{'unmapped':10}{report.share(report.unmapped.total()):7.1%}  {len(report.unmapped)} types"
    for text, count in report.unmapped.most_common(most):
        near = ", ".join(nearest(text, report)) or "nothing like it"
        yield f"not known {report.share(count):7.2%}  {text}  (nearest: {near})"
    for text, count in report.read[Confidence.GUESSED].most_common(most):
        yield f"guessed   {report.share(count):7.2%}  {text} -> {report.names[text]}"


def call_types_toml(report: CallTypeReport) -> str:
    """Return the table to fill in: types that are not known, most frequent first, then those that were guessed."""
    lines = [
        "# Copy into the program's file, and write the program's type for each; unmapped says nothing about a call.",
        f"# Types: {', '.join(type_names())}",
        "[call_types]",
    ]
    lines += [
        f'{json.dumps(text, ensure_ascii=False)} = "{UNMAPPED}"    # {report.share(count):.2%} of calls'
        for text, count in report.unmapped.most_common()
    ]
    lines += [
        f'{json.dumps(text, ensure_ascii=False)} = "{report.names[text]}"    # guessed, {report.share(count):.2%} of calls'
        for text, count in report.read[Confidence.GUESSED].most_common()
    ]
    return "\n".join(lines) + "\n"
