"""Reads the JSON schema that a recipe wants valid answers to keep to."""

from collections.abc import Mapping
from pathlib import Path

from engine import strict_json
from engine.errors import InputError
from engine.generation.json_schema import compiled_schema
from tasks.errors import UserError


def read_answer_schema(name: str, *, recipe_folder: Path) -> Mapping[str, object]:
    """The schema in a file; UserError where it cannot be read, or is none that the engine checks."""
    file = recipe_folder / name
    try:
        schema = strict_json.loads(file.read_text(encoding="utf-8"))
        compiled_schema(schema)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", file=file, field="generation.schema") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON ({error})", file=file, field="generation.schema") from error
    except InputError as error:
        raise UserError(str(error), file=file, field="generation.schema") from error
    checked: Mapping[str, object] = schema
    return checked
