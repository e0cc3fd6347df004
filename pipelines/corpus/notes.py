"""Write a scene's note the way call-takers do: a line, a report, shorthand, a form, or a log of entries."""

import random
import re
from datetime import timedelta
from typing import Any

from pipelines.corpus.scene import Scene, draw

_SLOT = re.compile(r"\{([a-z_]+)\}")
_STYLES = {"line": 31, "log": 28, "cad": 19, "entries": 14, "head": 5, "form": 3}
_ASIDES = {"correction": 0.06, "herring": 0.06, "contradiction": 0.04}
_THIN, _SPANISH, _TOLD, _FREQUENT = 0.025, 0.7, 0.9, 0.25
_FREQUENT_BY_WORD = {True: 0.025, False: 0.07}
"""Those the program takes call again more often; these shares make the words "freq caller" say nothing about the call."""

_SPOKEN, _COPULA = re.compile(r"(?<=[a-z]{2})ing\b"), re.compile(r" (?:is|has|are) (?=[a-z]+ing\b|been\b)")
"""Words as they are said: "he been drinkin" is the same call as "he has been drinking"."""

_KEPT = frozenset({"shop", "inst", "staff", "weapon", "item", "vehicle", "race", "days"})
"""Slots that stay the same throughout a note: one store, one thing, one weapon."""

_SHORT = {
    "subject": "subj", "apartment": "apt", "building": "bldg", "possible": "poss", "unknown": "unk", "sleeping": "slpg",
    "intoxicated": "intox", "female": "f", "male": "m", "with": "w/", "vehicle": "veh", "wearing": "wrg", "people": "ppl",
    "refusing": "refus", "business": "bus", "parking": "pkg", "requests": "req", "hospital": "hosp", "about": "abt",
}  # fmt: skip
_WORDS_OF = {"m": ("his", "him", "he"), "f": ("her", "her", "she"), "n": ("their", "them", "they")}


