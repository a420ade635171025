"""Small plots as SVG text: horizontal intervals, bars, and points against a diagonal."""

from collections.abc import Sequence
from html import escape

WIDTH, ROW, LEFT, RIGHT = 720, 22, 260, 40


def intervals(rows: Sequence[tuple[str, float | None, float | None, float | None]], *, unit: str) -> str:
    """Return one line for each (label, middle, low, high); what is None is not drawn."""
    known = [value for row in rows for value in row[1:] if value is not None]
    if not known:
        return _nothing()
    low, high = min([0.0, *known]), max([0.0, *known])
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT)

    parts = [_line(x(0.0), 0, x(0.0), ROW * len(rows), "axis")]
    for number, (label, middle, lower, upper) in enumerate(rows):
        y = ROW * number + ROW / 2
        parts.append(_text(LEFT - 8, y + 4, label, "end"))
        if lower is not None and upper is not None:
            parts.append(_line(x(lower), y, x(upper), y, "span"))
        if middle is not None:
            parts.append(f'<circle cx="{x(middle):.1f}" cy="{y:.1f}" r="4"><title>{middle:+.4f}</title></circle>')
    foot = ROW * len(rows) + 16
    parts += [_text(x(low), foot, f"{low:+.3g}", "middle"), _text(x(high), foot, f"{high:+.3g} {unit}", "end")]
    return _svg(parts, ROW * len(rows) + 22)


def bars(rows: Sequence[tuple[str, float]]) -> str:
    """Return one bar for each (label, count)."""
    if not rows:
        return _nothing()
    most = max([1.0, *(count for _, count in rows)])
    parts = []
    for number, (label, count) in enumerate(rows):
        y, length = ROW * number, count / most * (WIDTH - LEFT - RIGHT - 60)
        parts.append(_text(LEFT - 8, y + 15, label, "end"))
        parts.append(f'<rect x="{LEFT}" y="{y + 4}" width="{length:.1f}" height="{ROW - 8}"/>')
        parts.append(_text(LEFT + length + 6, y + 15, f"{count:g}", "start"))
    return _svg(parts, ROW * len(rows) + 4)


def diagonal(points: Sequence[tuple[float, float, float]], *, across: str, up: str) -> str:
    """Return points (x, y, weight) in the unit square, areas by weight, with the line on which both agree."""
    if not points:
        return _nothing()
    side, edge = 300, 40
    most = max(weight for *_, weight in points)
    parts = [
        f'<rect class="frame" x="{edge}" y="10" width="{side}" height="{side}"/>',
        _line(edge, 10 + side, edge + side, 10, "axis"),
    ]
    for x, y, weight in points:
        radius = 3 + 9 * (weight / most) ** 0.5
        parts.append(
            f'<circle cx="{edge + x * side:.1f}" cy="{10 + (1 - y) * side:.1f}" r="{radius:.1f}">'
            f"<title>{x:.2f} paid, {y:.2f} won, {weight:g} purchases</title></circle>"
        )
    parts.append(_text(edge + side / 2, side + 30, across, "middle"))
    parts.append(_text(edge + 6, 24, up, "start"))
    return _svg(parts, side + 40)


def _svg(parts: Sequence[str], height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _nothing() -> str:
    return "<p>Nothing to draw.</p>"
