"""Plain SVG: a plot area with scales, and the few marks that the tearsheet needs. Colours come from the page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

Format = Callable[[float], str]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers that divide [low, high] into about `count` parts."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


@dataclass(slots=True, kw_only=True)
class Plot:
    """A plot of data coordinates on a canvas `width` by `height`; text is about 11 units high."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    left: float = 44
    right: float = 10
    top: float = 10
    bottom: float = 22
    label: str = ""
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Return where a value lies on the canvas."""
        low, high = self.x_range
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Return where a value lies on the canvas."""
        low, high = self.y_range
        share = (value - low) / (high - low) if high > low else 0.5
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def y_axis(self, write: Format, count: int = 4) -> None:
        """Draw hairlines and their numbers."""
        for value in ticks(*self.y_range, count):
            at = self.y(value)
            self.parts.append(
                f'<line class="grid{" zero" if value == 0 else ""}" x1="{self.left:g}" '
                f'x2="{self.width - self.right:g}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            self.text(self.left - 6, at + 3.5, write(value), "end")

    def x_labels(self, labels: Sequence[tuple[float, str]]) -> None:
        """Write texts under the plot."""
        for value, text in labels:
            at = self.x(value)
            anchor = "middle"
            if at < self.left + 14:
                anchor = "start"
            elif at > self.width - self.right - 14:
                anchor = "end"
            self.text(at, self.height - 6, text, anchor)

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "tick") -> None:
        """Write a text at canvas coordinates."""
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def line(self, xs: Sequence[float], ys: Sequence[float], kind: str, title: str = "") -> None:
        """Draw a line through data points."""
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))
        self.parts.append(f'<polyline class="line {kind}" points="{points}">{_title(title)}</polyline>')

    def area(self, xs: Sequence[float], ys: Sequence[float], base: float, kind: str) -> None:
        """Fill between data points and a base line."""
        if not len(xs):
            return
        points = [f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True)]
        ends = f"{self.x(xs[-1]):.1f},{self.y(base):.1f} {self.x(xs[0]):.1f},{self.y(base):.1f}"
        self.parts.append(f'<polygon class="area {kind}" points="{" ".join(points)} {ends}"/>')

    def bar(self, x0: float, x1: float, y0: float, y1: float, kind: str, title: str = "") -> None:
        """Draw a bar between data coordinates."""
        left, right = sorted((self.x(x0), self.x(x1)))
        top, bottom = sorted((self.y(y0), self.y(y1)))
        self.parts.append(
            f'<rect class="bar {kind}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.6):.1f}" '
            f'height="{max(bottom - top, 0.6):.1f}" rx="1.5">{_title(title)}</rect>'
        )

    def mark(self, value: float, text: str, kind: str) -> None:
        """Draw an upright line with a text at its top."""
        at = self.x(value)
        self.parts.append(
            f'<line class="mark {kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{self.top:g}" '
            f'y2="{self.height - self.bottom:g}"/>'
        )
        near_right = at > self.width * 0.7
        self.text(at + (-4 if near_right else 4), self.top + 9, text, "end" if near_right else "start")

    def svg(self, kind: str = "") -> str:
        """Return the whole picture, with a description for who cannot see it."""
        return (
            f'<svg class="plot {kind}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.label)}">{"".join(self.parts)}</svg>'
        )


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
