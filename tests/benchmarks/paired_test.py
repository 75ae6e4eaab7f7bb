"""How long the exact paired test takes: medians of CPU time over fresh counts, per number of rows.

Run: python tests/benchmarks/paired_test.py
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tasks.statistics.paired_test import paired_p_value

REPEATS = 15


def main() -> None:
    """Print one line per number of rows."""
    print("rows   p-value, median CPU ms")
    for rows in (500, 1500, 5000):
        spent = []
        for repeat in range(REPEATS):
            harms, gains = rows // 80 + repeat, rows // 110 + repeat  # new counts, so that no cached value is timed
            started = time.process_time()
            paired_p_value(rows, harms, gains, 0.0123, 0.05)
            spent.append((time.process_time() - started) * 1e3)
        print(f"{rows:5d}  {statistics.median(spent):.1f}")


if __name__ == "__main__":
    main()
