"""Charts as SVG, drawn on the server. Each has a table beside it, so that no information is in a picture alone.

Bars differ by pattern as well as by colour; the patterns are defined once on the page (`PATTERNS`).
"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from models.statistics import Estimate

KINDS = ("ELIGIBLE", "REVIEW", "NOT_ELIGIBLE")
_LEFT, _WIDTH, _ROW = 132, 440, 20

PATTERNS = Markup(
    '<svg class="unseen" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="under" width="6" height="6"></rect><line class="over" x1="0" y1="0" x2="0" y2="6"></line></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect class="under" width="6" height="6"></rect><circle class="point" cx="3" cy="3" r="1.4"></circle></pattern>'
    "</defs></svg>"
)


def _svg(width: float, height: float, label: str, parts: Sequence[str], *, kind: str = "chart") -> Markup:
    """Return an SVG picture with its label."""
    inside = Markup("").join(Markup(part) for part in parts)  # noqa: S704  every text in the parts is escaped
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        kind, round(width), round(height), label, inside
    )


def _text(x: float, y: float, text: object, anchor: str = "start") -> str:
    """Return a text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def stacked_bars(rows: Sequence[tuple[str, Mapping[str, int]]], *, label: str) -> Markup:
    """Return a bar for each row, divided by recommendation, with the sum at its end."""
    most = max((sum(counts[kind] for kind in KINDS) for _, counts in rows), default=0) or 1
    parts: list[str] = []
    for place, (name, counts) in enumerate(rows):
        x, y = float(_LEFT + 6), 4 + _ROW * place
        parts.append(_text(_LEFT, y + 12, name[:22], "end"))
        for kind in KINDS:
            width = _WIDTH * counts[kind] / most
            if width:
                parts.append(f'<rect class="bar {kind.lower()}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="14"></rect>')
            x += width
        parts.append(_text(x + 5, y + 12, sum(counts[kind] for kind in KINDS)))
    return _svg(640, 10 + _ROW * len(rows), label, parts)


def bars(rows: Sequence[tuple[str, float]], *, label: str, unit: str = "") -> Markup:
    """Return a bar of one kind for each row, with its figure at the end."""
    most = max((value for _, value in rows), default=0) or 1
    parts: list[str] = []
    for place, (name, value) in enumerate(rows):
        y, width = 4 + _ROW * place, _WIDTH * value / most
        parts += [
            _text(_LEFT, y + 12, name[:22], "end"),
            f'<rect class="bar eligible" x="{_LEFT + 6}" y="{y}" width="{width:.1f}" height="14"></rect>',
            _text(_LEFT + 11 + width, y + 12, f"{value:g}{unit}"),
        ]
    return _svg(640, 10 + _ROW * len(rows), label, parts)


def heat(counts: Mapping[tuple[int, int], int], *, days: Sequence[str], label: str) -> Markup:
    """Return calls by weekday (rows) and hour (columns), with the number in each cell; more calls are darker."""
    most = max(counts.values(), default=0) or 1
    parts = [_text(60 + 24 * hour, 12, f"{hour:02d}", "middle") for hour in range(24)]
    for weekday, name in enumerate(days):
        y = 20 + 22 * weekday
        parts.append(_text(44, y + 14, name, "end"))
        for hour in range(24):
            n = counts.get((weekday, hour), 0)
            parts.append(
                f'<rect class="cell" x="{49 + 24 * hour}" y="{y}" width="22" height="20" '
                f'opacity="{0.06 + 0.5 * n / most:.2f}"></rect>'
            )
            if n:
                parts.append(_text(60 + 24 * hour, y + 14, n, "middle"))
    return _svg(630, 24 + 22 * len(days), label, parts)


def timeline(points: Sequence[tuple[str, Estimate]], *, label: str) -> Markup:
    """Return shares between 0 and 1 over time, each with its interval."""
    step = 560 / max(1, len(points))
    parts = [_axis(40, 10, 40, 170), _axis(40, 170, 610, 170)]
    parts += [_text(34, 174 - 160 * tick, f"{tick:.0%}", "end") for tick in (0.0, 0.5, 1.0)]
    for place, (name, estimate) in enumerate(points):
        x = 50 + step * (place + 0.5)
        if estimate.n:
            parts += _dot(x, estimate, low=170, height=160)
        if len(points) <= 10 or place % (len(points) // 8 + 1) == 0:
            parts.append(_text(x, 186, name[5:], "middle"))
    return _svg(640, 192, label, parts)


def calibration(points: Sequence[tuple[float, Estimate]], *, label: str) -> Markup:
    """Return the share of served calls that fitted a team, against the predicted probability."""
    parts = [
        _axis(40, 280, 300, 280),
        _axis(40, 20, 40, 280),
        '<line class="ideal" x1="40" y1="280" x2="300" y2="20"></line>',
    ]
    for probability, estimate in points:
        parts += _dot(40 + 260 * probability, estimate, low=280, height=260)
    for tick in (0.0, 0.5, 1.0):
        parts += [_text(40 + 260 * tick, 296, f"{tick:g}", "middle"), _text(34, 284 - 260 * tick, f"{tick:g}", "end")]
    return _svg(320, 302, label, parts, kind="chart square")


def _axis(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a line of an axis."""
    return f'<line class="axis" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"></line>'


def _dot(x: float, estimate: Estimate, *, low: float, height: float) -> list[str]:
    """Return a point with its interval."""
    top, bottom = low - height * estimate.high, low - height * estimate.low
    return [
        f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"></line>',
        f'<circle class="dot" cx="{x:.1f}" cy="{low - height * estimate.value:.1f}" r="4"></circle>',
    ]
