"""A fresh process that loads the bundle and answers: `cold_start.py BUNDLE INPUTS THREADS PROVIDER POINT STARTED`.

POINT is an operating point of the bundle; STARTED the reading of `time.monotonic` (one clock for all processes) just
before this process was started. The script imports the engine and nothing else, so that time and memory are those of a
process that only serves. It prints a line for each answer, as a sign of life, and one of JSON in the end. A text that the
bundle refuses is no first answer.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Final

from engine import AdaptiveModel, strict_json

_ANSWERS: Final = 64
"""Predictions before memory is read: enough for the slowest path and the allocator's arenas to have been in use."""


def main(arguments: list[str]) -> None:
    """Load, answer, report."""
    bundle, inputs, threads, provider, point, started = arguments
    model = AdaptiveModel.load(Path(bundle), threads=int(threads), execution_provider=provider, operating_point=point)
    load_s = time.monotonic() - float(started)

    first_answer_ms = None
    answers = 0
    for text in strict_json.loads(Path(inputs).read_text(encoding="utf-8")):
        begin = time.perf_counter()
        (answer,) = model.predict([text])
        if not answer.path:
            continue
        first_answer_ms = first_answer_ms or (time.perf_counter() - begin) * 1e3
        answers += 1
        print(f"answer {answers}", flush=True)
        if answers == _ANSWERS:
            break
    print(
        strict_json.dumps(
            {"load_s": load_s, "first_answer_ms": first_answer_ms, "peak_memory_mb": _peak_memory_mb()}, ascii_only=True
        )
    )


def _peak_memory_mb() -> float:
    """Peak resident memory in MiB.

    `VmHWM` belongs to this program image; `ru_maxrss` may carry over what the parent held before this one was started.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1:])
