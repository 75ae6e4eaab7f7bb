"""The statistics that steps, gates and reports share: pure functions over counts and arrays, NumPy and SciPy only."""
