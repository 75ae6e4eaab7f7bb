"""The digest of the code that computes a step: its module and all it imports within the project, read but not run.

A step's result depends on every helper it reaches, so the imports are followed through the sources' syntax trees,
imports within functions included. What it reaches outside the project counts by installed version (`package_versions`).
"""

import ast
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from flows.steps.package_versions import is_installed, package_versions

ROOMS: Final = ("engine", "tasks")
"""The rooms whose code computes; flows and registry only call and record."""

_EVERYTHING_BELOW: Final = ".*"


@dataclass(frozen=True)
class Code:
    """What computes a step: a digest of the project's own sources, and the versions of the packages they use."""

    digest: str
    modules: tuple[str, ...]
    packages: dict[str, str]


def code_of(module: str, root: Path = Path(__file__).parents[2], rooms: tuple[str, ...] = ROOMS) -> Code:
    """The code behind `module` (dotted name) among the `rooms` under `root`.

    Raises FileNotFoundError where the module is not there and SyntaxError where a source cannot be parsed.
    """
    if _source(module, root) is None:
        raise FileNotFoundError(f"no source of the module {module} under {root}")
    found: dict[str, str] = {}
    outside: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = _source(name, root)
        if name in found or file is None:
            continue
        source = file.read_bytes()
        found[name] = hashlib.sha256(source).hexdigest()
        for imported in _references(source, name, file.name == "__init__.py", rooms):
            if imported.endswith(_EVERYTHING_BELOW):
                waiting += _modules_below(file.parent, root)
            elif imported.partition(".")[0] in rooms:
                waiting += _with_parents(imported)
            else:
                outside.add(imported.partition(".")[0])
        waiting += _with_parents(name)
    lines = "".join(f"{found[name]}  {name}\n" for name in sorted(found))
    return Code(hashlib.sha256(lines.encode()).hexdigest(), tuple(sorted(found)), package_versions(outside))


def _modules_below(folder: Path, root: Path) -> list[str]:
    """All modules of the packages in a folder."""
    packages = [file.parent for file in folder.glob("*/__init__.py")]
    files = (file for package in packages for file in package.rglob("*.py"))
    return [".".join(file.relative_to(root).with_suffix("").parts) for file in files]


def _with_parents(module: str) -> list[str]:
    """Importing a module runs the `__init__` of every package above it."""
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _source(module: str, root: Path) -> Path | None:
    """Under the root, or where else the package that the module is in was told to look: a task family may lie elsewhere."""
    package, _, name = module.rpartition(".")
    elsewhere = (Path(folder, name) for folder in getattr(sys.modules.get(package), "__path__", ()))
    for place in (root.joinpath(*module.split(".")), *elsewhere):
        for candidate in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if candidate.is_file():
                return candidate
    return None


@lru_cache(maxsize=1024)
def _references(source: bytes, module: str, is_package: bool, rooms: tuple[str, ...]) -> frozenset[str]:
    """Dotted names that a source may import, `from x import y` giving both x and x.y."""
    return frozenset(_names(ast.parse(source), module, is_package, rooms))


def _names(tree: ast.AST, module: str, is_package: bool, rooms: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and node.attr == "iter_modules":
            # Whoever looks for the packages beside it may import any of them.
            yield _EVERYTHING_BELOW
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _named_in_text(node.value, module, is_package, rooms)


def _named_in_text(text: str, module: str, is_package: bool, rooms: tuple[str, ...]) -> Iterator[str]:
    """Child processes are started by a name in a string: `-m tasks.benchmark.child`, or `child.py` beside it."""
    name = text.partition(":")[0]
    dotted = all(part.isidentifier() for part in name.split("."))
    if dotted and (name.partition(".")[0] in rooms or ("." in name and is_installed(name.partition(".")[0]))):
        yield name
    elif text.endswith(".py") and text[:-3].isidentifier():
        yield f"{module if is_package else module.rpartition('.')[0]}.{text[:-3]}"


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    above = module.split(".")
    above = above[: len(above) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])
