"""De-identification: masks what names a person in a note and hashes the keys, before a table is shared.

Patterns are Presidio's recognisers for phones and social-security numbers and our own for addresses, plates, dates of
birth, ids and e-mails (Presidio's e-mail recogniser asks the network for a list of domains). Names come from a list and
from the words before them ("named", "Mr"). The words that decide, which are rule hits, ages and relations, stay.

It misses names that are not on its list and follow no such word, nicknames, places described in words, and misspellings:
read a sample before a masked table is given away, and treat it as personal still.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from presidio_analyzer import LocalRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import PhoneRecognizer, UsSsnRecognizer

from models.common.identity import hash_address, hash_caller
from models.veto import VetoMatcher
from pipelines.data.labels import KEYS

NAMES = Path(__file__).with_name("names.txt")
_HASHES = {"caller_key": hash_caller, "address_key": hash_address}
_WAYS = r"st|street|rd|road|ave|avenue|dr|drive|ln|lane|ct|court|blvd|way|pl|place|cir|circle|hwy|pkwy|ter|terrace|trl|trail"
_PATTERNS = {
    "EMAIL": [r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,24}){1,3}\b"],
    "ADDRESS": [
        rf"\b\d{{1,5}}(?:-[a-z])? (?:[nsew]\.? )?[a-z]{{2,20}}(?: [a-z]{{2,20}})? (?:{_WAYS})\b\.?",
        r"\b(?:apt|apartment|unit|rm|room|lot|suite)\.? ?#?\d{1,5}[a-z]?\b",
    ],
    "BIRTH_DATE": [r"\b(?:dob|date of birth|born)[:\s]{1,3}\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b"],
    "PLATE": [
        r"\b(?:lp|plate|tag|lic|license plate|reg)[:#\s]{1,3}(?:nc |va |sc )?(?=[a-z0-9-]{0,7}\d)[a-z0-9-]{4,8}\b"
    ],
    "ID": [r"\b(?:ssn|oln|dl|fbi|case|docket|mrn|id)[:#\s.]{1,3}(?=[a-z0-9-]{0,11}\d)[a-z0-9-]{4,12}\b", r"\b\d{9,12}\b"],
    "NAME": [
        r"(?<=\bnamed )[a-z'-]{2,20}\b", r"(?<=\bname is )[a-z'-]{2,20}\b", r"(?<=\blast name )[a-z'-]{2,20}\b",
        r"\b(?:mr|mrs|ms|miss)\.? (?-i:[A-Z])[a-z'-]{1,20}\b",
    ],
}  # fmt: skip
_MASKS = {"PHONE_NUMBER": "PHONE", "US_SSN": "ID", "BIRTH_DATE": "DOB"}


class Masker:
    """Recognisers of what names a person, and a key to hash with; `masked` counts what was masked, by kind."""

    def __init__(self, key: bytes, rulebook: VetoMatcher | None = None) -> None:
        """Build the recognisers; `key` is the ledger's hash key, so that its callers and a table's are the same persons."""
        self._key = key
        self._rulebook = rulebook or VetoMatcher()
        self._names = frozenset(NAMES.read_text(encoding="utf-8").split())
        patterns = {kind: [Pattern(kind.lower(), text, 0.9) for text in texts] for kind, texts in _PATTERNS.items()}
        flags = re.IGNORECASE | re.MULTILINE
        self._recognisers: list[LocalRecognizer] = [
            PatternRecognizer(kind, patterns=listed, global_regex_flags=flags) for kind, listed in patterns.items()
        ]
        self._recognisers += [PhoneRecognizer(supported_regions=("US",), context=[]), UsSsnRecognizer(context=[])]
        self.masked: Counter[str] = Counter()

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its note masked and its keys hashed."""
        masked = dict(row)
        masked["narrative"] = self.mask(str(row.get("narrative") or ""))
        for key in KEYS:
            if row.get(key) is not None:
                masked[key] = _HASHES[key](str(row[key]), key=self._key)
                self.masked[key] += 1
        return masked

    def mask(self, note: str) -> str:
        """Return a note with each thing that names a person replaced by its kind in brackets."""
        kept = [(hit.start, hit.end) for hit in self._rulebook.scan(note).hits]
        spans = [(result.start, result.end, result.entity_type) for result in self._recognised(note)]
        spans += [
            (m.start(), m.end(), "NAME") for m in re.finditer(r"[A-Za-z]{3,20}", note) if m.group().lower() in self._names
        ]
        masked, end = [], 0
        for start, stop, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
            if start < end or any(start < last and first < stop for first, last in kept):
                continue
            name = _MASKS.get(kind, kind)
            self.masked[name] += 1
            masked += [note[end:start], f"[{name}]"]
            end = stop
        return "".join([*masked, note[end:]])

    def _recognised(self, note: str) -> list[RecognizerResult]:
        """Return what the recognisers find."""
        return [hit for one in self._recognisers for hit in one.analyze(note, one.supported_entities, None) or []]  # type: ignore[arg-type]  # patterns need no artefacts
