"""Has the data moved away from what the champion was made of, and what is to be done: nothing, recalibrate or retrain.

May import `tasks.statistics` and the engine. Begin with `step.py`, then `assess.py` (the tests) and `decide.py` (what follows).
"""
