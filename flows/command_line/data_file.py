"""What commands ask about a data file that no recipe describes."""

import argparse
from typing import Final

FORMATS: Final = ".jsonl, .json, .csv, .tsv or .parquet, text also as .gz"


def add_delimiter(parser: argparse.ArgumentParser) -> None:
    """Adds `--delimiter`."""
    parser.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="C",
        help="what parts the fields of a CSV file, one character or tab (default: found by its header)",
    )


def _delimiter(text: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from tasks.recipe.data import Delimiter

    try:
        return TypeAdapter(Delimiter).validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(str(error.errors()[0]["ctx"]["error"])) from error
