"""Structured pruning: what each neuron and layer is worth, what each width costs, and which to keep."""
