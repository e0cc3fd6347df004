"""Every mention of a weapon or of violence in a note, and how it is meant.

`VetoMatcher.scan` finds the phrases of `rulebook.toml` in the tokens of the normalised note, and in the words that
`ObfuscationFinder` recovers from other spellings. Tokens are cut by our own expression and not by a language's rules,
because those keep "gun.he" and "knife.in" whole. The text alone never lifts a veto for a weapon; violence that is plainly
negated asks for review instead.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from models.text.normalize import Normalised, normalise
from models.text.obfuscation import ObfuscationFinder, Vocabulary
from models.text.tokens import PHRASE_TOKEN, Word
from models.veto.assertion import Assertion, assertion_of, is_question
from models.veto.hits import Hit, Scan
from models.veto.names import NameReader, Roster, Setting
from models.veto.negation import is_plainly_negated
from models.veto.phrases import Cover, PhraseIndex, Span, longest
from models.veto.rulebook import Gap, Phrase, Rulebook, RuleClass, load

_BREAK = re.compile(r"[.;:!?\n]")
_SENTENCE_END = re.compile(r"[.!?;]\s+")
_RULE, _NEAR, _SCREENING, _NAME, _GAP_FIRST, _GAP_LAST = "rule", "near", "screening", "name", "gap-first", "gap-last"
"""What a phrase of the index is; its key is one of these and a name: of a rule, of a question, or a gap's number."""
_CUT_OFF = "cut-off"
_MOST_HITS = 100
"""Hits that are kept of one rule with one assertion; a note that repeats a word ten thousand times says nothing more."""
_LIMITS_REACH = 16
"""Words after a mention that may limit its negation."""


@dataclass(slots=True)
class _Matches:
    """The matches over one list of words, as word index spans."""

    rules: list[Span] = field(default_factory=list)
    near: defaultdict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    names: list[tuple[int, int]] = field(default_factory=list)
    screening: list[Span] = field(default_factory=list)
    firsts: list[Span] = field(default_factory=list)
    lasts: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """For each pair with a gap, the end of its second phrase by the index where that begins."""


@dataclass(slots=True)
class _Hits:
    """The hits of one note so far, those that a near-miss or a name excuses apart, and how many there are of each kind."""

    standing: list[Hit] = field(default_factory=list)
    excused: list[Hit] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, hit: Hit, *, excused: bool) -> None:
        """Add a hit, unless there are enough of its rule with its assertion."""
        kind = (hit.rule_id, "excused" if excused else hit.assertion)
        self.counts[kind] += 1
        if self.counts[kind] <= _MOST_HITS:
            (self.excused if excused else self.standing).append(hit)

    def full(self, rule_id: str) -> bool:
        """Return whether there are enough hits of a rule that veto whatever their wording is."""
        return self.counts[rule_id, Assertion.ASSERTED] >= _MOST_HITS


