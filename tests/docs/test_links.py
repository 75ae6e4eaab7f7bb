"""Links lead somewhere, README stays a door, and every page can be reached from it."""

import pytest

from tests.docs.pages import ROOT, Page, page, pages


def relative_links(source: Page) -> list[tuple[str, str]]:
    """File and anchor of each link within the project."""
    return [(link.partition("#")[0], link.partition("#")[2]) for link in source.links if "://" not in link]


@pytest.mark.parametrize("source", pages(), ids=str)
def test_every_link_and_anchor_is_there(source: Page) -> None:
    wrong = []
    for name, anchor in relative_links(source):
        target = (source.file.parent / name).resolve() if name else source.file
        if not target.exists() or ROOT not in (target, *target.parents):
            wrong.append(f"{name}: no such file")
        elif anchor and anchor not in Page(target).anchors:
            wrong.append(f"{name}#{anchor}: no such heading")
    assert not wrong


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        file = left.pop()
        if file.suffix == ".md" and file not in reached:
            reached.add(file)
            left += [(file.parent / name).resolve() for name, _ in relative_links(Page(file)) if name]
    assert {each.file for each in pages()} == reached


def test_the_readme_is_short_and_has_the_command_that_ci_runs() -> None:
    text = page("README.md").text
    assert len(text.splitlines()) <= 150
    between = text.partition("<!-- tests -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert between[0] == "```bash"
    assert between[-1] == "```"
    assert "pytest" in between[1]
    assert len(between) == 3
