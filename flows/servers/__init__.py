"""The local servers of one home: Prefect, MLflow and workers on loopback, started, watched and stopped together.

May import no pipeline: a server's process comes up without it. Begin with `bring_up.py`; `embedded.py` is the server of a
single run.
"""
