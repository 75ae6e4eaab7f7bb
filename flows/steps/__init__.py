"""Runs steps: their keys, their store, the processes and workers that compute them.

May import Prefect, and knows no step's work: it is given by name. Begin with `runner.py`, then `key.py` (what a result depends
on) and `cache.py` (where a killed run resumes).
"""
