"""Runs a script on given CPUs: `python -P pinned.py 0,1 script.py arguments...`; `-` pins to nothing.

A launcher of its own because the numeric libraries size their thread pools by the CPUs they see when they are imported.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    cpus = sys.argv[1]
    sys.argv = sys.argv[2:]
    if cpus != "-":
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    runpy.run_path(sys.argv[0], run_name="__main__")
