"""The digest of the code that computes a step: its module and all it imports within the project, read but not run.

A step's result depends on every helper it reaches, so the imports are followed through the sources' syntax trees,
imports within functions included. What it reaches outside the project counts by installed version.
"""

import ast
import hashlib
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

ROOMS: Final = ("engine", "tasks")
"""The rooms whose code computes; flows and registry only call and record."""

_DISTRIBUTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "accelerate": ("accelerate",),
    "datasets": ("datasets", "pyarrow"),
    "evaluate": ("evaluate",),
    "mlperf_loadgen": ("mlcommons-loadgen",),
    "numba": ("numba", "llvmlite"),
    "numpy": ("numpy",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime"),
    "optimum": ("optimum", "optimum-onnx"),
    "pandas": ("pandas",),
    "pyarrow": ("pyarrow",),
    "safetensors": ("safetensors",),
    "scipy": ("scipy",),
    "sklearn": ("scikit-learn", "scipy"),
    "tokenizers": ("tokenizers",),
    "torch": ("torch",),
    "transformers": ("transformers", "accelerate", "tokenizers", "safetensors"),
}
"""Distributions whose version may change a result, by the module that is imported."""


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
            if imported.partition(".")[0] in rooms:
                waiting += _with_parents(imported)
            else:
                outside.add(imported.partition(".")[0])
        waiting += _with_parents(name)
    lines = "".join(f"{found[name]}  {name}\n" for name in sorted(found))
    return Code(hashlib.sha256(lines.encode()).hexdigest(), tuple(sorted(found)), _versions(outside))


def _with_parents(module: str) -> list[str]:
    """Importing a module runs the `__init__` of every package above it."""
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _source(module: str, root: Path) -> Path | None:
    file = root.joinpath(*module.split("."))
    candidates = (file / "__init__.py", file.with_name(f"{file.name}.py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


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
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _named_in_text(node.value, module, is_package, rooms)


def _named_in_text(text: str, module: str, is_package: bool, rooms: tuple[str, ...]) -> Iterator[str]:
    """Child processes are started by a name in a string: `-m tasks.benchmark.child`, or `child.py` beside it."""
    name = text.partition(":")[0]
    if name.partition(".")[0] in rooms and all(part.isidentifier() for part in name.split(".")):
        yield name
    elif text.endswith(".py") and text[:-3].isidentifier():
        yield f"{module if is_package else module.rpartition('.')[0]}.{text[:-3]}"


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    above = module.split(".")
    above = above[: len(above) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _versions(imported: set[str]) -> dict[str, str]:
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for module in sorted(imported - sys.stdlib_module_names):
        for distribution in _DISTRIBUTIONS.get(module, ()):
            version = _version(distribution)
            if version is not None:
                versions[distribution] = version
    return dict(sorted(versions.items()))


@lru_cache(maxsize=256)
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
