"""Which rooms may know of a task family, and of a runtime: its own folder alone."""

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from engine.runtimes import runtimes
from tests.structure.source_tree import Module, import_graph, modules, within

FAMILIES, ENGINE = "tasks.families", "engine"
MAY_BE_ASKED_FOR = tuple(f"{FAMILIES}.{name}" for name in ("family", "first_recipe", "load_recipe", "proposal"))
"""What says which families there are: all that others may import of them."""
MAY_ASK = ("flows",)
"""The rooms that ask for a family, whichever it is."""


def folders_of(package: str, mark: str) -> list[str]:
    """The folders beside one another in a package that hold the file `mark`."""
    names = {name.removeprefix(f"{package}.").partition(".")[0] for name in modules() if within(name, package)}
    return sorted(f"{package}.{name}" for name in names if f"{package}.{name}.{mark}" in modules())


OF_FAMILIES = folders_of(FAMILIES, "plan")
OF_RUNTIMES = folders_of(ENGINE, "model")


def of_one_kind(module: str) -> bool:
    """Whether it belongs to one family or to one runtime."""
    return any(within(module, folder) for folder in (*OF_FAMILIES, *OF_RUNTIMES))


SHARED = {name: module for name, module in modules().items() if not of_one_kind(name)}


def test_the_folders_are_found() -> None:
    assert f"{FAMILIES}.classification" in OF_FAMILIES
    assert f"{ENGINE}.generation" in OF_RUNTIMES
    assert {"registry.gates", "flows.pipeline", "tasks.certification.certify", "engine.bundle"} <= SHARED.keys()


@pytest.mark.parametrize("folder", [*OF_FAMILIES, *OF_RUNTIMES])
def test_a_familys_or_runtimes_folder_imports_no_other_of_its_kind(folder: str) -> None:
    others = {other for other in (*OF_FAMILIES, *OF_RUNTIMES) if other != folder}
    others -= {other for other in OF_RUNTIMES if folder in OF_FAMILIES}  # a family may be answered by any runtime
    assert not arrows(lambda name: within(name, folder), lambda target: any(within(target, other) for other in others))


def test_no_room_imports_a_familys_folder() -> None:
    assert not arrows(SHARED.__contains__, lambda target: any(within(target, folder) for folder in OF_FAMILIES))


def test_only_flows_asks_which_families_there_are() -> None:
    def asks(name: str) -> bool:
        return not within(name, FAMILIES) and not any(within(name, room) for room in MAY_ASK)

    assert not arrows(asks, lambda target: within(target, FAMILIES))
    assert not arrows(
        lambda name: not within(name, FAMILIES),
        lambda target: within(target, FAMILIES) and target not in MAY_BE_ASKED_FOR,
    )


def test_the_engines_shared_files_import_no_runtime() -> None:
    assert not arrows(
        lambda name: within(name, ENGINE) and name in SHARED,
        lambda target: any(within(target, runtime) for runtime in OF_RUNTIMES),
    )


def test_nobody_but_its_own_folder_asks_which_class_of_a_family_or_runtime_something_is() -> None:
    classes = {
        node.name
        for name, module in modules().items()
        if of_one_kind(name)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    } - {node.name for module in SHARED.values() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
    assert {"TextGenerationRecipe", "Completion"} <= classes
    assert not asked(lambda node: names_in(class_asked_for(node)) & classes)


def test_nobody_but_its_own_folder_asks_whether_a_familys_part_is_there() -> None:
    """A record's part that one family fills and the others leave out, asked for by its name (`generation is None`)."""
    kinds = {folder.rpartition(".")[2] for folder in OF_FAMILIES}
    assert not asked(lambda node: {name.lstrip("_") for name in names_in(held_against_nothing(node))} & kinds)


def test_nobody_at_all_asks_which_task_it_has() -> None:
    """Not even its own folder: it has no other."""
    tasks = set(runtimes())
    assert {"text-classification", "text-generation"} <= tasks
    everywhere = (f"{module}:{line}" for module in modules().values() for line in _lines(module, by_task(tasks)))
    assert not list(everywhere)


def test_questions_are_seen_in_whatever_form_they_are_asked() -> None:
    asked_of = "isinstance(a, Completion | Other)", "isinstance(a, (b.Completion, Other))", "issubclass(a, Completion)"
    for source in (*asked_of, "match a:\n    case b.Completion(): pass"):
        assert any("Completion" in names_in(class_asked_for(node)) for node in ast.walk(ast.parse(source)))
    for source in ("a.generation is not None", "None is generation"):
        assert any("generation" in names_in(held_against_nothing(node)) for node in ast.walk(ast.parse(source)))
    assert not any(names_in(held_against_nothing(node)) for node in ast.walk(ast.parse("a.generation is other")))
    for source in ("recipe.task == other", "kind in ('pairs', 'more')", "match kind:\n    case 'pairs': pass"):
        assert any(by_task({"pairs"})(node) for node in ast.walk(ast.parse(source)))


def arrows(origin: Callable[[str], bool], target: Callable[[str], bool]) -> list[str]:
    """Imports from modules of one kind to modules of another."""
    return [
        f"{modules()[name]} imports {imported}"
        for name, all_imported in import_graph().items()
        if origin(name)
        for imported in sorted(all_imported)
        if target(imported)
    ]


def asked(question: Callable[[ast.AST], object]) -> list[str]:
    """Where a shared file asks it."""
    return [f"{module}:{line}" for module in SHARED.values() for line in _lines(module, question)]


def _lines(module: Module, question: Callable[[ast.AST], object]) -> Iterator[int]:
    return (node.lineno for node in ast.walk(module.tree) if question(node) and hasattr(node, "lineno"))


def class_asked_for(node: ast.AST) -> ast.AST | None:
    """What something is tested to be an instance of, by a call or by a pattern."""
    if isinstance(node, ast.MatchClass):
        return node.cls
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass") and len(node.args) == 2:
        return node.args[1]
    return None


def held_against_nothing(node: ast.AST) -> ast.AST | None:
    """What is tested for being None."""
    if isinstance(node, ast.Compare):
        for (left, right), operator in zip(pairwise((node.left, *node.comparators)), node.ops, strict=True):
            for one, other in ((left, right), (right, left)):
                if isinstance(operator, ast.Is | ast.IsNot) and isinstance(other, ast.Constant) and other.value is None:
                    return one
    return None


def by_task(tasks: set[str]) -> Callable[[ast.AST], bool]:
    """Whether something is compared with a task, or by one."""

    def compares(node: ast.AST) -> bool:
        if not isinstance(node, ast.Compare | ast.MatchValue):
            return False
        parts = list(ast.walk(node))
        words = {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        return bool(words & tasks) or any(isinstance(part, ast.Attribute) and part.attr == "task" for part in parts)

    return compares


def names_in(node: ast.AST | None) -> set[str]:
    """The last names of all that is named there: `b` of `a.b`."""
    if node is None:
        return set()
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Name):
        return {node.id}
    return {name for child in ast.iter_child_nodes(node) for name in names_in(child)}
