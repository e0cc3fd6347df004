"""Words recovered from obfuscation: leetspeak, doubled letters, typing slips, run-together and broken-up words.

`ObfuscationFinder.read(token)` returns the words of its vocabulary that a token may hide, or nothing. A token that the
vocabulary or its list of ordinary words knows is left alone. Everything here is look-ups and scans that are linear in the
note; no regular expression can backtrack.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.text.tokens import Word

# What digits and signs stand for inside a word. Two readings of 1 and | and !, tried in turn.
_LEET = ("4@3€0°5$7+1!|8966", "aaeeoosstt" + "iii" + "bggg")
_LEET_L = ("4@3€0°5$7+1!|8966", "aaeeoosstt" + "lll" + "bggg")
_READINGS = tuple(str.maketrans(*table) for table in (_LEET, _LEET_L))
_RUN = re.compile(r"(.)\1+")
_LONG_RUN = re.compile(r"(.)\1\1+")
_LETTERS = re.compile(r"(?<![a-z0-9])[a-z0-9@$!](?:[ \t\n.\-_*/,~'+]{1,3}[a-z0-9@$!](?![a-z0-9])){2,}")
_BROKEN = re.compile(r"[-_~*'][ \t]*\n?[ \t]*|\.|[ \t]*\n[ \t]*")
_SIGN = re.compile(r"[0-9@$!|+€°]")
_MIXED = re.compile(r"[a-z0-9@$!|+€°]+")
_LONGEST = 48
_LETTER_WORDS = frozenset({"a", "i", "s"})
"""Letters that are words of their own: "RP's mother" is not "smother"."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words to look for, and the words to leave alone."""

    known: frozenset[str]
    """Every word of every phrase: read as it stands, never as another word."""
    ordinary: frozenset[str]
    """Ordinary words too close to one that is looked for."""
    run_together: frozenset[str]
    """Small words that are typed without a space beside a short word that is looked for."""
    single: frozenset[str]
    """Words that are looked for and are a phrase of their own."""
    partial: frozenset[str]
    """Words that are looked for because they are part of a longer phrase."""
    inside: frozenset[str]
    """Words that are looked for inside longer words."""


