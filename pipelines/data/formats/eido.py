"""NENA's Emergency Incident Data Object, NENA-STA-021.1b: one incident's components become one row.

Checked against the standard's published schema and sample. Documents with the same `$id` are one incident: the one with the
latest `lastUpdateTimeStamp` counts, so that reading twice changes nothing. Notes are HTML5, and are put in order of time. A
caution becomes the first line of the note, so that the veto reads it, its words are shown, and it is masked and stored like
any other note. Where a document has several texts for the incident's type, the call types of the program choose among them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import InvalidData
from models.interchange.eido_note import NOTE_PREFIX
from models.programs.call_types import UNMAPPED, CallTypes, shipped
from pipelines.data.formats.markup import plain_text
from pipelines.data.rows import Record

Document = dict[str, Any]

_WEAPON = re.compile(r"weapon|\barmed|gun|firearm|kni(?:fe|ves)|explosiv|shoot", re.IGNORECASE)
_VIOLENCE = re.compile(r"violen|assault|aggress|combativ|threat|fight|homicid|resist|hostil|ambush", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def is_eido(document: object) -> bool:
    """Return whether a JSON value is an EIDO document or a list of them."""
    documents = document if isinstance(document, list) else [document]
    return bool(documents) and all(isinstance(one, dict) and "$id" in one for one in documents)


def records(paths: Iterable[Path], call_types: CallTypes | None = None) -> Iterator[Record]:
    """Yield one row for each incident in the documents of files; raise `InvalidData` naming a file that is not EIDO.

    `call_types` are the program's, by default the shipped ones.
    """
    documents: list[Document] = []
    for path in paths:
        try:
            loaded = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            loaded = None
        documents += _documents(loaded, path.name)
    yield from _latest(documents, call_types)


def document_records(document: object, name: str, call_types: CallTypes | None = None) -> Iterator[Record]:
    """Yield one row for each incident of a JSON value; raise `InvalidData` naming the file where it is not EIDO."""
    yield from _latest(_documents(document, name), call_types)


def row(document: Document, call_types: CallTypes | None = None) -> Record:
    """Return one incident as a row with the names of `Call`'s fields, its caller as a key and its outcome as a label."""
    incident = document.get("incidentComponent") or {}
    calls, cautions = _components(document, "callComponent"), _components(document, "cautionComponent")
    notes = sorted(filter(_is_of_people, _components(document, "notesComponent")), key=_written)
    lines = [*map(_caution_line, cautions), *filter(None, map(_note_line, notes))]
    return {
        "narrative": "\n".join(lines),
        "call_id": incident.get("internalIncidentId") or document["$id"],
        "received_at": _received(document, calls),
        "call_type": _call_type(incident, call_types or shipped()),
        "priority": incident.get("incidentPriorityInternalText") or incident.get("incidentCommonPriorityNumber"),
        "zone": incident.get("beatOrDispatchGroupText"),
        "premise_hazard": True if cautions else None,
        "caller_key": _caller(document),
        "disposition": _disposition(incident),
    }


def _documents(document: object, name: str) -> list[Document]:
    """Return the EIDO documents of a JSON value."""
    if not is_eido(document):
        raise InvalidData("file is not an EIDO document", value=name, remedy="it needs $id and components")
    return document if isinstance(document, list) else [document]  # type: ignore[list-item]  # `is_eido` has checked it


def _latest(documents: Iterable[Document], call_types: CallTypes | None) -> Iterator[Record]:
    """Yield the row of the latest document of each incident."""
    latest: dict[str, Document] = {}
    for document in documents:
        identity = str(document["$id"])
        if identity not in latest or _written(document) >= _written(latest[identity]):
            latest[identity] = document
    for document in latest.values():
        yield row(document, call_types)


def _components(document: Document, name: str) -> list[Document]:
    """Return the components of a kind."""
    listed = document.get(name) or []
    return [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []


def _written(component: Document) -> datetime:
    """Return when a component was last changed; the earliest instant where its time is missing."""
    return _instant(component.get("lastUpdateTimeStamp")) or _EARLIEST


def _instant(text: object) -> datetime | None:
    """Return a time with its offset; a time without an offset is read as UTC."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def _is_of_people(note: Document) -> bool:
    """Return whether a note was written by a person, and is not a decision of this program that was written back."""
    return not str(note.get("$id", "")).startswith(NOTE_PREFIX)


def _note_line(note: Document) -> str:
    """Return a note as a line of a CAD log: its time of day, then its text; empty where it has no text."""
    text = plain_text(str(note.get("notesActionComments") or "")).text.strip()
    written = _instant(note.get("lastUpdateTimeStamp"))
    return f"{written:%H:%M:%S} {text}" if written and text else text


def _caution_line(caution: Document) -> str:
    """Return a caution as a line of the note; one about a weapon or violence ends with a word that the veto reads."""
    registered = [caution.get("cautionTypeCommonRegistryText"), *(caution.get("cautionTypeCommonSubRegistryText") or [])]
    parts = [caution.get("cautionTypeInternalText"), *registered]
    words = [_BREAK.sub(" ", plain_text(str(part)).text.strip()) for part in parts if part]
    text = ", ".join(dict.fromkeys(words))
    meaning = "weapon" if _WEAPON.search(text) else "violent" if _VIOLENCE.search(text) else None
    return f"CAUTION: {text}" + (f" ({meaning})" if meaning else "")


def _received(document: Document, calls: list[Document]) -> str | None:
    """Return when the first call of an incident was received; the document's time where it has no call."""
    times = [_instant(call.get("callStartTimestamp") or call.get("answerDate")) for call in calls]
    known = [moment for moment in times if moment is not None]
    first = min(known) if known else _instant(document.get("lastUpdateTimeStamp"))
    return first.isoformat() if first else None


def _call_type(incident: Document, call_types: CallTypes) -> str | None:
    """Return the incident's type: the agency's text or code, or the APCO code; a dangerous one first, then a known one."""
    names = ("incidentTypeInternalText", "incidentTypeInternalCode", "incidentTypeCommonRegistryText")
    written = [str(incident[name]) for name in names if incident.get(name)]
    dangerous = [text for text in written if call_types.canonical(text).danger]
    known = [text for text in written if call_types.canonical(text).name != UNMAPPED]
    return next(iter([*dangerous, *known, *written]), None)


def _caller(document: Document) -> str | None:
    """Return the caller's call-back address, a telephone number before any other."""
    uris = [
        str(uri) for part in _components(document, "callbackComponent") for uri in part.get("callBackInformationUri") or []
    ]
    return next(iter(sorted(uris, key=lambda uri: not uri.startswith("tel:"))), None)


def _disposition(incident: Document) -> str | None:
    """Return the code of the incident's disposition, the primary one first."""
    listed = _components(incident, "dispositionComponent")
    ordered = sorted(listed, key=lambda one: not one.get("dispositionPrimaryIndicator"))
    return next(
        (str(one["dispositionCommonRegistryCode"]) for one in ordered if one.get("dispositionCommonRegistryCode")), None
    )