class VetoMatcher:
    """A compiled rulebook, with a city's roster where there is one; safe to share between threads."""

    def __init__(self, rulebook: Rulebook | None = None, *, roster: Roster | None = None) -> None:
        """Compile a rulebook, by default the one that ships with the package."""
        self.rulebook = rulebook or load()
        self.version = self.rulebook.version
        self._classes = {rule.id: rule.rule_class for rule in self.rulebook.rules} | {_CUT_OFF: RuleClass.WEAPON}
        self._names = NameReader(self.rulebook.names, roster)
        self._gaps = [(rule.id, gap) for rule in self.rulebook.rules for gap in rule.gaps]
        self._index = PhraseIndex(self._patterns())
        self._reach = _LIMITS_REACH + self._index.longest
        self._triggers = frozenset(_anchors(self.rulebook))
        self._finder = ObfuscationFinder(_vocabulary(self.rulebook))

    def _patterns(self) -> Iterator[tuple[tuple[str, str], frozenset[Phrase]]]:
        """Yield each key of the index with its phrases."""
        for rule in self.rulebook.rules:
            yield (_RULE, rule.id), rule.phrases
            yield (_NEAR, rule.id), rule.near_misses
        for question, phrases in self.rulebook.screening.items():
            yield (_SCREENING, question), phrases
        for number, (_, gap) in enumerate(self._gaps):
            yield (_GAP_FIRST, str(number)), gap.first
            yield (_GAP_LAST, str(number)), gap.last
        yield (_NAME, ""), self._names.phrases

    def scan(self, narrative: str) -> Scan:
        """Return every mention in a note, in reading order."""
        return self.scan_normalised(normalise(narrative), narrative)

    def scan_normalised(self, note: Normalised, narrative: str) -> Scan:
        """Return every mention in a note that is normalised already; `narrative` is the note as written."""
        text = note.text
        plain = PHRASE_TOKEN.findall(text)
        obfuscated = self._finder.may_hide(plain, text)
        telling = [place for place, word in enumerate(plain) if word in self._triggers]
        cut = self._is_cut_off(plain, text)
        if not telling and not obfuscated and not cut:
            return Scan()
        # No phrase, and no word that says how one is meant, reaches further than this from a telling word.
        whole = obfuscated or not telling
        first, last = (0, len(text)) if whole else (max(0, telling[0] - self._reach), telling[-1] + self._reach)
        tokens = itertools.islice(PHRASE_TOKEN.finditer(text), first, last)
        words = [Word(match.group(), match.start(), match.end()) for match in tokens]
        hits = self._hits(words, note, narrative, obfuscated=obfuscated)
        if cut:
            hits.add(self._hit(_CUT_OFF, words[-1].start, words[-1].end, Assertion.UNCERTAIN), excused=False)
        return _scan(hits, note, narrative)

    def _hits(self, words: list[Word], note: Normalised, narrative: str, *, obfuscated: bool) -> _Hits:
        """Return the hits among words of a note, in plain words and behind other spellings."""
        hits, matches = _Hits(), self._match(words, note.text)
        setting = Setting(words, note, narrative)
        self._add_plain(hits, matches, words, note.text, setting)
        hidden = self._finder.find(words, note.text) if obfuscated else []
        if hidden:
            self._add_hidden(hits, matches, words, hidden, setting)
        return hits

    def _match(self, words: list[Word], text: str) -> _Matches:
        """Return the matches of all phrases over a list of words, the longest of each rule."""
        matches = _Matches()
        for (kind, name), start, end in self._index.find([word.text for word in words]):
            if kind == _RULE:
                if not _is_decimal(words, start) and not self._crosses_a_sentence(name, words, start, end, text):
                    matches.rules.append((name, start, end))
            elif kind == _NEAR:
                matches.near[name].append((start, end))
            elif kind == _GAP_FIRST:
                matches.firsts.append((name, start, end))
            elif kind == _GAP_LAST:
                matches.lasts[name][start] = end
            elif kind == _SCREENING:
                matches.screening.append((name, start, end))
            else:
                matches.names.append((start, end))
        for rule_id, start, end, excuses in self._across_gaps(matches, words, text):
            if excuses:
                matches.near[rule_id].append((start, end))
            else:
                matches.rules.append((rule_id, start, end))
        matches.rules = longest(matches.rules)
        return matches

    def _crosses_a_sentence(self, rule_id: str, words: Sequence[Word], start: int, end: int, text: str) -> bool:
        """Return whether words of violence belong to two sentences: "the driver was pinned. Bystanders said ..."."""
        if end - start == 1 or self._classes[rule_id] is not RuleClass.VIOLENCE:
            return False
        pairs = itertools.pairwise(words[start:end])
        return any(_SENTENCE_END.fullmatch(text, first.end, second.start) for first, second in pairs)

    def _across_gaps(self, matches: _Matches, words: list[Word], text: str) -> Iterator[tuple[str, int, int, bool]]:
        """Yield what two phrases with a few words of one clause between them are: a mention, or with `True` a near-miss."""
        for number, start, end in matches.firsts if matches.lasts else ():
            ends = matches.lasts.get(number)
            if not ends:
                continue
            rule_id, gap = self._gaps[int(number)]
            for place in range(end + gap.least, min(end + gap.most, len(words) - 1) + 1):
                if place not in ends:
                    continue
                between = {word.text for word in words[end:place]}
                broken = not gap.sentences and _BREAK.search(text, words[end - 1].end, words[place].start)
                if between.isdisjoint(gap.without) and not broken:
                    yield rule_id, start, ends[place], gap.excuses
                break

    def _add_plain(self, hits: _Hits, matches: _Matches, words: list[Word], text: str, setting: Setting) -> None:
        """Add the hits in plain words; a near-miss of the same rule or a name excuses one."""
        answers = [answer for answer in longest(matches.screening) if self._answers(answer, words, text)]
        answered = {name: Cover((a, b) for q, a, b in answers if q == name) for name in self.rulebook.screening}
        near = {rule_id: Cover(spans) for rule_id, spans in matches.near.items()}
        names, named = Cover(matches.names), set[int]()
        for rule_id, start, end in matches.rules:
            if hits.full(rule_id):
                continue
            question = next((name for name, cover in answered.items() if cover.holds(start, end)), None)
            place = words[start].start, words[end - 1].end
            if question:
                hits.add(self._hit(rule_id, *place, Assertion.SCREENING, question), excused=False)
                named.update(range(start, end))
            elif (rule_id in near and near[rule_id].holds(start, end)) or names.holds(start, end):
                hits.add(self._hit(rule_id, *place, Assertion.ASSERTED), excused=True)
            else:
                excused = self._names.is_name(setting, start, end, exact=True)
                assertion = self._assertion(rule_id, words, start, end, text)
                hits.add(self._hit(rule_id, *place, assertion), excused=excused)
        for question, start, end in answers:  # "unarmed", "nkw": the phrase answers without naming a rule's word
            if named.isdisjoint(range(start, end)):
                place = words[start].start, words[end - 1].end
                answer = Hit("screening", RuleClass.WEAPON, "", *place, Assertion.SCREENING, question)
                hits.add(answer, excused=False)

    def _assertion(self, rule_id: str, words: list[Word], start: int, end: int, text: str) -> Assertion:
        """Return how a mention is meant; only violence can be plainly negated."""
        violent = self._classes[rule_id] is RuleClass.VIOLENCE
        if violent and is_plainly_negated(words, start, end, text, self.rulebook.negation):
            return Assertion.PLAINLY_NEGATED
        return assertion_of(words, start, end, text, rule_id=rule_id)

    def _answers(self, answer: Span, words: list[Word], text: str) -> bool:
        """Return whether a recorded answer stands: not turned round, not a question, not followed by an exception."""
        _, start, end = answer
        before = words[start - 1] if start else None
        if before and before.text in self.rulebook.turned_by and "\n" not in text[before.end : words[start].start]:
            return False
        if is_question(text, words[end - 1].end):
            return False
        after = tuple(word.text for word in words[end : end + 4])
        return not any(after[:size] in self.rulebook.excepted_by for size in range(1, len(after) + 1))

    def _add_hidden(self, hits: _Hits, plain: _Matches, words: list[Word], hidden: list[Word], setting: Setting) -> None:
        """Add the hits that need a hidden word: the note is matched again with each in place of what hid it."""
        spans = {(words[start].start, words[end - 1].end) for _, start, end in plain.rules}
        near = [span for group in plain.near.values() for span in group] + plain.names
        excuses = Cover((words[start].start, words[end - 1].end) for start, end in near)
        places = {word.start: place for place, word in enumerate(words)}
        recovered, replaced = set(hidden), _replace(words, hidden)
        text = setting.text
        for rule_id, start, end in self._match(replaced, text).rules:
            span = (replaced[start].start, replaced[end - 1].end)
            if span in spans or hits.full(rule_id) or not any(word in recovered for word in replaced[start:end]):
                continue
            # Only a near-miss in plain words, or a name, excuses an obfuscated one: "Gunn St".
            place = places.get(span[0])
            single = place is not None and words[place].end == span[1]
            named = single and self._names.is_name(setting, place or 0, (place or 0) + 1, exact=False)
            hits.add(self._hit(rule_id, *span, Assertion.ASSERTED), excused=named or excuses.holds(*span))

    def _is_cut_off(self, plain: list[str], text: str) -> bool:
        """Return whether the note ends in the middle of a weapon's name: "pulled out a kn"."""
        cut_off = self.rulebook.cut_off
        if not plain or plain[-1] not in cut_off.beginnings or not text.endswith(plain[-1]):
            return False
        return any(tuple(plain[-1 - size : -1]) in cut_off.before for size in range(1, min(5, len(plain))))

    def _hit(self, rule_id: str, start: int, end: int, assertion: Assertion, question: str | None = None) -> Hit:
        """Return a hit whose place is still in the normalised text."""
        return Hit(rule_id, self._classes[rule_id], "", start, end, assertion, question)


