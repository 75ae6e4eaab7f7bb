"""The pages of the project as Markdown has them: their links, headings, code blocks and names in backticks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "infra", "findings")

_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A code block; `line`: of its first line."""

    page: "Page"
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    file: Path

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Without its code blocks."""
        return _FENCED.sub("", self.text)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Its code blocks, in order."""
        return tuple(
            Block(self, self.text[: match.start("code")].count("\n") + 1, match["language"], match["code"])
            for match in _FENCED.finditer(self.text)
        )

    @cached_property
    def spans(self) -> tuple[str, ...]:
        """What stands in backticks in its prose."""
        return tuple(_SPAN.findall(self.prose))

    @cached_property
    def links(self) -> tuple[str, ...]:
        """Targets of its links and pictures."""
        return tuple(_LINK.findall(_SPAN.sub("", self.prose)))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link to one of its headings may be called, as GitHub has it."""
        headings = re.findall(r"^#+ +(.+)$", self.prose, re.M)
        return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)

    def __str__(self) -> str:
        """Where it is, from the root."""
        return str(self.file.relative_to(ROOT))


@cache
def pages() -> tuple[Page, ...]:
    """Every page of the project."""
    found = [*ROOT.glob("*.md"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.md"))]
    return tuple(Page(file) for file in sorted(found))


def page(name: str) -> Page:
    """One page, by its path from the root."""
    return next(each for each in pages() if str(each) == name)


def blocks(*languages: str) -> Iterator[Block]:
    """The code blocks of all pages in these languages."""
    return (block for each in pages() for block in each.blocks if block.language in languages)
