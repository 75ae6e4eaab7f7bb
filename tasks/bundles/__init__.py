"""What is done with a finished bundle of whatever family: opened with its reference, compared with another.

Knows no task family and imports no family's modules; a family hands over how its own bundles open.
"""
