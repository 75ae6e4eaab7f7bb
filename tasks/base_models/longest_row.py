"""How long a row a model really takes, found by running it: what a configuration says of its positions may be wrong."""

from collections.abc import Callable

from tasks.errors import UserError, one_line


def require_length(run: Callable[[int], object], wanted: int, *, field: str) -> None:
    """`run` takes a number of tokens; UserError where it ends in an error with `wanted`, naming the most that works."""
    error = _error_of(run, wanted)
    if error is None:
        return
    works, fails = 0, wanted
    while fails - works > 1:
        middle = (works + fails) // 2
        if _error_of(run, middle) is None:
            works = middle
        else:
            fails = middle
    if not works:
        raise UserError(f"the base model cannot be run, not even with one token: {error}", field="base_model")
    raise UserError(
        f"{wanted} tokens, but the base model takes rows of at most {works}: with one more it ends in an error ({error}); "
        f"set it to {works} or less",
        field=field,
    )


def _error_of(run: Callable[[int], object], tokens: int) -> str | None:
    try:
        run(tokens)
    except Exception as error:  # noqa: BLE001 - what an architecture ends in without enough positions is its own
        return one_line(error)
    return None
