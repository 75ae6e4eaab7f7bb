"""What a run shows on Prefect's pages."""
