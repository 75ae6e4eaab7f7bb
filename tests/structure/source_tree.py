"""The product's files as syntax trees: which modules there are, and which of them each one imports."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("configs", "engine", "tasks", "registry", "flows", "miaotui")


@dataclass(frozen=True)
class Module:
    """A file of the product; `name`: as it is imported."""

    name: str
    file: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.file.read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> frozenset[str]:
        """What it imports while it runs: `package.module`, or `package.module.name` for each name of a `from` import."""
        return frozenset(run_time_imports(self.tree))

    def __str__(self) -> str:
        """Where it is, from the root."""
        return str(self.file.relative_to(ROOT))


@cache
def modules() -> Mapping[str, Module]:
    """Every module of the product by name."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, file)
    return found


def run_time_imports(tree: ast.AST) -> Iterator[str]:
    """At the top or inside a function; what stands under TYPE_CHECKING is only read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for branch in node.orelse:
                yield from run_time_imports(branch)
        else:
            yield from run_time_imports(node)


def modules_of(imports: frozenset[str]) -> set[str]:
    """The product's modules among them; a name that is imported from a module stands for that module."""
    known = modules()
    nearest = (name if name in known else name.rpartition(".")[0] for name in imports)
    return {name for name in nearest if name in known}


@cache
def import_graph() -> Mapping[str, frozenset[str]]:
    """The modules that each module imports."""
    return {name: frozenset(modules_of(module.imports) - {name}) for name, module in modules().items()}


def circle(graph: Mapping[str, set[str] | frozenset[str]]) -> list[str]:
    """A way through the graph that ends where it begins; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def within(name: str, package: str) -> bool:
    """Whether the module is the package or in it."""
    return name == package or name.startswith(f"{package}.")
