"""Calibrating the router: answers of all paths, stop scores, the chain of settings, and the certificate."""
