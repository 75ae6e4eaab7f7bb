"""Small drawing kit for the report's pictures: scales, ticks and SVG elements as escaped, deterministic text.

Colours come from CSS classes of the page, so that one drawing serves light, dark and paper.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup, escape

_LOG_STEPS: Final = (1.0, 2.0, 5.0)
_LINEAR_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps the values `low`…`high` to the pixels `start`…`end`, linearly or by logarithm (then `low` > 0)."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are clamped to the ends."""
        low, high, inside = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, inside = math.log(low), math.log(high), math.log(inside)
        return self.start + (inside - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """At most about `most` round values inside the scale, ascending."""
        return self._logarithmic_ticks(most) if self.logarithmic else self._linear_ticks(most)

    def between(self, share: float) -> float:
        """The value at `share` (0…1) of the way from `low` to `high` as it is drawn."""
        if self.logarithmic:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def _linear_ticks(self, most: int) -> list[float]:
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in _LINEAR_STEPS if factor * power >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def _logarithmic_ticks(self, most: int) -> list[float]:
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in (_LOG_STEPS, (1.0, 3.0), (1.0,)):
            ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
            inside = [tick for tick in ticks if self.low * 0.999 <= tick <= self.high * 1.001]
            if len(inside) <= most:
                break
        return inside


def covering(values: Iterable[float], start: float, end: float, *, margin: float, logarithmic: bool = False) -> Scale:
    """A scale that covers all values with a margin (a share of the width) on both sides."""
    known = list(values)
    low, high = min(known), max(known)
    if logarithmic:
        spread = max(math.log(high / low), 0.5)
        return Scale(low * math.exp(-margin * spread), high * math.exp(margin * spread), start, end, logarithmic=True)
    spread = high - low or max(abs(high), 1e-6) * 0.1
    return Scale(low - margin * spread, high + margin * spread, start, end)


@dataclass(slots=True)
class Drawing:
    """An SVG picture under construction; coordinates are in pixels of the view box, y downwards."""

    width: float
    height: float
    description: str
    _parts: list[Markup] = field(default_factory=list)

    def add(self, element: str, css: str, *, tooltip: str | None = None, **attributes: float | str) -> None:
        """One element without text; underscores in attribute names become hyphens."""
        inside = Markup("<title>{}</title>").format(tooltip) if tooltip else Markup("")
        self._parts.append(_element(element, {"class": css, **attributes}, inside))

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """A straight line."""
        self.add("line", css, x1=x1, y1=y1, x2=x2, y2=y2)

    def polyline(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """An open line through points."""
        self.add("polyline", css, points=" ".join(f"{_pixels(x)},{_pixels(y)}" for x, y in points))

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "start") -> None:
        """One line of text; `y` is its baseline."""
        self._parts.append(_element("text", {"class": css, "x": x, "y": y, "text-anchor": anchor}, escape(text)))

    def marker(self, shape: str, x: float, y: float, radius: float, css: str, tooltip: str) -> None:
        """A marker of the shape `circle`, `square`, `diamond`, `triangle`, `cross` or `star`, centred."""
        if shape == "circle":
            self.add("circle", css, tooltip=tooltip, cx=x, cy=y, r=radius)
        elif shape == "cross":
            path = f"M{_pixels(x - radius)} {_pixels(y - radius)}l{_pixels(2 * radius)} {_pixels(2 * radius)}"
            path += f"M{_pixels(x - radius)} {_pixels(y + radius)}l{_pixels(2 * radius)} {_pixels(-2 * radius)}"
            self.add("path", css, tooltip=tooltip, d=path)
        else:
            corners = " ".join(f"{_pixels(x + dx)},{_pixels(y + dy)}" for dx, dy in _corners(shape, radius))
            self.add("polygon", css, tooltip=tooltip, points=corners)

    def render(self, css: str) -> Markup:
        """The finished `<svg>` element."""
        attributes = {
            "class": css,
            "viewBox": f"0 0 {_pixels(self.width)} {_pixels(self.height)}",
            "role": "img",
            "aria-label": self.description,
        }
        return _element("svg", attributes, Markup("").join(self._parts))


def _corners(shape: str, radius: float) -> list[tuple[float, float]]:
    if shape == "square":
        side = radius * 0.9
        return [(-side, -side), (side, -side), (side, side), (-side, side)]
    if shape == "star":
        spokes = ((index, radius if index % 2 == 0 else radius * 0.45) for index in range(10))
        return [(r * math.sin(math.pi * i / 5), -r * math.cos(math.pi * i / 5)) for i, r in spokes]
    sides = {"diamond": 4, "triangle": 3}[shape]
    angles = (2 * math.pi * index / sides for index in range(sides))
    return [(radius * 1.15 * math.sin(angle), -radius * 1.15 * math.cos(angle)) for angle in angles]


def _element(name: str, attributes: Mapping[str, float | str], inside: Markup) -> Markup:
    written = Markup("").join(
        Markup(' {}="{}"').format(key.replace("_", "-"), _pixels(value) if isinstance(value, int | float) else value)
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inside)


def _pixels(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
