"""The file of a JSON schema that completions are to keep to."""

from pathlib import Path

from tasks.errors import UserError


def schema_text(file: Path) -> str:
    """What is in it, not yet checked. Raises UserError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", file=file) from error
