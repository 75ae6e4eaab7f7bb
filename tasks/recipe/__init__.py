"""Recipes and targets: the YAML that a person writes, as frozen, strict models that know no task family.

A family's own sections are in `tasks/families/<name>/recipe.py`. May import `tasks.data`'s hints and labels, pydantic and
YAML. Begin with `schema.py`; `reading.py` turns whatever is wrong with a text into one error.
"""

from tasks.recipe.schema import FamilyGates, Recipe
from tasks.recipe.target import Fingerprint, Target

__all__ = ["FamilyGates", "Fingerprint", "Recipe", "Target"]
