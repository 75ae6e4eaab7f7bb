"""This machine and its processes: which it is, who may measure on it, children that end with their parent, loopback, waiting.

Knows no task family. Begin with `host.py` (what a measurement holds for) and `machine_lock.py` (one measurement at a time).
"""
