"""Decisions by time: clocks, interleaved blocks until an answer is settled, and what others did to the machine meanwhile.

May import NumPy, `tasks.statistics` and `tasks.machine`. Begin with `speed.py`, then `disturbance.py`.
"""
