"""What a run shows on Prefect's pages.

May import Prefect and what the run found. Begin with `run_summary.py`; `progress.py` is the page of a run that goes on.
"""
