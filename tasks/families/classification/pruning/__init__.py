"""Structured pruning: what each neuron and layer is worth, what each width costs, and which to keep.

Begin with `selection.py`; `importance.py` and `latency.py` give it what it weighs. The step is `../prune.py`.
"""