class Writer:
    """Write notes; `skeletons` gathers their frames by scenario, before the slots are filled."""

    def __init__(self, corpus: dict[str, Any], rng: random.Random) -> None:
        """Keep the slots, the styles and the facts' words."""
        self.slots: dict[str, list[str]] = corpus["slots"]
        self.style: dict[str, list[str]] = corpus["style"]
        self.facts: dict[str, dict[str, list[str]]] = corpus["facts"]
        self.city: dict[str, Any] = corpus["city"]
        self.rng = rng
        self.skeletons: dict[str, set[tuple[str, ...]]] = {}

    def note(self, scene: Scene, *, call_type: str) -> str:
        """Write one note."""
        rng, style = self.rng, draw(self.rng, _STYLES)
        words = self._bound(scene, call_type)
        clauses = self._clauses(scene)
        opener = self._opener(style, scene)
        self.skeletons.setdefault(scene.name, set()).add((style, opener, *clauses))
        core, *rest = (self._fill(clause, words) for clause in clauses)
        start = self._fill(opener, words) if style != "form" else ""
        if style == "entries":
            return self._entries([core, *rest], scene)
        if style == "log":
            return self._dirty(". ".join([f"{start} {core}", *(part.capitalize() for part in rest)]) + ".")
        if style == "cad":
            return self._dirty(self._shorten(", ".join([f"{start} {core}", *rest])))
        if style == "head":
            return self._dirty(", ".join([f"{start} {core}", *rest]))
        if style == "form":
            asked = "weapons: none" if scene.weapon == "denied" else "callback: ok"
            answer = "weapons: yes" if scene.weapon is not None and scene.danger else asked
            return self._dirty(self._fill(opener, words | {"core": ", ".join([core, *rest]), "answer": answer}))
        place = f" at {self._fill('{place}', words)}" if rng.random() < 0.3 else ""
        return self._dirty(", ".join([core[:1].upper() + core[1:] + place, *rest]))

    def _clauses(self, scene: Scene) -> list[str]:
        """Choose what the note says: what is happening, then facts, details, tails and asides."""
        rng, told = self.rng, scene.told_as
        thin = rng.random() < (_THIN / 3 if scene.danger else _THIN)
        core = rng.choice(told["first"] if scene.caller_party == "first" else told["cores"])
        after = rng.sample(told["details"], rng.choices((0, 1, 2), (5, 4, 1))[0])
        after += self._told_facts(scene)
        after += [rng.choice(self.style["tail"]) for _ in range(rng.choices((0, 1, 2), (5, 3, 1))[0])]
        rng.shuffle(after)
        after += [rng.choice(self.style[name]) for name, share in _ASIDES.items() if rng.random() < share]
        if rng.random() < (_FREQUENT if scene.earlier else _FREQUENT_BY_WORD["obstacle" in scene.scenario]):
            after.append(rng.choice(self.style["neutral"]))
        if scene.language == "es" and rng.random() < _SPANISH:
            after.append(rng.choice(self.style["spanish"]))
        if thin:
            return [rng.choice(self.style["thin"]), *after[:1]]
        return [core, *after]

    def _told_facts(self, scene: Scene) -> list[str]:
        """Put the scene's facts into words; a few go unsaid, but never the danger."""
        rng, found = self.rng, []
        for group, name in (
            ("medical", scene.medical), ("intoxication", scene.intoxication), ("police_matter", scene.police_matter),
        ):  # fmt: skip
            if name is not None and rng.random() < _TOLD:
                found.append(rng.choice(self.facts[group][name]))
        if scene.weapon is not None and (scene.weapon != "denied" or rng.random() < 0.5):
            found.append(rng.choice(self.facts["weapon"][scene.weapon]))
        if scene.violence and scene.kind != scene.name:
            found.append(rng.choice(self.facts["violence"]["blows"]))
        return found

    def _opener(self, style: str, scene: Scene) -> str:
        """Choose how the note begins; who calls decides where the style tells."""
        own = self.style.get(f"{style}_{scene.caller_party}", self.style.get(style))
        return self.rng.choice(own) if own else ""

    def _bound(self, scene: Scene, call_type: str) -> dict[str, str]:
        """Return the words that the scene itself decides."""
        poss, obj, pron = _WORDS_OF[scene.person.sex]
        years, hour = scene.person.years, (scene.at.hour - 5) % 24
        part = ("late ", "early ", "mid ")[years % 3]
        time = "night" if hour < 6 else "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
        return {
            "poss": poss, "obj": obj, "pron": pron, "years": str(years), "type": call_type,
            "decade": f"{part if years % 2 else ''}{max(years // 10, 2) * 10}s",
            "since": self.rng.choice(self.slots[f"since_{time}"]),
            "place": self.rng.choice(self.slots[f"place_{scene.place}"]),
            "_sex": scene.person.sex, "_zone": scene.zone, "_age": "young" if years < 22 else "older" if years > 66 else "",
        }  # fmt: skip

    def _fill(self, text: str, words: dict[str, str]) -> str:
        """Replace each slot by its word, until none is left."""
        while "{" in text:
            text = _SLOT.sub(lambda match: self._word(match.group(1), words), text)
        return text

    def _word(self, name: str, words: dict[str, str]) -> str:
        """Return the word of one slot."""
        if name in words:
            return words[name]
        if name == "street":
            return str(self.rng.choice(self.city[words["_zone"]]["streets"]))
        options = self.slots.get(name) or self.slots[f"{name}_{words['_sex']}"]
        if name == "who" and words["_age"] and self.rng.random() < 0.4:
            options = self.slots[f"{words['_age']}_{words['_sex']}"]
        chosen = self.rng.choice(options)
        if name in _KEPT:
            words[name] = chosen
        return chosen

    def _entries(self, parts: list[str], scene: Scene) -> str:
        """Write a log: each entry with its time and the typist's initials."""
        lines, at = [], scene.at
        for part in parts:
            at += timedelta(seconds=self.rng.randrange(10, 240))
            initials = "".join(self.rng.choices("ABCDEFGHJKLMNPRSTW", k=2))
            lines.append(f"{at:%H:%M:%S} {initials}: {self._shorten(part)}")
        return self._dirty("\n".join(lines))

    def _shorten(self, text: str) -> str:
        """Abbreviate some words as CAD typists do."""
        return " ".join(_SHORT.get(word, word) if self.rng.random() < 0.4 else word for word in text.split(" "))

    def _dirty(self, text: str) -> str:
        """Shout, slip or cut off now and then."""
        rng = self.rng
        if rng.random() < 0.04:
            text = _SPOKEN.sub("in", _COPULA.sub(" ", text))
        if rng.random() < 0.3:
            text = text.upper()
        for _ in range(rng.choices((0, 1, 2), (84, 12, 4))[0] if len(text) > 12 else 0):
            place = rng.randrange(1, len(text) - 2)
            slip = rng.choice((text[place + 1] + text[place], text[place], text[place] * 2 + text[place + 1]))
            text = text[:place] + slip + text[place + 2 :]
        return text[: rng.randrange(30, 120)] if rng.random() < 0.02 else text
