"""What the product defines, and what of it somebody names: in another definition, in a string that points to it, in a page."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tests.structure.source_tree import ROOT, Module

POINTER = re.compile(r"([\w.]*)[:.](\w+)")
"""`package.module:name` or `package.module.name`; the package may be missing where it is put before."""
PAGES = ("README.md", "CONTRIBUTING.md", "docs", "infra")
WORDS = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Definition:
    """A function, class, method or constant.

    `owner`: the bases of the class that it is a member of; None where it is no member. `decorators`: the last name of each.
    """

    module: str
    name: str
    lines: range
    owner: tuple[str, ...] | None = None
    decorators: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.module}:{self.name}"


def definitions(module: Module) -> Iterator[Definition]:
    """Everything that the module defines, functions within functions included; fields of records are no definitions."""
    return _in_body(module.name, module.tree.body, None)


def _in_body(module: str, body: list[ast.stmt], owner: tuple[str, ...] | None) -> Iterator[Definition]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            decorators = tuple(_last_name(decorator) for decorator in node.decorator_list)
            yield Definition(module, node.name, _lines(node), owner, decorators)
            bases = tuple(map(_last_name, node.bases)) if isinstance(node, ast.ClassDef) else None
            yield from _in_body(module, node.body, bases)
        elif isinstance(node, ast.Assign) or (isinstance(node, ast.AnnAssign) and owner is None):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in ast.walk(target):
                    # A function's own variables are the linter's business.
                    if isinstance(name, ast.Name) and (owner is not None or node.col_offset == 0):
                        yield Definition(module, name.id, _lines(node), owner)
        else:
            for inner in ("body", "orelse", "finalbody"):
                yield from _in_body(module, getattr(node, inner, []), owner)


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _last_name(node: ast.expr) -> str:
    """`b` of `a.b`, `a.b(c)` and `a.b[c]`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


@dataclass
class Names:
    """Who names what.

    `read`: lines by module and name. `taken`: modules by the name that they take of something (`.name`), or give to a call.
    `imported`: who imports a name from a module, and as what. `pointed`: module and name of strings that point to
    something. `alone`: strings that are one name, and words of the pages' code.
    """

    read: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    taken: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    imported: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    pointed: set[tuple[str, str]] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, modules: list[Module], texts: list[str] | None = None) -> "Names":
        """`texts`: further ones whose words count: code of the pages, templates."""
        names = cls()
        for module in modules:
            for node in ast.walk(module.tree):
                names._add(module.name, node)
        names.alone.update(word for text in texts or [] for word in WORDS.findall(text))
        return names

    def _add(self, module: str, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            self.read[module, node.id].add(node.lineno)
        elif isinstance(node, ast.Attribute):
            self.taken[node.attr][module].add(node.lineno)
        elif isinstance(node, ast.keyword) and node.arg:
            self.taken[node.arg][module].add(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                self.imported[node.module, alias.name].add((module, alias.asname or alias.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._add_text(module, node.value, node.lineno)

    def _add_text(self, module: str, text: str, line: int) -> None:
        if text.isidentifier():
            self.alone.add(text)
        elif pointer := POINTER.fullmatch(text):
            self.pointed.add((pointer[1], pointer[2]))
        else:
            for name in names_of_annotation(text):
                self.read[module, name].add(line)

    def somebody_names(self, definition: Definition) -> bool:
        """Outside of the definition itself."""
        if definition.owner is not None:
            taken = self.taken[definition.name].items()
            elsewhere = (module != definition.module or lines - set(definition.lines) for module, lines in taken)
            read = self.read[definition.module, definition.name] - set(definition.lines)
            return bool(read) or any(elsewhere) or definition.name in self.alone
        return self._reached(definition.module, definition.name, set(definition.lines))

    def _reached(self, module: str, name: str, within: set[int]) -> bool:
        if self.read[module, name] - within or name in self.alone:
            return True
        if any(pointed == name and module.endswith(place) for place, pointed in self.pointed):
            return True
        if any(user != module or lines - within for user, lines in self.taken[name].items()):
            return True
        return any(self._reached(user, alias, set()) for user, alias in self.imported[module, name] if user != module)


def names_of_annotation(text: str) -> set[str]:
    """The names in a quoted annotation; none where the text is none."""
    if len(text) > 200 or "\n" in text:
        return set()
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def code_of_pages() -> list[str]:
    """The fenced blocks of every page that is written for a user or an operator."""
    given = (ROOT / page for page in PAGES)
    pages = chain.from_iterable(path.rglob("*.md") if path.is_dir() else [path] for path in given)
    return [block for page in pages if page.is_file() for block in _fenced(page)]


def _fenced(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def templates() -> list[str]:
    """The text of every page template."""
    return [file.read_text(encoding="utf-8") for file in sorted((ROOT / "registry").rglob("*.jinja"))]
