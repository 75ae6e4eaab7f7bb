"""YAML as recipes need it: text, numbers, booleans, null, lists and mappings, and nothing that surprises.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `1e-4` is a number, `no` and
`2026-11-22` are text. Keys given twice, tags, anchors and aliases are errors that name the line.
"""

import re
from pathlib import Path
from typing import Final

import yaml

from tasks.errors import UserError

_MOST_BYTES: Final = 1 << 20  # a recipe is a page; a larger file is data given by mistake

_SCALARS: Final = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789")),
    (
        "float",
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN))$"
        ),
        list("-+.0123456789"),
    ),
)


def _refused(problem: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2 and no references between nodes."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - PyYAML's own class attributes, replaced before the first use
    yaml_constructors: dict = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        """As PyYAML's, but an anchor or alias is an error: a few of them can stand for gigabytes."""
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            raise _refused("anchors (&) and aliases (*) are not supported", event.start_mark)
        return super().compose_node(parent, index)

    def mapping(self, node: yaml.Node) -> dict[str, object]:
        """A mapping whose keys are text and differ."""
        if not isinstance(node, yaml.MappingNode):
            raise _refused("not a mapping", node.start_mark)
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _refused(f"the key {key!r} is not text", key_node.start_mark)
            if key in result:
                raise _refused(f"the key {key!r} is given twice", key_node.start_mark)
            result[key] = self.construct_object(value_node, deep=True)
        return result

    def sequence(self, node: yaml.Node) -> list[object]:
        """A list."""
        if not isinstance(node, yaml.SequenceNode):
            raise _refused("not a list", node.start_mark)
        return [self.construct_object(item, deep=True) for item in node.value]

    def number(self, node: yaml.Node) -> int | float:
        """An integer or a float, by the node's tag."""
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        try:
            return int(text) if kind == "int" else float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        except ValueError as error:
            message = f"{text[:40]!r} is not a number that can be read"
            raise _refused(message, node.start_mark) from error

    def boolean(self, node: yaml.Node) -> bool:
        """`true` or `false`."""
        if str(node.value).lower() not in ("true", "false"):
            raise _refused("not true or false", node.start_mark)
        return str(node.value).lower() == "true"


for _kind, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _pattern, _first)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.sequence)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)
_Loader.add_constructor("tag:yaml.org,2002:null", _Loader.construct_yaml_null)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader.boolean)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.number)


def _no_constructor(_loader: _Loader, node: yaml.Node) -> object:
    raise _refused(f"the tag {node.tag} is not supported", node.start_mark)


_Loader.add_constructor(None, _no_constructor)


def parse_yaml(text: str, *, source: Path | str) -> object:
    """The value that `text` stands for: dict, list, str, int, float, bool or None.

    Raises UserError with `source` and the line where the text is not such YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a restriction of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = str(error.problem or error.context).replace("\0", "nothing")
        raise UserError(f"{where}not valid YAML: {problem}", file=source) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise UserError(f"line {line}: not valid YAML: a character that is not allowed", file=source) from error
    except RecursionError as error:
        raise UserError("nested too deeply", file=source) from error


def read_yaml(path: Path) -> object:
    """As `parse_yaml`, for a UTF-8 file. Raises UserError also where the file cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError("larger than 1 MiB; this is not a recipe", file=path)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UserError("no such file", file=path) from error
    except IsADirectoryError as error:
        raise UserError("is a folder; name the YAML file in it", file=path) from error
    except (OSError, ValueError) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(getattr(error, "strerror", error))
        raise UserError(f"cannot be read: {reason}", file=repr(str(path)) if "\0" in str(path) else path) from error
    return parse_yaml(text, source=path)
