"""What computes: steps as plain functions over artifacts, and the statistics, data and machinery that they share.

May import the engine, PyTorch, transformers and pydantic; neither Prefect nor MLflow, registry nor flows. A task family is a
folder of `families/`; the other rooms know none. Begin with `step.py`, then a family's `plan.py`.
"""
