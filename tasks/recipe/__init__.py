from tasks.recipe.families import Recipe, TextGenerationRecipe
from tasks.recipe.schema import Gates, TextClassificationRecipe
from tasks.recipe.target import Fingerprint, Target

__all__ = ["Fingerprint", "Gates", "Recipe", "Target", "TextClassificationRecipe", "TextGenerationRecipe"]
