"""The local servers of one home: Prefect, MLflow and workers on loopback, started, watched and stopped together."""