class ObfuscationFinder:
    """The words of one vocabulary in every way they are hidden; safe to share between threads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Build the look-ups of a vocabulary."""
        self._plain = vocabulary.known
        self._glue = vocabulary.run_together
        self._ordinary = vocabulary.ordinary | self._glue
        self._targets = frozenset(_at_least(3, vocabulary.single) | _at_least(5, vocabulary.partial))
        self._weapons = frozenset(_at_least(3, vocabulary.single)) - {"ars", "aks"}
        self._inside = tuple(sorted(_at_least(5, vocabulary.inside), key=lambda word: (-len(word), word)))
        self._slips = dict(_slips(sorted(_at_least(5, vocabulary.single)), known=self._plain | self._ordinary))
        self._apart = frozenset(self._inside)
        self._broken = {(w[:cut], w[cut:]): w for w in sorted(self._targets) for cut in range(1, len(w))}
        self._firsts = frozenset(first for first, _ in self._broken)
        self._inside_pattern = re.compile("|".join(map(re.escape, self._inside)) or "(?!)")
        self._starts = frozenset(word[:3] for word in self._targets)
        self._read_short = lru_cache(maxsize=65_536)(self._read)

    def may_hide(self, tokens: list[str], text: str) -> bool:
        """Return whether anything in a note could hide a word; fast, because most notes hide nothing."""
        if len(max(tokens, key=len, default="")) > _LONGEST or _SIGN.search(text) or _LETTERS.search(text):
            return True
        if any(map(self._read_short, tokens)):
            return True
        firsts = self._firsts
        return any(first in firsts and (first, second) in self._broken for first, second in itertools.pairwise(tokens))

    def find(self, words: Sequence[Word], text: str) -> list[Word]:
        """Return the hidden words, each with the place of what hides it."""
        candidates = itertools.chain(words, _mixed_words(text))
        hidden = [Word(guess, word.start, word.end) for word in candidates for guess in self.read(word.text)]
        return hidden + list(self._spread(words, text))

    def read(self, token: str) -> tuple[str, ...]:
        """Return the words that one token may hide, most likely first; nothing for ordinary words."""
        return self._read_short(token) if len(token) <= _LONGEST else self._inside_any(token)

    def _read(self, token: str) -> tuple[str, ...]:
        """Return the words that a token of at most 48 characters may hide."""
        if token in self._plain or token in self._ordinary or len(token) < 3 or token.isdigit():
            return ()
        for guess in self._guesses(token):
            if guess in self._targets:
                return (guess,)
        return self._inside_any(token) or self._unglue(token)

    def _inside_any(self, token: str) -> tuple[str, ...]:
        """Return the long words anywhere inside a token, under each reading of its digits and signs."""
        for form in dict.fromkeys([token, *_read_as_letters(token)]):
            parts = self._inside_pattern.findall(form) or self._inside_pattern.findall(_LONG_RUN.sub(r"\1", form))
            if parts:
                return tuple(parts)
        return ()

    def _guesses(self, token: str) -> Iterator[str]:
        """Yield every word that a whole token may stand for."""
        forms = _read_as_letters(token)
        if not token.isalpha():
            yield from forms
        for form in forms:
            if not form.isalpha():
                continue
            yield from _squeezed(form)
            if "v" in form or "w" in form or "ph" in form:
                yield form.replace("vv", "w").replace("v", "u").replace("ph", "f")
                yield form.replace("vv", "w")
            if form in self._slips:
                yield self._slips[form]

    def _unglue(self, token: str) -> tuple[str, ...]:
        """Return the short words between small words typed without spaces: "hasagun"."""
        forms = (form for form in _read_as_letters(token) if form.isalpha())
        return next((parts for form in forms if (parts := self._segment(form))), ())

    def _segment(self, token: str) -> tuple[str, ...]:
        """Return the short words of a token that is wholly made of them and of small words; nothing otherwise."""
        best: list[tuple[str, ...] | None] = [None] * (len(token) + 1)
        best[0] = ()
        for end in range(1, len(token) + 1):
            for start in range(max(0, end - 14), end):
                before, piece = best[start], token[start:end]
                if before is None or not (piece in self._weapons or piece in self._glue):
                    continue
                extended = (*before, piece) if piece in self._weapons else before
                if best[end] is None or len(extended) > len(best[end] or ()):
                    best[end] = extended
        return best[-1] or ()

    def _spread(self, words: Sequence[Word], text: str) -> Iterator[Word]:
        r"""Yield words hidden over several tokens of normalised text: "g u n", "g.u.n", "kni-fe", "kni\\nfe"."""
        for match in _LETTERS.finditer(text):
            letters = [(c, match.start() + i) for i, c in enumerate(match.group()) if c.isalnum() or c in "@$!"]
            joined = "".join(letter for letter, _ in letters)
            for word, start, end in self._words_in(joined):
                yield Word(word, letters[start][1], letters[end - 1][1] + 1)
        for first, second in itertools.pairwise(words):
            if first.text not in self._firsts:
                continue
            whole = self._broken.get((first.text, second.text))
            if whole is None:
                continue
            separator = text[first.end : second.start]
            apart = separator == " " and whole in self._apart and first.text not in _LETTER_WORDS
            if apart or _BROKEN.fullmatch(separator):
                yield Word(whole, first.start, second.end)

    def _words_in(self, joined: str) -> Iterator[tuple[str, int, int]]:
        """Yield the longest words, of three letters or more, within spelled-out letters."""
        forms = [joined, *(joined.translate(reading) for reading in _READINGS), joined.replace("v", "u")]
        for start in range(len(joined)):
            if not any(form[start : start + 3] in self._starts for form in forms):
                continue
            for end in range(min(len(joined), start + 16), start + 2, -1):
                word = next((form[start:end] for form in forms if form[start:end] in self._targets), None)
                if word:
                    yield word, start, end
                    break


def _mixed_words(text: str) -> Iterator[Word]:
    """Yield the words of normalised text that mix letters with digits or signs, without signs at their ends."""
    if not _SIGN.search(text):
        return
    for match in _MIXED.finditer(text):
        word = match.group()
        bare = word.strip("!|+°")
        if bare and not bare.isalpha() and not bare.isdigit():
            start = match.start() + word.index(bare)
            yield Word(bare, start, start + len(bare))


def _read_as_letters(token: str) -> list[str]:
    """Return a token under each reading of its digits and signs; a word of letters has one reading."""
    return [token] if token.isalpha() else [token.translate(reading) for reading in _READINGS]


def _at_least(length: int, words: Iterable[str]) -> set[str]:
    """Return the words of at least a length in characters."""
    return {word for word in words if len(word) >= length}


def _squeezed(token: str) -> Iterator[str]:
    """Yield a token with its repeated letters reduced to two and to one."""
    if _RUN.search(token):
        yield _LONG_RUN.sub(r"\1\1", token)
        yield _LONG_RUN.sub(r"\1", token)
        yield _RUN.sub(r"\1", token)
        for match in _RUN.finditer(token):  # "knnifee" may double a letter that the word doubles too: one at a time
            yield token[: match.start()] + match.group(1) + token[match.end() :]


def _slips(words: Iterable[str], *, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield typing slips of words: two neighbouring letters swapped, or one inner letter left out."""
    for word in words:
        for place in range(1, len(word)):
            dropped = word[:place] + word[place + 1 :]
            swapped = word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]
            for slip in (swapped, dropped) if len(word) > 5 else (swapped,):  # a letter less of five is too little
                if slip not in known:
                    yield slip, word
