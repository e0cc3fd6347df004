"""Find every mention of a weapon or of violence in a note, and say how it is meant; the text alone never lifts a veto.

`Rulebook.scan` matches the phrases of `rulebook.toml` with spaCy's `PhraseMatcher` over the tokens of the normalised
note, and over the words that `disguise` reads behind other spellings. Tokens are cut by our own expression and not by
spaCy's English rules, because those keep "gun.he" and "knife.in" whole. Words that no rule knows are replaced by one
filler before spaCy sees them, so that its string store does not grow however long the service runs.
"""

import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import spacy
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from models.text.normalize import Normalised, normalise
from models.text.obfuscation import Disguise
from models.veto.assertion import Annotation, Word, annotate, asked
from models.veto.rulebook import TOKEN, RulebookData, RuleClass, load

_FILLER = "_"
_CLOCK = re.compile(r"(?<![0-9:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[ \t]+\Z")
_SCREENING = "screening:"
_NEAR = "near:"


@dataclass(frozen=True, slots=True)
class Hit:
    """Hold one mention: its rule, the words as written, their place in the note, and how they are meant."""

    rule_id: str
    rule_class: RuleClass
    words: str
    start: int
    end: int
    annotation: Annotation
    question: str | None = None
    """The safety question that a screening answer answers: weapons or violence."""

    @property
    def vetoes(self) -> bool:
        """Tell whether this hit alone ends a decision."""
        return self.rule_class is not RuleClass.MEANS and self.annotation is not Annotation.SCREENING


@dataclass(frozen=True, slots=True)
class Scan:
    """Hold what the rules found. `hits` stand; `suppressed` are listed near-misses, kept to be shown."""

    hits: tuple[Hit, ...] = ()
    suppressed: tuple[Hit, ...] = ()

    @property
    def vetoes(self) -> tuple[Hit, ...]:
        """Return the hits that end a decision."""
        return tuple(hit for hit in self.hits if hit.vetoes)

    @property
    def screening(self) -> tuple[Hit, ...]:
        """Return the recorded answers to the safety questions."""
        return tuple(hit for hit in self.hits if hit.annotation is Annotation.SCREENING)

    @property
    def means(self) -> tuple[Hit, ...]:
        """Return the means of self-harm."""
        return tuple(hit for hit in self.hits if hit.rule_class is RuleClass.MEANS)


@dataclass(slots=True)
class _Found:
    """Hold matches over one list of words, as word index spans."""

    rules: list[tuple[str, int, int]] = field(default_factory=list)
    near: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    screening: list[tuple[str, int, int]] = field(default_factory=list)


