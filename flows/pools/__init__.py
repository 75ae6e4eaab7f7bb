"""Benchmarks on other machines, through work pools.

May import Prefect, the registry (jobs travel by MLflow) and `tasks.benchmark`. Begin with
`remote_benchmark.py` (what asks), then `benchmark_job.py` (what answers on the target).
"""
