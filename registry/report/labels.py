"""Puts the names of points into a picture without one covering another: greedy placement over fixed positions.

Greedy by priority is the usual first method of map labelling (Christensen, Marks and Shieber 1995); here a dozen points
need no more, and it is deterministic.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_CHARACTER_WIDTH: Final = 0.59
_DIRECTIONS: Final = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
_DISTANCES: Final = (5.0, 12.0, 22.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def inside(self, frame: "Box") -> bool:
        """Whether the rectangle lies wholly in the frame."""
        within_width = self.left >= frame.left and self.right <= frame.right
        return within_width and self.top >= frame.top and self.bottom <= frame.bottom


@dataclass(frozen=True, slots=True)
class Label:
    """The name of the point at `x`, `y` whose marker reaches `radius` pixels; a `minor` one yields for lack of room."""

    text: str
    x: float
    y: float
    radius: float
    css: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A label with the place of its baseline's start."""

    label: Label
    x: float
    y: float


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in pixels; East Asian wide characters count double."""
    cells = sum(1.75 if unicodedata.east_asian_width(character) in "WF" else 1.0 for character in text)
    return cells * _CHARACTER_WIDTH * size


def place(labels: Sequence[Label], *, size: float, frame: Box, obstacles: Sequence[Box] = ()) -> list[Placed]:
    """Places labels in the given order; the first ones get the best places.

    `size` is the font size in pixels, `obstacles` are areas to keep free besides the points' own markers.
    """
    taken = [*obstacles, *(_marker_box(label) for label in labels)]
    placed = []
    for label in labels:
        boxes = [box for box in _candidates(label, size) if box.inside(frame)]
        if not boxes:
            continue
        best = min(boxes, key=lambda box: sum(box.overlap(other) for other in taken))
        if label.minor and any(best.overlap(other) > 0 for other in taken):
            continue
        taken.append(best)
        placed.append(Placed(label, best.left, best.bottom - 0.28 * size))
    return placed


def _marker_box(label: Label) -> Box:
    return Box(label.x - label.radius, label.y - label.radius, label.x + label.radius, label.y + label.radius)


def _candidates(label: Label, size: float) -> list[Box]:
    width, height = text_width(label.text, size), 1.25 * size
    boxes = []
    for distance in _DISTANCES:
        reach = label.radius + distance
        for right, down in _DIRECTIONS:
            slant = 0.7 if right and down else 1.0
            x, y = label.x + slant * right * reach, label.y + slant * down * reach
            left = x - width * (1 - right) / 2
            top = y - height * (1 - down) / 2
            boxes.append(Box(left, top, left + width, top + height))
    return boxes