class Rulebook:
    """Hold the compiled rulebook; safe to share between threads."""

    def __init__(self, data: RulebookData | None = None) -> None:
        """Compile a rulebook, by default the one that ships with the package."""
        self.data = data or load()
        self.version = self.data.version
        self.classes = {rule.id: rule.rule_class for rule in self.data.rules}
        self._nlp = spacy.blank("en")
        self._matcher = PhraseMatcher(self._nlp.vocab, attr="ORTH")
        self._lock = threading.Lock()
        known: set[str] = set()
        self._reach = 8 + max(len(phrase) for _, phrases in self._patterns() for phrase in phrases)
        for key, phrases in self._patterns():
            self._matcher.add(key, [Doc(self._nlp.vocab, words=list(phrase)) for phrase in sorted(phrases)])
            known.update(word for phrase in phrases for word in phrase)
        self._known = frozenset(known)
        self._triggers = frozenset(_anchors(self.data))
        self._disguise = Disguise(self.data)

    def _patterns(self) -> Iterator[tuple[str, frozenset[tuple[str, ...]]]]:
        """Yield each matcher key with its phrases."""
        for rule in self.data.rules:
            yield rule.id, rule.phrases
            if rule.near_misses:
                yield _NEAR + rule.id, rule.near_misses
        for question, phrases in self.data.screening.items():
            yield _SCREENING + question, phrases

    def scan(self, narrative: str) -> Scan:
        """Return every mention in a note, in reading order."""
        return self.scan_normalised(normalise(narrative), narrative)

    def scan_normalised(self, note: Normalised, narrative: str) -> Scan:
        """Do the work of `scan` on a note that is normalised already."""
        text = note.text
        plain = TOKEN.findall(text)
        disguised = self._disguise.suspects(plain, text)
        telling = [place for place, word in enumerate(plain) if word in self._triggers]
        if not telling and not disguised:
            return Scan()
        # No phrase, and no word that annotates one, reaches further than this from a telling word.
        first, last = (0, len(text)) if disguised else (max(0, telling[0] - self._reach), telling[-1] + self._reach)
        tokens = itertools.islice(TOKEN.finditer(text), first, last)
        words = [Word(match.group(), match.start(), match.end()) for match in tokens]
        hidden = self._disguise.hidden(words, text) if disguised else []
        found = self._match(words)
        hits, suppressed = self._plain_hits(found, words, text)
        excuses = _Cover((words[start].start, words[end - 1].end) for spans in found.near.values() for start, end in spans)
        for hit in self._hidden_hits(words, hidden, taken=found):
            # Only a near-miss in plain words excuses a disguise: "Gunn St".
            (suppressed if excuses.holds(hit.start, hit.end) else hits).append(hit)
        return _stand(hits, suppressed, note, narrative)

    def _match(self, words: list[Word]) -> _Found:
        """Match all phrases over a list of words; keep the longest match of each rule."""
        found = _Found()
        filled = [word.text if word.text in self._known else _FILLER for word in words]
        with self._lock:
            doc = Doc(self._nlp.vocab, words=filled)
            matches = [(self._nlp.vocab.strings[key], start, end) for key, start, end in self._matcher(doc)]
        for key, start, end in matches:
            if key.startswith(_NEAR):
                found.near.setdefault(key.removeprefix(_NEAR), []).append((start, end))
            elif key.startswith(_SCREENING):
                found.screening.append((key.removeprefix(_SCREENING), start, end))
            else:
                found.rules.append((key, start, end))
        found.rules = _longest(found.rules)
        return found

    def _plain_hits(self, found: _Found, words: list[Word], text: str) -> tuple[list[Hit], list[Hit]]:
        """Annotate matches in plain words; set near-misses aside."""
        answers = [answer for answer in _longest(found.screening) if self._answers(answer, words, text)]
        answered = {name: _Cover((a, b) for q, a, b in answers if q == name) for name in self.data.screening}
        excuses = {rule_id: _Cover(spans) for rule_id, spans in found.near.items()}
        hits: list[Hit] = []
        suppressed: list[Hit] = []
        named: set[int] = set()
        for rule_id, start, end in found.rules:
            question = next((name for name, cover in answered.items() if cover.holds(start, end)), None)
            note = Annotation.SCREENING if question else annotate(words, start, end, text, rule_id=rule_id)
            hit = self._hit(rule_id, words[start].start, words[end - 1].end, note, question)
            excused = _initials(words, start, end, text)
            excused = excused or (rule_id in excuses and excuses[rule_id].holds(start, end))
            (suppressed if excused and not question else hits).append(hit)
            named.update(range(start, end) if question else ())
        for question, start, end in answers:  # "unarmed", "nkw": the phrase answers without naming a rule's word
            if named.isdisjoint(range(start, end)):
                place = words[start].start, words[end - 1].end
                hits.append(Hit("screening", RuleClass.WEAPON, "", *place, Annotation.SCREENING, question))
        return hits, suppressed

    def _answers(self, answer: tuple[str, int, int], words: list[Word], text: str) -> bool:
        """Tell whether a screening phrase stands: not turned round, not a question, not followed by an exception."""
        _, start, end = answer
        before = words[start - 1] if start else None
        if before and before.text in self.data.turned_by and "\n" not in text[before.end : words[start].start]:
            return False
        if asked(text, words[end - 1].end):
            return False
        after = tuple(word.text for word in words[end : end + 4])
        return not any(after[: len(phrase)] == phrase for phrase in self.data.excepted_by)

    def _hidden_hits(self, words: list[Word], hidden: list[Word], *, taken: _Found) -> list[Hit]:
        """Match the note again with each disguised word in place of what hid it; no near-miss excuses a disguise."""
        if not hidden:
            return []
        hits: list[Hit] = []
        plain = {(words[start].start, words[end - 1].end) for _, start, end in taken.rules}
        disguised = set(hidden)
        replaced = _replace(words, hidden)
        for rule_id, start, end in self._match(replaced).rules:
            span = (replaced[start].start, replaced[end - 1].end)
            if span not in plain and any(word in disguised for word in replaced[start:end]):
                hits.append(self._hit(rule_id, *span, Annotation.ASSERTED, None))
        return hits

    def _hit(self, rule_id: str, start: int, end: int, annotation: Annotation, question: str | None) -> Hit:
        """Make a hit whose place is still in the normalised text."""
        return Hit(rule_id, self.classes[rule_id], "", start, end, annotation, question)


