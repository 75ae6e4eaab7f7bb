"""Numbers of checks and text from outside as model card, Prefect's pages and notices write them."""


def plain(text: str) -> str:
    """Text from data and tools on one line and without markup of its own."""
    return " ".join(text.split()).replace("<", "&lt;").replace("`", "'")


def number(value: float | None, unit: str) -> str:
    """A check's number with its unit; a share as a percentage, nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.2%}" if unit == "share" else f"{value:.4g} {unit}".rstrip()
