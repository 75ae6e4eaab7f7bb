"""What a classifier's router is calibrated with: answers and costs of all paths, its features, rules and ladders.

The certificate itself is made in `tasks/certification/`. Begin with `gathering.py` (answers of every path on every row),
then `ladders.py`; the step is `../calibrate.py`.
"""
