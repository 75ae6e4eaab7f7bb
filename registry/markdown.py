"""Tables of Markdown as MLflow's pages show them."""

from collections.abc import Iterable, Iterator, Sequence

from registry.wording import plain


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
