"""What people are told of runs that nobody watches.

May import Prefect, whose blocks hold the addresses. Begin with `content.py` (what is said), then `send.py`.
"""
