"""Offer the veto as a spaCy component: `nlp.add_pipe("heartline_veto")`.

It sets `doc._.veto` (a bool) and fills the span groups `veto`, `screening`, `means` and `near_miss`; each span carries
its rule id as its label and its annotation as `span._.annotation`. Spans widen to the pipeline's own tokens.
"""

from collections.abc import Iterable

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from models.veto.matcher import Hit, Rulebook


@Language.factory("heartline_veto", assigns=["doc._.veto", "doc.spans"])
def make_veto(nlp: Language, name: str) -> "VetoComponent":
    """Make the component for a pipeline."""
    return VetoComponent(nlp, name)


class VetoComponent:
    """Mark the mentions that veto in each document."""

    def __init__(self, nlp: Language, name: str) -> None:
        """Compile the rulebook once and register the extensions."""
        self.name = name
        self.vocab = nlp.vocab
        self.rulebook = Rulebook()
        if not Doc.has_extension("veto"):
            Doc.set_extension("veto", default=False)
        if not Span.has_extension("annotation"):
            Span.set_extension("annotation", default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Scan one document."""
        scan = self.rulebook.scan(doc.text)
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
    """Turn a hit into a span of the document's own tokens."""
    span = doc.char_span(hit.start, hit.end, label=hit.rule_id, alignment_mode="expand")
    if span is not None:
        span._.annotation = str(hit.annotation)
    return span
