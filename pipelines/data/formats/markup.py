"""HTML5 notes as plain text, with the way back to the markup: `k&#110;ife` is a knife."""

import html
import re

from pipelines.data.formats.mapped_text import MappedText, Piece, joined

_BLOCKS = frozenset(
    "address article blockquote br dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre section table tr ul".split()
)
_INLINE = frozenset(
    "a abbr b bdi bdo body caption cite code col colgroup data del dfn em figcaption figure font footer head header html i"
    " img ins kbd link main mark meta nav q s samp script small span strike strong style sub sup tbody td tfoot th thead"
    " time title tt u var wbr".split()
)
_MARKUP = re.compile(
    r"<!--.*?-->|<!doctype[^>]*>|</?([a-z][a-z0-9]*)(?:\s[^<>]*)?/?>|&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);?",
    re.IGNORECASE | re.DOTALL,
)


def plain_text(markup: str) -> MappedText:
    r"""Return the text of HTML5: character references decoded, blocks on lines of their own, other tags left out.

    A tag that HTML5 does not know is text, so that "male <40 with gun" and "<gun>" lose nothing.

    >>> plain_text("has a k&#110;ife<br>calm &amp; alone").text
    'has a knife\ncalm & alone'
    """
    pieces: list[Piece] = []
    last = 0
    for match in _MARKUP.finditer(markup):
        pieces.append(Piece(markup[last : match.start()], last))
        pieces.append(Piece(_meaning(match), match.start(), literal=False))
        last = match.end()
    return joined([*pieces, Piece(markup[last:], last)])


def _meaning(match: re.Match[str]) -> str:
    """Return what a tag, a comment or a character reference means as text."""
    written, tag = match.group(), (match.group(1) or "").lower()
    if written.startswith("&"):
        return html.unescape(written)
    if written.startswith("<!"):
        return ""
    if tag in _BLOCKS:
        return "\n"
    return "" if tag in _INLINE else written
