"""What the pages say is so: commands parse, files and links are there, and the reference is that of the models."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.command_line.main import command_parser
from tasks.families.recipe_reference import reference

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    file
    for pattern in ("*.md", "docs/*.md", "docs/how-to/*.md", "findings/*.md", "infra/*.md")
    for file in PROJECT.glob(pattern)
)
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FILE = re.compile(r"`((?:engine|tasks|registry|flows|configs|tests|docs|infra|findings)/[\w./-]+)`")
ENDS_A_COMMAND = {"&&", "|", ">", ";"}


def shown(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of miaotui in a page's shell blocks, with the page."""
    for page in PAGES:
        for block in BLOCK.findall(text_of(page)):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True) if "miaotui" in line else []
                for number, word in enumerate(words):
                    before = words[number - 1] if number else "&&"
                    begins = before in ENDS_A_COMMAND or re.fullmatch(r"[A-Z_]+=.*", before)
                    if Path(word).name == "miaotui" and "=" not in word and begins and number + 1 < len(words):
                        rest = words[number + 1 :]
                        end = next((at for at, other in enumerate(rest) if other in ENDS_A_COMMAND), len(rest))
                        yield shown(page), rest[:end]


COMMANDS = list(commands())


def test_the_pages_show_the_commands_that_there_are() -> None:
    assert {words[0] for _, words in COMMANDS} >= {"init", "run", "predict", "bench", "land", "take-in", "promote"}


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_a_command_is_one_that_is_understood(page: str, words: list[str]) -> None:
    options = command_parser().parse_args(words)
    assert callable(options.execute)
    for word in words:
        if word.startswith("configs/"):
            assert (PROJECT / word).is_file(), f"{page}: {word}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_and_files_are_there(page: Path) -> None:
    text = text_of(page)
    for link in (one or other for one, other in LINK.findall(text)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{shown(page)}: {link}"
        if anchor:
            assert anchor in anchors(file), f"{shown(page)}: {link}"
    for name in FILE.findall(text):
        assert (PROJECT / name).exists(), f"{shown(page)}: {name}"


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text_of(page))}


def test_the_reference_is_that_of_the_models() -> None:
    assert text_of(PROJECT / "docs" / "recipe.md") == reference(), (
        "run: python -m tasks.families.recipe_reference > docs/recipe.md"
    )


def test_the_readme_is_a_door_and_no_house() -> None:
    assert len(text_of(PROJECT / "README.md").splitlines()) <= 150


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [PROJECT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in (one or other for one, other in LINK.findall(text_of(page))):
            if "://" not in link and link.partition("#")[0]:
                ahead.append((page.parent / link.partition("#")[0]).resolve())
    assert {page for page in PAGES if "infra" not in page.parts} <= reached