def _scan(hits: _Hits, note: Normalised, narrative: str) -> Scan:
    """Return the scan in reading order; a near-miss or a name is excused only where nothing else vetoes."""
    standing, excused = hits.standing, hits.excused
    once = {(hit.start, -hit.end, hit.rule_id): hit for hit in standing}
    if any(hit.vetoes for hit in standing):
        once |= {(hit.start, -hit.end, hit.rule_id): hit for hit in excused}
        excused = []
    return Scan(_as_written([once[key] for key in sorted(once)], note, narrative), _as_written(excused, note, narrative))


def _as_written(hits: list[Hit], note: Normalised, narrative: str) -> tuple[Hit, ...]:
    """Return hits at their places in the original note, with the words as they stand there."""
    written = []
    for hit in hits:
        start, end = note.span(hit.start, hit.end)
        written.append(replace(hit, words=narrative[start:end], start=start, end=end))
    return tuple(written)


def _vocabulary(rulebook: Rulebook) -> Vocabulary:
    """Return the words of a rulebook that the search for obfuscated words needs."""
    rules = [rule for rule in rulebook.rules if rule.fold]
    phrases = [phrase for rule in rulebook.rules for phrase in rule.phrases]
    answers = [phrase for answer in rulebook.screening.values() for phrase in answer]
    phrases += [phrase for rule in rulebook.rules for gap in rule.gaps for phrase in gap.first]
    return Vocabulary(
        known=frozenset(word for phrase in phrases + answers for word in phrase),
        ordinary=rulebook.ordinary,
        run_together=rulebook.run_together,
        single=frozenset(phrase[0] for rule in rules for phrase in rule.phrases if len(phrase) == 1),
        partial=frozenset(word for rule in rules for phrase in rule.phrases if len(phrase) > 1 for word in phrase),
        inside=frozenset(phrase[0] for rule in rules if rule.inside for phrase in rule.phrases if len(phrase) == 1),
    )


