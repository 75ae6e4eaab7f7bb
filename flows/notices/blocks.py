"""The notification blocks that a recipe names, loaded from Prefect's server; one that cannot be is said with the way out."""

from typing import Any, Final, Protocol, cast

from flows.pages.served import ui_page
from tasks.errors import UserError

_FIELD: Final = "notify.blocks"


class Notifier(Protocol):
    """What all notification blocks have."""

    def notify(self, body: str, subject: str | None = None) -> Any:
        """Sends a message; an awaitable of it where the block's own method is asynchronous."""
        ...


def require_blocks(names: tuple[str, ...], file: str) -> None:
    """Raises UserError, for the recipe in `file`, unless Prefect's server holds all of these blocks and they can notify."""
    problems = []
    for name in names:
        try:
            load_block(name)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("; ".join(problems), file=file, field=_FIELD)


def load_block(name: str) -> Notifier:
    """The block saved as `name`, TYPE/NAME. Raises UserError where there is none, or it cannot be used."""
    import httpx
    import prefect.blocks.notifications  # noqa: F401 - Prefect's own types are known once this is imported
    from prefect.blocks.core import Block
    from prefect.exceptions import ObjectNotFound

    kind, _, document = name.partition("/")
    try:
        block: object = Block.load(name)
    except Exception as error:
        if isinstance(error.__cause__, ObjectNotFound):
            page = ui_page("blocks/catalog")
            raise UserError(
                f"there is no block {name} on the Prefect server; make one of type {kind} called {document}"
                f"{f' at {page}' if page else ''}, or save it from Python under that name"
            ) from error
        # Its words may hold what is in the block.
        hint = "" if isinstance(error, httpx.HTTPError) else "; is the package that defines its type installed?"
        raise UserError(f"the block {name} cannot be loaded ({type(error).__name__}){hint}") from None
    if not callable(getattr(block, "notify", None)):
        raise UserError(f"the block {name} is none that notifies; its type has no method notify")
    return cast(Notifier, block)
