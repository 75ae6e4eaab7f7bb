from tasks.recipe.families import GenerationGates, Recipe, TextGenerationRecipe
from tasks.recipe.schema import FamilyGates, Gates, TextClassificationRecipe
from tasks.recipe.target import Fingerprint, Target

__all__ = [
    "FamilyGates",
    "Fingerprint",
    "Gates",
    "GenerationGates",
    "Recipe",
    "Target",
    "TextClassificationRecipe",
    "TextGenerationRecipe",
]
