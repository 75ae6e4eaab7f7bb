"""No file imports itself by way of others, and neither does a folder: below every folder there is an order to read in."""

import ast
from collections import defaultdict

import pytest

from tests.structure.source_tree import circle, import_graph, modules, run_time_imports, within


def folders() -> list[str]:
    """Every folder of the product; "" holds the rooms."""
    return ["", *sorted({name.rpartition(".")[0] for name in modules()} - {""})]


def entries(folder: str) -> dict[str, set[str]]:
    """What lies in a folder, files and whole folders, and which of it imports which."""
    graph: dict[str, set[str]] = defaultdict(set)
    for name, imported in import_graph().items():
        if (entry := entry_of(name, folder)) is not None:
            graph[entry] |= {other for target in imported if (other := entry_of(target, folder)) not in (None, entry)}
    return graph


def entry_of(name: str, folder: str) -> str | None:
    """What of the folder the module is or is in; None where it is elsewhere."""
    if not folder:
        return name.partition(".")[0]
    if not within(name, folder):
        return None
    return name.removeprefix(folder).removeprefix(".").partition(".")[0] or "__init__"


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert not circle(import_graph())


@pytest.mark.parametrize("folder", folders())
def test_nothing_in_a_folder_imports_itself_by_way_of_its_neighbours(folder: str) -> None:
    assert not circle(entries(folder))


def test_a_circle_is_told_by_its_way() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) in (["b", "c", "b"], ["c", "b", "c"])
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


def test_an_import_in_a_function_counts_and_one_that_is_only_read_does_not() -> None:
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from tasks.records import Record
def late():
    import engine.bundle
    from engine import session
"""
    assert set(run_time_imports(ast.parse(source))) == {"typing.TYPE_CHECKING", "engine.bundle", "engine.session"}
