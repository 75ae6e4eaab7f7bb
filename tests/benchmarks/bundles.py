"""What benchmarks share: a bundle made by the pipeline's own steps; it is kept under MIAOTUI_HOME, a second run only measures."""

import argparse
import sys
from pathlib import Path

from flows.home import Home
from flows.make_bundle import MadeBundle, make_bundle
from flows.preparation import built_for, prepare
from flows.progress import SilentObserver
from flows.steps.cache import StepCache
from flows.steps.runner import StepRunner
from tasks.families.generation.plan import EVALUATE
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.load_recipe import load_recipe
from tasks.records import EvaluationResult

RECIPE = """name: {name}
task: text-classification
data:
  train: {train}
  validation: {validation}
  test: {test}
  out_of_scope_label: {outside}
base_model: sentence-transformers/all-MiniLM-L6-v2
fine_tune: {{epochs: 4, learning_rate: 2.0e-4, batch_size: 32, max_length: 32}}
targets: [local-cpu]
"""


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """DATA and what a folder of files needs beside it."""
    parser.add_argument("data", type=Path, metavar="DATA", help="a recipe, or a folder with train, validation and test")
    parser.add_argument("--out-of-scope-label", default="oos")


def bundle_of(data: Path, outside: str) -> MadeBundle:
    """The artifacts of the pipeline's steps up to the bundle."""
    home = Home.open()
    recipe = data if data.is_file() else _recipe_for(data, outside, home)
    prepared = prepare(load_recipe(recipe), home)
    steps = StepRunner(StepCache(home), _Lines(), call=lambda _name, step: step())
    return make_bundle(prepared, steps, home)


def evaluation_of(recipe: Path, made: MadeBundle) -> EvaluationResult:
    """What the gate rows say of a bundle of text generation; the pipeline's own step, and kept like its others."""
    home = Home.open()
    prepared = prepare(load_recipe(recipe), home)
    asked = prepared.recipe
    if not isinstance(asked, TextGenerationRecipe):
        sys.exit(f"{recipe}: not a recipe of text generation")
    steps = StepRunner(StepCache(home), _Lines(), call=lambda _name, step: step())
    inputs = {
        "snapshot": made.snapshot,
        "router": made.router,
        "compression": made.compression,
        "correct": asked.data.correct,
        "epsilon": asked.router.max_accuracy_loss,
        "confidence": asked.router.confidence,
        "target": built_for(prepared.targets),
    }
    return steps.run(EVALUATE, inputs).result


class _Lines(SilentObserver):
    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        print(f"{label}: {'reused' if reused else f'{seconds:.0f} s'}", flush=True)


def _recipe_for(folder: Path, outside: str, home: Home) -> Path:
    found = {}
    for role in ("train", "validation", "test"):
        files = [
            folder / f"{role}.{kind}" for kind in ("jsonl", "csv", "parquet") if (folder / f"{role}.{kind}").is_file()
        ]
        if not files:
            sys.exit(f"{folder}: no {role}.jsonl, .csv or .parquet; or give a recipe (YAML) instead of a folder")
        found[role] = files[0].resolve()
    recipe = home.folder / f"ladder-{folder.resolve().name}.yaml"
    recipe.write_text(RECIPE.format(name=f"ladder-{folder.resolve().name}", outside=outside, **found), encoding="utf-8")
    return recipe
