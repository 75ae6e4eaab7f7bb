"""What is imported of the product is there, in the tests, too, and where the type checker takes a missing module for untyped."""

import ast

from tests.structure.source_tree import ROOMS, ROOT, modules, run_time_imports


def test_every_module_that_is_imported_from_a_room_exists() -> None:
    known = modules().keys()
    missing = [
        f"{file.relative_to(ROOT)} imports {name}"
        for room in (*ROOMS, "tests")
        for file in sorted((ROOT / room).rglob("*.py"))
        for name in run_time_imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.partition(".")[0] in ROOMS and not {name, name.rpartition(".")[0]} & known
    ]
    assert not missing
