"""What is proven about a bundle, and what serves: gates, verdict, report, ledger, promotion, review and rollback, over MLflow.

May import the engine, the light part of `tasks/` (records, recipe, statistics) and MLflow; no family, no Prefect, no PyTorch.
Begin with `verdict.py` for what is judged, and with `promotion.py` for what serves.
"""
