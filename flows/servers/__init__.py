"""The local servers of one home: Prefect, MLflow and a worker on loopback, started, watched and stopped together."""
