from tasks.recipe.schema import Gates, Recipe, TextClassificationRecipe
from tasks.recipe.target import Fingerprint, Target

__all__ = ["Fingerprint", "Gates", "Recipe", "Target", "TextClassificationRecipe"]
