"""The notes of scenes, written the way call-takers and log keepers write: one style of several to each note."""

import random
import re
from collections.abc import Callable
from datetime import timedelta

from pipelines.corpus.material import Material
from pipelines.corpus.scene import Scene, draw

STYLES = (
    "line", "log", "cad", "entries", "head", "form", "campus", "town", "sheriff", "city", "protocol", "sparse",
)  # fmt: skip
_SUMMARIES = frozenset({"campus", "town", "sheriff"})
"""Styles of published logs, which say little beside what happened."""

_SLOT = re.compile(r"\{([A-Za-z_]+)\}")

_SPOKEN, _COPULA = re.compile(r"(?<=[a-z]{2})ing\b"), re.compile(r" (?:is|has|are) (?=[a-z]+ing\b|been\b)")
"""Words as they are said: "he been drinkin" is the same call as "he has been drinking"."""

_KEPT = frozenset({"shop", "inst", "staff", "weapon", "item", "vehicle", "race", "days"})
"""Slots that stay the same throughout a note: one store, one thing, one weapon."""

_WORDS_OF = {
    "m": ("his", "him", "he", "He"),
    "f": ("her", "her", "she", "She"),
    "n": ("their", "them", "they", "The person"),
}


class Writer:
    """A writer of notes; `skeletons` collects their frames by scenario, before the slots are filled."""

    def __init__(self, material: Material, rng: random.Random) -> None:
        """Keep the material; nothing is written yet."""
        self.material, self.rng = material, rng
        self.slots, self.style, self.facts = material.slots, material.style, material.facts
        self.shares, self.styles = material.shares, material.weights["styles"]
        self.skeletons: dict[str, set[tuple[str, ...]]] = {}
        self._writers: dict[str, Callable[[Scene, str, list[str], dict[str, str]], str]] = {
            "line": self._line, "log": self._log, "cad": self._cad, "entries": self._entries, "head": self._head,
            "form": self._form, "campus": self._summary, "town": self._summary, "sheriff": self._summary,
            "city": self._city, "protocol": self._protocol, "sparse": self._sparse,
        }  # fmt: skip

    def note(self, scene: Scene, *, call_type: str, style: str | None = None) -> tuple[str, str]:
        """Return one note and the style that it is written in, drawn where none is named."""
        style = style or draw(self.rng, self.styles)
        words = self._bound(scene, call_type)
        clauses = self._clauses(scene, style)
        opener = self._opener(style, scene)
        self.skeletons.setdefault(scene.name, set()).add((style, opener, *clauses))
        parts = [self._fill(clause, words) for clause in clauses]
        return self._dirty(self._writers[style](scene, opener, parts, words)), style

    # ---- what the note says

    def _clauses(self, scene: Scene, style: str) -> list[str]:
        """Return what the note says: what is happening, then facts, details, tails and asides."""
        rng, told, shares = self.rng, scene.told_as, self.shares
        thin = rng.random() < shares["thin"] / (3 if scene.danger or scene.self_harm else 1)
        own_words = scene.caller_party == "first" and told.first
        cores = told.first if own_words else told.cores
        facts = self._told_facts(scene)
        if style == "sparse":
            return [min((rng.choice(cores) for _ in range(3)), key=len), *facts]
        after = rng.sample(told.details, min(len(told.details), rng.choices((0, 1, 2), (5, 4, 1))[0]))
        after += [rng.choice(self.style["tail"]) for _ in range(rng.choices((0, 1, 2), (5, 3, 1))[0])]
        rng.shuffle(after)
        if thin:
            return [rng.choice(self.style["thin"]), *(facts or after[:1])]
        if style in _SUMMARIES:
            return [rng.choice(cores), *facts, *after[: max(0, 2 - len(facts))]]
        after += facts
        rng.shuffle(after)
        return [rng.choice(cores), *after, *self._asides(scene)]

    def _asides(self, scene: Scene) -> list[str]:
        """Return what is said in passing and changes nothing: corrections, other matters, words about the caller."""
        rng, shares = self.rng, self.shares
        asides = [
            rng.choice(self.style[name])
            for name in ("correction", "herring", "contradiction")
            if rng.random() < shares[name]
        ]
        by_word = shares["frequent_other" if scene.scenario.obstacle is None else "frequent_program"]
        if rng.random() < (shares["frequent_if_earlier"] if scene.earlier else by_word):
            asides.append(rng.choice(self.style["neutral"]))
        if scene.language == "es" and rng.random() < shares["spanish_words"]:
            asides.append(rng.choice(self.style["spanish"]))
        return asides

    def _told_facts(self, scene: Scene) -> list[str]:
        """Return the scene's facts in words; a few go unsaid, but never the danger."""
        rng, told = self.rng, []
        for group, name in (
            ("medical", scene.medical), ("intoxication", scene.intoxication), ("police_matter", scene.police_matter),
        ):  # fmt: skip
            if name is not None and rng.random() < self.shares["fact_told"]:
                told.append(rng.choice(self.facts[group][name]))
        if scene.weapon is not None and (scene.weapon != "denied" or rng.random() < self.shares["denial_told"]):
            told.append(rng.choice(self.facts["weapon"][scene.weapon]))
        if scene.violence and scene.borrowed:
            told.append(rng.choice(self.facts["violence"]["blows"]))
        return told

    def _opener(self, style: str, scene: Scene) -> str:
        """Return how the note begins; who calls decides where the style says it."""
        openers = self.style.get(f"{style}_{scene.caller_party}", self.style.get(style))
        return self.rng.choice(openers) if openers else ""

    # ---- the styles

    def _line(self, _scene: Scene, _opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return one line: what is happening, then the rest, with commas."""
        core, *rest = parts
        place = f" at {self._fill('{place}', words)}" if self.rng.random() < self.shares["place_told"] else ""
        return ", ".join([_sentence(core) + place, *rest])

    def _log(self, _scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return a report in full sentences."""
        core, *rest = parts
        return ". ".join([f"{self._fill(opener, words)} {core}", *map(_sentence, rest)]) + "."

    def _cad(self, _scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return dispatcher's shorthand."""
        core, *rest = parts
        return self._shorten(", ".join([f"{self._fill(opener, words)} {core}", *rest]))

    def _head(self, _scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return a note that begins with its call type."""
        core, *rest = parts
        return ", ".join([f"{self._fill(opener, words)} {core}", *rest])

    def _form(self, scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return a filled form with a question about weapons."""
        asked = "weapons: none" if scene.weapon == "denied" else "callback: ok"
        answer = "weapons: yes" if scene.weapon is not None and scene.danger else asked
        return self._fill(opener, words | {"core": ", ".join(parts), "answer": answer})

    def _entries(self, scene: Scene, _opener: str, parts: list[str], _words: dict[str, str]) -> str:
        """Return a log of entries, each with its time and the typist's initials."""
        lines, at = [], scene.at
        for part in parts:
            at += timedelta(seconds=self.rng.randrange(10, 240))
            initials = "".join(self.rng.choices("ABCDEFGHJKLMNPRSTW", k=2))
            lines.append(f"{at:%H:%M:%S} {initials}: {self._shorten(part)}")
        return "\n".join(lines)

    def _summary(self, _scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return a published log's summary: one line in the past tense, often with what came of the call."""
        core, *rest = parts
        start = self._fill(opener, words)
        text = "; ".join([f"{start} {core}" if start else _sentence(core), *rest])
        if self.rng.random() < self.shares["outcome"]:
            text += self.rng.choice(("; ", ". ", " - ")) + self._fill(self.rng.choice(self.style["came_of_it"]), words)
        return text + self.rng.choice(("", "."))

    def _city(self, _scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return a big city's CAD text: capitals, parts divided by slashes or dashes."""
        joint = self.rng.choice(("/", " / ", "//", "--", " ... "))
        start = self._fill(opener, words)
        return joint.join([*([start] if start else []), *map(self._shorten, parts)]).upper()

    def _protocol(self, scene: Scene, opener: str, parts: list[str], words: dict[str, str]) -> str:
        """Return the sentences of protocol software, numbered, after what the call-taker typed."""
        urgent, person = scene.needs_ems or scene.self_harm, scene.scenario.obstacle is not None or scene.borrowed
        group = "danger" if scene.danger else "ems" if urgent else "calm" if person else "other"
        known = list(scene.told_as.protocol) if scene.told_as.protocol and not scene.borrowed else []
        sentences = known + self.rng.sample(self.style[f"protocol_{group}"], self.rng.randrange(1, 4))
        if scene.weapon == "denied":
            sentences.append(self.rng.choice(self.style["protocol_unarmed"]))
        gap = self.rng.choice(("", " "))
        answers = gap.join(f"{number}.{self._fill(text, words)}" for number, text in enumerate(sentences, start=1))
        return f"{self._fill(opener, words)}{_sentence(', '.join(parts))}. {answers}"

    def _sparse(self, _scene: Scene, _opener: str, parts: list[str], _words: dict[str, str]) -> str:
        """Return a few words: what is happening, and the facts that decide."""
        return _sentence(", ".join(parts))

    # ---- words

    def _bound(self, scene: Scene, call_type: str) -> dict[str, str]:
        """Return the words that the scene itself decides."""
        possessive, objective, pronoun, subject = _WORDS_OF[scene.person.sex]
        years, hour = scene.person.years, (scene.at.hour - 5) % 24
        part = ("late ", "early ", "mid ")[years % 3]
        time = "night" if hour < 6 else "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
        return {
            "poss": possessive, "obj": objective, "pron": pronoun, "Pron": subject, "years": str(years), "type": call_type,
            "decade": f"{part if years % 2 else ''}{max(years // 10, 2) * 10}s",
            "since": self.rng.choice(self.slots[f"since_{time}"]),
            "place": self.rng.choice(self.slots[f"place_{scene.place}"]),
            "_sex": scene.person.sex, "_zone": scene.zone, "_age": "young" if years < 22 else "older" if years > 66 else "",
        }  # fmt: skip

    def _fill(self, text: str, words: dict[str, str]) -> str:
        """Return a text with each slot replaced by its word, until none is left."""
        while "{" in text:
            text = _SLOT.sub(lambda match: self._word(match.group(1), words), text)
        return text

    def _word(self, name: str, words: dict[str, str]) -> str:
        """Return the word of one slot."""
        if name in words:
            return words[name]
        if name == "street":
            return self.rng.choice(self.material.city[words["_zone"]].streets)
        options = self.slots.get(name) or self.slots[f"{name}_{words['_sex']}"]
        if name == "who" and words["_age"] and self.rng.random() < 0.4:
            options = self.slots[f"{words['_age']}_{words['_sex']}"]
        word = self.rng.choice(options)
        if name in _KEPT:
            words[name] = word
        return word

    def _shorten(self, text: str) -> str:
        """Return a text in which some words are abbreviated as CAD typists do."""
        short = self.material.abbreviations
        return " ".join(short.get(word, word) if self.rng.random() < 0.4 else word for word in text.split(" "))

    def _dirty(self, text: str) -> str:
        """Return a text in capitals, with slips or cut off now and then."""
        rng = self.rng
        if rng.random() < self.shares["spoken"]:
            text = _SPOKEN.sub("in", _COPULA.sub(" ", text))
        if rng.random() < 0.3:
            text = text.upper()
        for _ in range(rng.choices((0, 1, 2), (84, 12, 4))[0] if len(text) > 12 else 0):
            place = rng.randrange(1, len(text) - 2)
            slip = rng.choice((text[place + 1] + text[place], text[place], text[place] * 2 + text[place + 1]))
            text = text[:place] + slip + text[place + 2 :]
        return text[: rng.randrange(30, 120)] if rng.random() < 0.02 else text


def _sentence(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]