class _Cover:
    """Know which places listed spans cover; asking costs one look-up."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Note, for every place, how far the longest span over it reaches."""
        self._reach: dict[int, int] = {}
        for start, end in spans:
            for place in range(start, end):
                self._reach[place] = max(end, self._reach.get(place, 0))

    def holds(self, start: int, end: int) -> bool:
        """Tell whether one span covers from start to end."""
        return self._reach.get(start, -1) >= end


def _stand(hits: list[Hit], suppressed: list[Hit], note: Normalised, narrative: str) -> Scan:
    """Put hits in reading order; an exception counts only where nothing else stands."""
    once = {(hit.start, -hit.end, hit.rule_id): hit for hit in hits}
    if any(hit.vetoes for hit in hits):
        once |= {(hit.start, -hit.end, hit.rule_id): hit for hit in suppressed}
        suppressed = []
    return Scan(_as_written([once[key] for key in sorted(once)], note, narrative), _as_written(suppressed, note, narrative))


def _as_written(hits: list[Hit], note: Normalised, narrative: str) -> tuple[Hit, ...]:
    """Move hits to their places in the original note and show the words as they stand there."""
    moved = []
    for hit in hits:
        start, end = note.span(hit.start, hit.end)
        moved.append(Hit(hit.rule_id, hit.rule_class, narrative[start:end], start, end, hit.annotation, hit.question))
    return tuple(moved)


def _initials(words: list[Word], start: int, end: int, text: str) -> bool:
    """Tell whether a short word is a typist's initials in a CAD log: after a clock time and before a colon."""
    word = words[start]
    if end - start != 1 or not 2 <= len(word.text) <= 3 or text[word.end : word.end + 1] != ":":
        return False
    return _CLOCK.search(text, max(0, word.start - 12), word.start) is not None


def _anchors(data: RulebookData) -> set[str]:
    """Return one telling word of every phrase: a note with none of them needs no matching."""
    phrases = [phrase for rule in data.rules for phrase in rule.phrases]
    phrases += [phrase for answers in data.screening.values() for phrase in answers]
    anchors = {phrase[0] for phrase in phrases if len(phrase) == 1}
    for phrase in sorted(phrases):
        if not anchors.intersection(phrase):
            anchors.add(max(phrase, key=lambda word: (word not in data.everyday, len(word), word)))
    return anchors


def _longest(matches: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Keep, of overlapping matches of one key, the longest."""
    kept: list[tuple[str, int, int]] = []
    last: dict[str, int] = {}
    for key, start, end in sorted(matches, key=lambda match: (match[0], match[1], -match[2])):
        if start >= last.get(key, 0):
            kept.append((key, start, end))
            last[key] = end
    return sorted(kept, key=lambda match: (match[1], match[2], match[0]))


def _replace(words: list[Word], hidden: list[Word]) -> list[Word]:
    """Put each hidden word in the place of the words that it covers, keeping the order of the note."""
    starts = sorted((word.start, word.end) for word in hidden)
    kept, place = [], 0
    for word in words:
        while place < len(starts) and starts[place][1] <= word.start:
            place += 1
        if place == len(starts) or not (starts[place][0] <= word.start and word.end <= starts[place][1]):
            kept.append(word)
    return sorted(kept + hidden, key=lambda word: (word.start, word.end))
