"""The plan: words are counted, written as graphs, and a router is calibrated over them."""

from pathlib import Path
from typing import Final, NoReturn

from engine.digests import file_digest
from tasks.data.tables import Table
from tasks.errors import UserError
from tasks.families.family import BundleReading, Family, FamilyRun, MadePaths, Results
from tasks.families.proposal import Propose, Wanted
from tasks.recipe import Target
from tasks.recipe.bundled import BundledRecipe
from tasks.records import ChampionComparison, CompressionResult, EvaluationResult, RouterResult
from tasks.records.sections import Account, Fact, Section
from tasks.step import Step, StepCall, Steps

from .recipe import KeywordRecipe, QuestionData
from .records import CountedWords

_HERE: Final = "tasks.families.keywords"

COUNT: Final = Step("count-words", f"{_HERE}.count:count_words", CountedWords)
GRAPHS: Final = Step("write-graphs", f"{_HERE}.graphs:write_graphs", CompressionResult)
CALIBRATE: Final = Step("calibrate-router", f"{_HERE}.calibrate:calibrate", RouterResult)
EVALUATE: Final = Step("evaluate", f"{_HERE}.judge:evaluate", EvaluationResult)
COMPARE: Final = Step("compare-champion", f"{_HERE}.judge:compare", ChampionComparison)


def labels(_recipe: KeywordRecipe) -> list[str]:
    """The steps in order."""
    return [COUNT.name, GRAPHS.name, CALIBRATE.name]


def make_paths(run: FamilyRun[KeywordRecipe], steps: Steps) -> MadePaths:
    """Two paths: one that knows the most telling words, and one that knows all."""
    recipe = run.recipe
    counted = steps.run(COUNT, {"snapshot": run.trained_on, "config": recipe.count})
    graphs = steps.run(GRAPHS, {"counted": counted})
    calibration = {
        "snapshot": run.judged_by,
        "counted": counted,
        "graphs": graphs,
        "name": recipe.name,
        "recipe": BundledRecipe.of(recipe.router, recipe.data),
        "target": run.target,
    }
    return MadePaths(counted, graphs, StepCall(CALIBRATE, calibration))


def account(results: Results) -> Account:
    """How card and report word it."""
    words: CountedWords = results.fine_tuned
    return Account(
        kind=f"keyword classifier with {len(results.snapshot.labels)} topics",
        origin=f"Words of {words.rows} questions were counted; {words.words} are known.",
        accuracy="accuracy",
        right="",
        outputs="logits",
        budget="its budget",
        answer=("label", "confidence", "path"),
        sections=(Section("techniques", "Counted words", (Fact("words of the quick path", str(words.quick_words)),)),),
    )


def bundles() -> BundleReading:
    """How finished bundles are read again."""
    return BundleReading(QuestionData(train=("fresh rows",)), "write-graphs/*/out/reference.onnx", file_digest, refuse)


def proposing() -> Propose:
    """How it looks at a person's table."""
    return propose


def propose(_table: Table, _wanted: Wanted) -> NoReturn:
    """It never offers itself: whoever wants it names it."""
    raise UserError("a keyword classifier is wanted by its name")


def refuse(bundle: Path, _reference: Path, _target: Target) -> NoReturn:
    """Counting again takes no longer."""
    raise UserError("a keyword classifier is made anew, not recalibrated", file=bundle)


FAMILY: Final = Family(
    task="keywords",
    recipe=KeywordRecipe,
    labels=labels,
    make_paths=make_paths,
    evaluate=EVALUATE,
    compare=COMPARE,
    bundles=bundles,
    account=account,
    propose=proposing,
)
