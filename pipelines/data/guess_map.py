"""A proposed column map for an export: from the names of its columns, and from their values where rows are at hand."""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from pipelines.data.column_map import parse_time
from pipelines.data.rows import Record

# Patterns are tried in order over a column's name in lower case with one blank between its words; the first column that
# fits the first pattern is taken. What is known only after the call (a final type or priority, a clearance) comes last
# or never.
_NAMES: dict[str, tuple[str, ...]] = {
    "call_id": (
        r"(cad )?(event|incident|evnt) (number|num|no|id|#)|cad incident number",
        r"(cad|call) (number|num|no|#)|cad evnt id",
        r"call id|nopd item|case #|^call$|incident|event",
        r"^case (number|no)$|^id$",
    ),
    "received_at": (
        r"^(call )?received( date)?[ /]?(date ?time|datetime|timestamp)$|^call received date time$",
        r"^call received$|received at|^call date / time$",
        r"^(call|event|incident|report|act|create|response|add)? ?(date ?time|timestamp|queued time|create time|ts)$",
        r"^create time incident$|^call date/time$|^original time queued$|^time create$|^event queued time$|^call timestamp$",
        r"^date reported$|^reported( at| on)?$|^(call|event|response|incident|offense|received)? ?date$",
        r"^call time$|^time received$|^(offense|event) time$|^time$",
    ),
    "call_type": (
        r"^initial (call )?type (text|desc|description)$|call type (original|initial) desc",
        r"^initial (call )?type$|^call reported as$|call type (original|initial)$",
        r"(call|incident|event|nature|type|typ) ?(type |code )?desc(ription|r)?$|^call ?type$|^call nature$|^nature$",
        r"call reason",
        r"^type text$|^problem$|^incident type$|^event type$|^type description$|^call ?description$",
        r"^description$|final call (type|category)|incident category|^type$|^category$",
        r"final radio",
    ),
    "priority": (
        r"initial priority|priority (original|initial)",
        r"^(call |ca ?)?priority$",
        r"^final priority$|cip jobs|^prio$",
    ),
    "source": (
        r"(call )?(how ?received?|source|origin)$|received via",
        r"^call type$",  # left over where an initial call type was taken
    ),
    "zone": (
        r"^police district$",
        r"^area name$",
        r"^district$|^precinct( sca)?$|^call district$|^nypd pct cd$",
        r"^division$|^zone$",
        r"^beat$|^call beat$|^grid$|^sector$|^patrol area$",
        r"^neighborhood( association)?$",
    ),
    "language": (r"^(caller )?lang(uage)?$",),
    "weapons_answer": (r"^weapons$|^weapons? (answer|asked|question|flag)$",),
    "caller_key": (r"^caller (phone|number|id)$|call ?back|^phone( number)?$|^ani$",),
    "address_key": (
        r"^(incident|call|block)? ?address( public)?$|^incident location$|^(hundred)? ?block ?addr(ess)?$|^address x$",
        r"^hundredblockaddr$|^general location$|^location/address$|^intersection name$|^street$|^location$|address|premise",
    ),
    "disposition": (
        r"disposition (text|code description|desc)|^disposition code desc$|^call cleared by$|^final dispo$",
        r"clearance description",
        r"^(call |case )?disposition$|^action$|dispo",
    ),
}  # fmt: skip
_NARRATIVE = re.compile(r"narrative|remarks?\b|synopsis|comments?\b|^notes?$|call notes?|^summary$|details")
_FORMATS = (
    "%m/%d/%Y %I:%M:%S%p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M%p", "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M", "%m/%d/%Y %H%M", "%m/%d/%y %H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%y %I:%M %p",
    "%m-%d-%Y %H:%M:%S", "%m-%d-%Y %H:%M",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M:%S%z", "%Y%m%d%H%M%S", "%d-%b-%Y %H:%M:%S", "%b %d %Y %I:%M%p", "%m/%d/%Y",
)  # fmt: skip
_FEWEST_LETTERS = 20
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[#/]")


def guess_map(rows: list[Record]) -> str:
    """Return a proposed map as TOML; where the file has no text column, a map that says so.

    The narrative is proposed only where a column is named as one, or holds sentences; times by the formats that fit all
    values.
    """
    columns = list(rows[0]) if rows else []
    chosen = guess_columns(columns, rows)
    time_formats = _time_formats([_joined(row, chosen.get("received_at", [])) for row in rows])
    lines = ["# Proposed from the names and contents of the columns: check each line."]
    lines.append('time_zone = "America/New_York"    # check: the zone of the city')
    if time_formats:
        lines.append(f"time_formats = {json.dumps(time_formats)}")
    elif time_formats is None:
        lines.append("# received_at fits no known format: write its time_formats, such as ['%d.%m.%Y %H:%M']")
    if "narrative" not in chosen:
        lines.append("# No column holds notes: the file can be used for call types alone.\nwithout_notes = true")
    lines += ["", "[columns]"]
    lines += [f"{target} = {_toml(named)}" for target, named in chosen.items()]
    used = {name for named in chosen.values() for name in named}
    lines += [f"# not used: {column}" for column in columns if column not in used]
    return "\n".join(lines) + "\n"


def guess_columns(columns: Sequence[str], rows: Sequence[Record] = ()) -> dict[str, list[str]]:
    """Return the columns of each field of a call, by their names and by some rows where there are any."""
    words = {column: " ".join(_WORDS.findall(column.replace("_", " "))).lower() for column in columns}
    chosen: dict[str, list[str]] = {}
    note = _narrative(words, rows)
    if note:
        chosen["narrative"] = [note]
    for target, patterns in _NAMES.items():
        taken = {name for named in chosen.values() for name in named}
        left = {column: name for column, name in words.items() if column not in taken}
        column = next((one for pattern in patterns for one, name in left.items() if re.search(pattern, name)), None)
        if column is not None:
            chosen[target] = [column]
    if "received_at" in chosen:
        chosen["received_at"] += _time_of_day(chosen["received_at"][0], words, rows)
    return chosen


def _narrative(words: dict[str, str], rows: Sequence[Record]) -> str | None:
    """Return the column that holds notes: one named so, or one whose values are sentences."""
    lengths = {column: _mean_length(column, rows) for column in words}
    named = [column for column, name in words.items() if _NARRATIVE.search(name) and "call type" not in name]
    if named:
        return max(named, key=lambda column: lengths[column])
    places = [pattern for target in ("address_key", "zone", "disposition") for pattern in _NAMES[target]]
    unnamed = [column for column, name in words.items() if not any(re.search(pattern, name) for pattern in places)]
    prose = [column for column in unnamed if lengths[column] >= _FEWEST_LETTERS and _is_prose(column, rows)]
    return max(prose, key=lambda column: lengths[column], default=None)


def _mean_length(column: str, rows: Sequence[Record]) -> float:
    """Return the mean number of characters of a column's values."""
    return sum(len(str(row.get(column) or "")) for row in rows) / max(len(rows), 1)


def _is_prose(column: str, rows: Sequence[Record]) -> bool:
    """Return whether values of a column are sentences: mostly of six words or more, and mostly different."""
    values = [str(row.get(column) or "") for row in rows]
    long = [value for value in values if len(value.split()) >= 6]
    return len(long) > len(values) / 2 and len(set(values)) > len(values) / 2


def _time_of_day(column: str, words: dict[str, str], rows: Sequence[Record]) -> list[str]:
    """Return the column that holds the time of day where the chosen one holds a date alone."""
    date_alone = not any(":" in str(row.get(column) or "") for row in rows[:20]) if rows else True
    if not date_alone or not re.search(r"\bdate\b", words[column]) or re.search(r"time|timestamp", words[column]):
        return []
    wanted = {words[column].replace("date", "time"), "time received", "time", "call time"}
    return [one for one, name in words.items() if name in wanted and one != column][:1]


def _joined(row: Record, columns: Sequence[str]) -> str:
    """Return the values of columns, with a blank between them."""
    return " ".join(str(row.get(column) or "").strip() for column in columns).strip()


def _time_formats(values: list[str]) -> list[str] | None:
    """Return the fewest formats that read all values; none where they are ISO 8601, `None` where some cannot be read."""
    left = [value for value in values if value and parse_time(value, ()) is None]
    formats = []
    for form in _FORMATS:
        rest = [value for value in left if not _fits(value, form)]
        if len(rest) < len(left):
            formats.append(form)
            left = rest
    return None if left else formats


def _fits(value: str, form: str) -> bool:
    """Return whether a value is a time of a format."""
    try:
        datetime.strptime(value, form)  # noqa: DTZ007  only the format is of interest
    except ValueError:
        return False
    return True


def _toml(values: list[str]) -> str:
    """Return names as TOML."""
    return json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False)