def _anchors(rulebook: Rulebook) -> set[str]:
    """Return one telling word of every phrase: a note with none of them needs no matching."""
    phrases = [phrase for rule in rulebook.rules for phrase in rule.phrases]
    phrases += [phrase for answers in rulebook.screening.values() for phrase in answers]
    phrases += [phrase for rule in rulebook.rules for gap in rule.gaps for phrase in _rarer(gap, rulebook.everyday)]
    anchors = {phrase[0] for phrase in phrases if len(phrase) == 1}
    for phrase in sorted(phrases):
        if not anchors.intersection(phrase):
            anchors.add(max(phrase, key=lambda word: (word not in rulebook.everyday, len(word), word)))
    return anchors


def _is_decimal(words: Sequence[Word], start: int) -> bool:
    """Return whether a calibre would begin within a number: "$61.40" is no .40."""
    if words[start].text != "." or not start:
        return False
    before = words[start - 1]
    return before.text.isdigit() and before.end == words[start].start


def _rarer(gap: Gap, everyday: frozenset[str]) -> frozenset[Phrase]:
    """Return the side of a gap that fewer notes hold: the second where the first has words like "with" alone."""
    return gap.last if any(everyday.issuperset(phrase) for phrase in gap.first) else gap.first


def _replace(words: list[Word], hidden: list[Word]) -> list[Word]:
    """Return the words with each hidden word in place of the words that it covers, in the order of the note."""
    starts = sorted((word.start, word.end) for word in hidden)
    kept, place = [], 0
    for word in words:
        while place < len(starts) and starts[place][1] <= word.start:
            place += 1
        if place == len(starts) or not (starts[place][0] <= word.start and word.end <= starts[place][1]):
            kept.append(word)
    return sorted(kept + hidden, key=lambda word: (word.start, word.end))


@cache
def shipped_matcher() -> VetoMatcher:
    """Return the compiled rulebook that ships with the package; compiling takes most of a second, so that all share it."""
    return VetoMatcher()
