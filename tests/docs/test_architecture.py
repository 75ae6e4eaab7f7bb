"""The picture of the rooms is the one that the code has, and what the page says is to be found is there."""

import re
from pathlib import Path

from tests.docs.pages import ROOT, page
from tests.docs.test_named_files import defined_in
from tests.structure.source_tree import import_graph, modules, within

ARCHITECTURE = page("docs/architecture.md")
PICTURE = next(block.code for block in ARCHITECTURE.blocks if block.language == "mermaid")
NODE = re.compile(r'^ +(\w+)\["([\w/]+)', re.M)
ARROW = re.compile(r"^ +(\w+) --> (\w+)$", re.M)
FOUND = re.compile(r"^\| (?P<what>where [^|]+) \| `(?P<file>[^`]+)` \| (?P<begin>[^|]+) \|$", re.M)


def rooms() -> dict[str, str]:
    """Package by the name that the picture has for it, the most particular first."""
    found = {name: place.replace("/", ".") for name, place in NODE.findall(PICTURE)}
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def room_of(module: str) -> str | None:
    return next((name for name, package in rooms().items() if within(module, package)), None)


def test_the_picture_has_the_arrows_that_the_code_has_and_no_other() -> None:
    drawn = set(ARROW.findall(PICTURE))
    there = {
        (room_of(module), room_of(target))
        for module, targets in import_graph().items()
        for target in targets
        if room_of(module) and room_of(module) != room_of(target)
    }
    assert drawn == there


def test_every_room_of_the_code_is_in_the_picture() -> None:
    drawn = {package.partition(".")[0] for package in rooms().values()}
    assert drawn == {name.partition(".")[0] for name in modules()} - {"configs"}
    families = {file.parent.name for file in (ROOT / "tasks/families").glob("*/plan.py")}
    assert {f"tasks.families.{name}" for name in families} <= set(rooms().values())


def test_what_is_to_be_found_is_where_the_page_says() -> None:
    rows = list(FOUND.finditer(ARCHITECTURE.text))
    assert len(rows) >= 15
    for row in rows:
        place = ROOT / row["file"]
        assert place.is_file(), row["what"]
        said = re.findall(r"`([^`]+)`", row["begin"])
        files = [place, *(ROOT / name for name in said if "/" in name)]
        names = {name for file in files for name in names_in(file)}
        assert {name for name in said if "/" not in name} <= names, row["what"]


def names_in(file: Path) -> set[str]:
    module = next(each for each in modules().values() if each.file == file)
    return defined_in(module)


def test_a_newcomer_is_told_the_five_places() -> None:
    told = {row["what"] for row in FOUND.finditer(ARCHITECTURE.text)}
    assert {
        "where a text is routed",
        "where a gate is judged",
        "where the champion alias moves",
        "where a killed run resumes",
        "where a new label waits",
    } <= told
