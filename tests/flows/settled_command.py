"""The command line as on a machine that nobody disturbs, whose times are settled: `-m tests.flows.settled_command ARGUMENTS`.

For tests of what a run makes of its steps, on machines that are as busy as they are, with models too small to be timed.
"""

import sys

from tasks.timing import disturbance
from tasks.timing.stopwatch import Stopwatch


def settle() -> None:
    """From now on nobody disturbs this process's measurements, and none of its comparisons is open."""
    disturbance.DISTURBED_SHARE = 1.0  # type: ignore[misc]
    Stopwatch.doubts = lambda _self, _techniques=(): ()  # type: ignore[method-assign]


if __name__ == "__main__":
    from flows.command_line.main import main

    settle()
    sys.exit(main(sys.argv[1:]))
