from tasks.recipe.schema import Gates, Recipe, TextClassificationRecipe
from tasks.recipe.target import Target

__all__ = ["Gates", "Recipe", "Target", "TextClassificationRecipe"]
