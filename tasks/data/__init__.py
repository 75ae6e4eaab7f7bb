"""Rows: found, read in any format, checked, made distinct and parted into train, tune, certify and gate.

Begin with `snapshot.py`, the step; `sources.py` says where rows come from and `readers.py` how each format is read.
"""
