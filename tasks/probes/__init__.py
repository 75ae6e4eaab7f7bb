"""Inputs that ordinary rows do not have, which every bundle meets before its verdict.

May import the engine and no family. Begin with `texts.py` (what is asked), then `step.py`; `child.py` asks in a process of its
own.
"""
