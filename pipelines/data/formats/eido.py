"""Read NENA EIDO JSON (NENA-STA-021.1): one incident's components become one call, its notes merged in time order.

The reader takes what a call needs from the incident, call, location and notes components and leaves the rest. Documents of
one `$id` are one incident: the one with the latest `lastUpdateTimeStamp` counts, so that reading twice changes nothing.
Component and field names follow the standard's published JSON structure; spellings with and without a suffix are taken.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from models.errors import InvalidData

Document = dict[str, Any]


def records(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield one row for each incident in the documents of files; raise `InvalidData` naming a file that is none."""
    latest: dict[str, tuple[str, dict[str, Any]]] = {}
    for path in paths:
        for document in _documents(path):
            identity, updated = str(document["$id"]), str(document.get("lastUpdateTimeStamp", ""))
            if identity not in latest or updated >= latest[identity][0]:
                latest[identity] = updated, row(document)
    yield from (found for _, found in latest.values())


def row(document: Document) -> dict[str, Any]:
    """Return one incident as a row with the names of `Call`'s fields."""
    incident = _first(document, "incidentComponent", "incidentInformation")
    call = _first(document, "callComponent", "callInformation")
    place = _first(document, "locationComponent", "locationInformation")
    notes = sorted(_all(document, "notesComponent", "notes"), key=lambda note: _time(note) or "")
    return {
        "narrative": "\n".join(_note(note) for note in notes if _text(note)),
        "call_id": incident.get("incidentTrackingIdentifier")
        or document.get("incidentTrackingIdentifier")
        or document["$id"],
        "received_at": call.get("callStartTimestamp")
        or call.get("callReceivedTimestamp")
        or incident.get("creationTimestamp"),
        "call_type": incident.get("incidentTypeInternalText") or _word(incident.get("incidentTypeCommonRegistryText")),
        "priority": _word(incident.get("internalIncidentPriorityText") or incident.get("incidentCommonPriorityNumber")),
        "zone": place.get("internalZoneText") or place.get("responseZoneText"),
        "language": call.get("callerLanguageText"),
        "caller_key": call.get("callbackNumberText") or call.get("callerIdentifier"),
        "address_key": place.get("locationByValue") or place.get("addressText"),
    }


def _documents(path: Path) -> Iterator[Document]:
    """Yield the EIDO documents of a file: one, or a list of them."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        loaded = None
    for document in loaded if isinstance(loaded, list) else [loaded]:
        if not isinstance(document, dict) or "$id" not in document:
            raise InvalidData("file is not an EIDO document", value=path.name, remedy="it needs $id and components")
        yield document


def _all(document: Document, *names: str) -> list[dict[str, Any]]:
    """Return the components of a kind, which may stand alone or in a list."""
    found: Any = next((document[name] for name in names if name in document), [])
    return [part for part in (found if isinstance(found, list) else [found]) if isinstance(part, dict)]


def _first(document: Document, *names: str) -> dict[str, Any]:
    """Return the first component of a kind, or an empty one."""
    return next(iter(_all(document, *names)), {})


def _text(note: dict[str, Any]) -> str:
    """Return the words of a note."""
    return str(note.get("notesActionComments") or note.get("noteText") or "").strip()


def _time(note: dict[str, Any]) -> str | None:
    """Return when a note was written."""
    return note.get("notesDateTimestamp") or note.get("lastUpdateTimeStamp")


def _note(note: dict[str, Any]) -> str:
    """Write a note as a CAD log does: its time of day, then its words."""
    written = _time(note)
    clock = written.split("T")[1][:8] if written and "T" in written else ""
    return f"{clock} {_text(note)}".strip()


def _word(value: object) -> str | None:
    """Return a registry value, which may stand in a list, as text."""
    one = value[0] if isinstance(value, list) and value else value
    return None if one is None or one == [] else str(one)
