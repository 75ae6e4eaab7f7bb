"""The task family text classification: an encoder with exits, its steps from fine-tuning to the comparison with the champion.

May import the shared rooms and the engine, no other family. Begin with `plan.py`, then `recipe.py`.
"""
