"""The statistics that steps, gates and reports share: pure functions over counts and arrays, NumPy and SciPy only.
Beside two of them stands what they are called in the `evaluate` library (`local_metric.py`), whose import is slow.

Begin with `paired_test.py` (what a certificate is tested by), then `fixed_sequence.py` and `attempts.py`.
"""
