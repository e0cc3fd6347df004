"""What the veto returns: a `Scan` of a note with its `Hit`s."""

from dataclasses import dataclass

from models.veto.assertion import Assertion
from models.veto.rulebook import RuleClass


@dataclass(frozen=True, slots=True)
class Hit:
    """A mention: its rule, the words as written, their place in the note (end exclusive), and how they are meant."""

    rule_id: str
    rule_class: RuleClass
    words: str
    start: int
    end: int
    assertion: Assertion
    question: str | None = None
    """The safety question that a recorded answer is for, `weapons` or `violence`; `None` for a mention."""

    @property
    def vetoes(self) -> bool:
        """Whether this hit alone ends a decision."""
        lifted = self.assertion in {Assertion.SCREENING, Assertion.PLAINLY_NEGATED}
        return self.rule_class in {RuleClass.WEAPON, RuleClass.VIOLENCE} and not lifted


@dataclass(frozen=True, slots=True)
class Scan:
    """What the rules found in a note: `hits` stand, `suppressed` are listed near-misses and names that are only shown."""

    hits: tuple[Hit, ...] = ()
    suppressed: tuple[Hit, ...] = ()

    @property
    def vetoes(self) -> tuple[Hit, ...]:
        """The hits that end a decision."""
        return tuple(hit for hit in self.hits if hit.vetoes)

    @property
    def screening(self) -> tuple[Hit, ...]:
        """The recorded answers to the safety questions."""
        return tuple(hit for hit in self.hits if hit.assertion is Assertion.SCREENING)

    @property
    def negated(self) -> tuple[Hit, ...]:
        """The mentions of violence that the note plainly says is absent: they ask for review."""
        return tuple(hit for hit in self.hits if hit.assertion is Assertion.PLAINLY_NEGATED)

    @property
    def means(self) -> tuple[Hit, ...]:
        """The means of self-harm."""
        return tuple(hit for hit in self.hits if hit.rule_class is RuleClass.MEANS)

    @property
    def objects(self) -> tuple[Hit, ...]:
        """The tools and things that can be a weapon and that nobody is said to hold or to use."""
        return tuple(hit for hit in self.hits if hit.rule_class is RuleClass.OBJECT)
