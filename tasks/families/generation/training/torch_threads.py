"""Threads of our own for torch on the CPU, each with its share of the cores for the operations it runs.

torch's threads divide every single operation: small matrices leave them nothing to gain, and beside other work they wait
for each other at each one. Independent pieces of work, each in a thread, meet only at their end.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from tasks.machine.child_process import usable_cpus

RunAll = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Runs independent pieces of work at the same time, the first in the caller's thread; their results, in order."""


@contextmanager
def torch_threads(count: int) -> Iterator[RunAll]:
    """As many threads as `count`, the caller's among them; with 1, everything runs there one after the other."""
    if count == 1:
        yield lambda work: [each() for each in work]
        return
    before = torch.get_num_threads()
    own = min(before, max(1, len(usable_cpus()) // count))
    torch.set_num_threads(own)
    try:
        # torch keeps the number of its threads for each of ours.
        with ThreadPoolExecutor(count - 1, "torch", torch.set_num_threads, (own,)) as pool:

            def run_all(work: Sequence[Callable[[], Any]]) -> list[Any]:
                others = [pool.submit(each) for each in work[1:]]
                return [*(each() for each in work[:1]), *(other.result() for other in others)]

            yield run_all
    finally:
        torch.set_num_threads(before)
