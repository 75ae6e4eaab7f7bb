"""The search for a decoder's precision: which integer weights cost no right answers and are faster on the target.

Begin with `search.py`, then `candidates.py` and `screening.py`. The step is `../quantize.py`.
"""
