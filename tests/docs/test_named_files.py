"""Every file, module and test that a page or the code's own words name is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, page, pages
from tests.structure.source_tree import ROOMS, Module, modules

TOP = ("engine", "tasks", "registry", "flows", "miaotui", "configs", "infra", "tests", "docs", "findings", ".ci")
PATH = re.compile(rf"(?<![\w/.:<~-])(?:{'|'.join(map(re.escape, TOP))})(?:/[\w.-]+)+/?")
SOURCE = re.compile(r"(?<![\w/.*-])[\w-]+\.(?:py|md|sh)\b")
MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+")
NO_SOURCES = {"model_card.md", "script.py"}
"""What a run writes, and an example."""
PLACES_TO_BE = {"findings/NAME.sh"}
"""Examples."""


def missing_paths(text: str) -> set[str]:
    """Paths from the root that are nowhere."""
    found = {name.rstrip(".") for name in PATH.findall(text)}
    return {name for name in found - PLACES_TO_BE if not (ROOT / name).exists()}


@pytest.mark.parametrize("source", pages(), ids=str)
def test_the_paths_that_a_page_names_exist(source: Page) -> None:
    assert not missing_paths(" ".join((*source.spans, *(block.code for block in source.blocks))))


@pytest.mark.parametrize("source", pages(), ids=str)
def test_the_modules_that_a_page_names_exist(source: Page) -> None:
    assert not {span for span in source.spans if MODULE.fullmatch(span) and not is_there(span)}


def is_there(dotted: str) -> bool:
    """A module, or something that a module defines."""
    if dotted in modules():
        return True
    module, _, name = dotted.rpartition(".")
    return module in modules() and name in defined_in(modules()[module])


def defined_in(module: Module) -> set[str]:
    """The names that a module defines or takes in at its top, those for type checkers included."""
    found: set[str] = set()
    branches = [node.body for node in module.tree.body if isinstance(node, ast.If)]
    for node in [*module.tree.body, *(node for branch in branches for node in branch)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def test_the_tests_that_the_field_notes_name_exist() -> None:
    there = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    named = {name for name in SOURCE.findall(page("docs/field.md").text) if name.startswith("test_")}
    assert "test_csv_layout.py" in named
    assert not named - there


def words_of(file: Path) -> Iterator[str]:
    """Docstrings of a source file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value  # of a constant


def sources() -> list[Path]:
    """All files of the product."""
    return [module.file for module in modules().values()]


def test_the_files_that_docstrings_name_exist() -> None:
    wrong = set()
    for file in sources():
        text = " ".join(words_of(file))
        wrong |= {f"{file.relative_to(ROOT)}: {name}" for name in missing_paths(text)}
        near = {name for name in SOURCE.findall(PATH.sub("", text)) if name not in NO_SOURCES}
        wrong |= {f"{file.relative_to(ROOT)}: {name}" for name in near if not any(file.parent.rglob(name))}
    assert not wrong


def test_the_modules_that_docstrings_name_exist() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {span}"
        for file in sources()
        for span in re.findall(r"`([\w.]+)`", " ".join(words_of(file)))
        if MODULE.fullmatch(span) and not is_there(span)
    }
    assert not wrong
