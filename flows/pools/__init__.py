"""Benchmarks on other machines, through work pools."""
