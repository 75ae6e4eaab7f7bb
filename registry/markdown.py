"""Markdown as MLflow's and Prefect's pages show it: tables, numbers of checks, and text from outside."""

from collections.abc import Iterable, Iterator, Sequence


def markdown_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A section with a table; what is in its cells is shown as it stands, whatever it is."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def lines() -> Iterator[str]:
        yield f"## {title}"
        yield ""
        yield line(header)
        yield line("---" for _ in header)
        for row in rows:
            yield line(plain(cell).replace("|", "\\|") for cell in row)
        yield ""

    return "\n".join(lines())


def plain(text: str) -> str:
    """Text from data and tools on one line and without markup of its own."""
    return " ".join(text.split()).replace("<", "&lt;").replace("`", "'")


def number(value: float | None, unit: str) -> str:
    """A check's number with its unit; a share as a percentage, nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.2%}" if unit == "share" else f"{value:.4g} {unit}".rstrip()
