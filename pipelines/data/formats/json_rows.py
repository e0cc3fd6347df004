"""JSON: one object a line, an array of objects as open-data portals give it, or GeoJSON; nested values are flattened."""

import io
import json
from collections.abc import Iterator
from typing import IO, Any

from models.errors import InvalidData
from pipelines.data.formats.delimited import encoding_of
from pipelines.data.rows import Notice, Record, UnreadableRecord, flatten

_REMEDY = "write one JSON object a line"


def json_lines(stream: IO[bytes]) -> Iterator[Record]:
    """Yield JSON objects, one a line; a line that is none is an `UnreadableRecord` with its number."""
    for number, raw in enumerate(stream, start=1):
        try:
            line = raw.decode("utf-8").removeprefix("\ufeff").strip()
            record = json.loads(line) if line else None
        except (UnicodeDecodeError, ValueError):
            yield UnreadableRecord("line is not JSON", row=f"line {number}", remedy=_REMEDY)
            continue
        if isinstance(record, dict):
            yield flatten(record)
        elif line:
            yield UnreadableRecord("line is not a JSON object", row=f"line {number}", remedy=_REMEDY)


def json_document(stream: IO[bytes], name: str) -> Any:
    """Return the value of a JSON file in whatever Unicode encoding; raise `InvalidData` naming a file that is none."""
    raw = stream.read()
    try:
        return json.loads(raw.decode(encoding_of(io.BytesIO(raw))).removeprefix("\ufeff"))
    except ValueError:
        raise InvalidData("file is not JSON", value=name, remedy="give an EIDO document or an array of objects") from None


def json_array(value: Any, name: str, notice: Notice) -> Iterator[Record]:
    """Yield the objects of an array, or the properties of GeoJSON features; raise `InvalidData` for another value."""
    features = value.get("features") if isinstance(value, dict) else None
    objects = features if isinstance(features, list) else value
    if not isinstance(objects, list) or not objects or not all(isinstance(one, dict) for one in objects):
        raise InvalidData("file holds no calls", value=name, remedy="give an EIDO document or an array of objects")
    notice(f"read as {'GeoJSON' if features else 'a JSON array'}, {len(objects)} objects")
    for one in objects:
        properties = one.get("properties")
        yield flatten(properties if features and isinstance(properties, dict) else one)
