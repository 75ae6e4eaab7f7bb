"""What a decoder's router is calibrated with: trials of all paths, their costs, drafts, phrases, ladders and the bundle.

The certificate itself is made in `tasks/certification/`. Begin with `trial.py`, then `ladders.py`; the step is `../calibrate.py`.
"""
