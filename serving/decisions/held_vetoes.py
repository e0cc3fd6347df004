"""Hold a veto whose words were typed and are gone from the note, until a person says that they are no longer so.

A word that is still being typed is not gone when it becomes another: "hi" on the way to "himself" stands where it stood, and
the rules have judged it anew. Gone is what was deleted or written over.
"""

from dataclasses import dataclass, field
from typing import Any

from models.decision import VETO_CODES


@dataclass(slots=True)
class Veto:
    """Hold one mention: its rule, its words, its place in the note, and the decision that first named it."""

    rule_id: str
    words: str
    decision_id: str
    start: int
    end: int


@dataclass(slots=True)
class Holds:
    """Hold the vetoes of one call's note as it changes."""

    note: str = ""
    standing: list[Veto] = field(default_factory=list)
    gone: list[Veto] = field(default_factory=list)

    def change(self, note: str) -> None:
        """Take in a note as it now stands: what was written over or deleted is gone."""
        ahead, behind = _common(self.note, note)
        shift = len(note) - len(self.note)
        for veto in self.standing:
            if veto.end > ahead and veto.start < len(self.note) - behind:
                self.gone.append(veto)
            elif veto.end > ahead:
                veto.start, veto.end = veto.start + shift, veto.end + shift
        self.standing = [veto for veto in self.standing if veto not in self.gone]
        self.note = note

    def judge(self, record: dict[str, Any]) -> None:
        """Take in the decision on the note as it stands; what it names again is not gone."""
        known = {(veto.rule_id, veto.words.lower()): veto for veto in self.gone}
        self.standing = []
        for reason in record["reasons"]:
            if reason["code"] in VETO_CODES and reason["start"] is not None:
                rule_id, words = str(reason["rule_id"]), str(reason["words"])
                first = known.pop((rule_id, words.lower()), None)
                decision_id = first.decision_id if first else record["decision_id"]
                self.standing.append(Veto(rule_id, words, decision_id, reason["start"], reason["end"]))
        self.gone = list(known.values())

    def take_back(self, words: set[str]) -> list[Veto]:
        """Forget gone words, in lower case, that a person takes back; return them."""
        taken = [veto for veto in self.gone if veto.words.lower() in words]
        self.gone = [veto for veto in self.gone if veto not in taken]
        return taken

    @property
    def rules(self) -> tuple[str, ...]:
        """Name the rules whose words are gone, each once."""
        return tuple(dict.fromkeys(veto.rule_id for veto in self.gone))

    def to_records(self) -> list[dict[str, str]]:
        """Write what is gone and held, as it is sent."""
        return [{"rule_id": veto.rule_id, "words": veto.words, "decision_id": veto.decision_id} for veto in self.gone]


def _common(old: str, new: str) -> tuple[int, int]:
    """Return how many characters two notes share at their beginning, and how many of the others at their end.

    >>> _common("he has hi", "he has him"), _common("a gun here", "a here")
    ((9, 0), (2, 4))
    """
    least = min(len(old), len(new))
    ahead = next((place for place in range(least) if old[place] != new[place]), least)
    rest = least - ahead
    behind = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return ahead, behind
