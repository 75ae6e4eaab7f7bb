"""Runs steps: their keys, their store, the processes and workers that compute them."""
