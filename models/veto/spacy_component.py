"""The veto as a spaCy component: `nlp.add_pipe("heartline_veto")`.

It sets `doc._.veto` (a bool) and fills the span groups `veto`, `screening`, `means` and `near_miss`; each span carries
its rule id as its label and its assertion as `span._.assertion`. Spans widen to the pipeline's own tokens.
"""

from collections.abc import Iterable

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from models.veto.hits import Hit
from models.veto.matcher import VetoMatcher


@Language.factory("heartline_veto", assigns=["doc._.veto", "doc.spans"])
def make_veto(nlp: Language, name: str) -> "VetoComponent":
    """Return the component for a pipeline."""
    return VetoComponent(nlp, name)


class VetoComponent:
    """A pipe that marks the mentions in each document."""

    def __init__(self, nlp: Language, name: str) -> None:
        """Compile the rulebook once and register the extensions."""
        self.name = name
        self.vocab = nlp.vocab
        self.matcher = VetoMatcher()
        if not Doc.has_extension("veto"):
            Doc.set_extension("veto", default=False)
        if not Span.has_extension("assertion"):
            Span.set_extension("assertion", default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Mark the mentions in one document and return it."""
        scan = self.matcher.scan(doc.text)
        doc._.veto = bool(scan.vetoes)
        groups: dict[str, Iterable[Hit]] = {
            "veto": scan.vetoes,
            "screening": scan.screening,
            "means": scan.means,
            "near_miss": scan.suppressed,
        }
        for name, hits in groups.items():
            spans = [span for span in (_span(doc, hit) for hit in hits) if span is not None]
            doc.spans[name] = SpanGroup(doc, name=name, spans=spans)
        return doc


def _span(doc: Doc, hit: Hit) -> Span | None:
    """Return a hit as a span of the document's own tokens; `None` where it covers none."""
    span = doc.char_span(hit.start, hit.end, label=hit.rule_id, alignment_mode="expand")
    if span is not None:
        span._.assertion = str(hit.assertion)
    return span
