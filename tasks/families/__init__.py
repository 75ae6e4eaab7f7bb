"""The task families, one folder each: recipe, plan, records and steps.

A family imports the shared rooms and the engine, never another family; the shared rooms import no family.
"""
