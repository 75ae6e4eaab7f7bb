"""What runs when: the Prefect flows, the steps' store, the servers of a home and the command line.

May import every other room; of the families only `tasks.families.family`, `load_recipe` and `first_recipe`. Begin with
`pipeline.py`, which takes a prepared recipe to a promotion.
"""
