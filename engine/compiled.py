"""The arithmetic of a request, compiled by Numba: a few microseconds without the interpreter's lock, so threads run abreast.

Functions are compiled at their first call and kept on disk for the next process. Arithmetic is strict IEEE, one order for
all, so that a row is answered alike on every machine; ids are checked by hand, because compiled code checks no bounds.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile `function`; where no folder can be written to, for this process alone."""
    try:
        return cast(Function, numba.njit(function, nogil=True, cache=True, error_model="numpy"))
    except RuntimeError:
        return cast(Function, numba.njit(function, nogil=True, error_model="numpy"))
