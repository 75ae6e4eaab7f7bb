"""What a task family is, and which there are: one folder each beside this file, whose `plan.py` has a `FAMILY`.

A plan begins where the data are settled and ends where the router is to be calibrated: what comes before and after is the
same for all, and is run by flows.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import tasks.families
from engine.bundle import MANIFEST_FILE, read_manifest
from engine.errors import BundleError
from tasks.artifact import Artifact
from tasks.recipe.data import AnyData
from tasks.recipe.schema import Recipe
from tasks.recipe.target import Target
from tasks.records import ChampionComparison, CompressionResult, EvaluationResult, RouterResult, SnapshotResult
from tasks.records.sections import Account
from tasks.step import Step, StepCall, Steps

if TYPE_CHECKING:
    from tasks.base_models.base_model import BaseModelFiles
    from tasks.bundles.opened import OpenedBundle
    from tasks.families.proposal import Propose

C = TypeVar("C", bound=Recipe)

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True)
class FamilyRun(Generic[C]):
    """What a plan goes by.

    `recipe_file`: what errors name. `trained_on`: the rows that models are made of; `judged_by`: the rows that the router is
    calibrated and judged by, often the same. `base`: None where the model is trained from nothing. `target`: what sessions
    are timed with. `extras`: what `Family.extras` read.
    """

    recipe: C
    recipe_file: Path
    trained_on: Artifact[SnapshotResult]
    judged_by: Artifact[SnapshotResult]
    base: "BaseModelFiles | None"
    target: Target
    extras: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MadePaths:
    """What a plan made: the paths, and the step that calibrates a router over them, still to be run.

    `fine_tuned`: the model that the others are held against. `parts`: further results, by the names that
    `Family.account` has for them.
    """

    fine_tuned: Artifact[Any]
    compression: Artifact[CompressionResult]
    calibrate: StepCall[RouterResult]
    parts: Mapping[str, Artifact[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """What the steps of a run found, for its family to word. `parts`: as in MadePaths."""

    snapshot: SnapshotResult
    fine_tuned: Any
    compression: CompressionResult
    parts: Mapping[str, Any]


@dataclass(frozen=True)
class BundleReading:
    """How a family's finished bundles are read again.

    `data`: a section that says nothing of how fresh rows are read. `stored_reference`: which places in the home's store hold
    reference paths; `reference_digest`: SHA-256 of one, as manifests have it. `open`: a bundle with its reference path, for a
    target.
    """

    data: AnyData
    stored_reference: str
    reference_digest: Callable[[Path], str]
    open: "Callable[[Path, Path, Target], OpenedBundle]"


@dataclass(frozen=True)
class Family(Generic[C]):
    """A task family: its recipe, its plan, and what the shared steps have to know.

    `labels`: what the plan's steps are called for a recipe, in order, the calibrating one last. `make_paths`: the plan; it
    raises UserError for what a person has to mend. `judged_with`: inputs of `evaluate` and `compare` beside those that every
    family's have. `special_tokens`: what no row may spell out, by the base model. `extras`: what else the recipe names
    relative to its folder, read, as inputs of the plan; UserError where it cannot be. `bundles` and `propose` (for a first
    recipe) are called when they are needed, since they need more of the family than a plan does. `account`: how card and
    report word what a run found.
    """

    task: str
    recipe: type[C]
    labels: Callable[[C], list[str]]
    make_paths: Callable[[FamilyRun[C], Steps], MadePaths]
    evaluate: Step[EvaluationResult]
    compare: Step[ChampionComparison]
    bundles: Callable[[], BundleReading]
    account: Callable[[Results], Account]
    propose: "Callable[[], Propose]"
    judged_with: Callable[[C], Mapping[str, object]] = lambda _recipe: _NOTHING
    special_tokens: "Callable[[BaseModelFiles | None], tuple[str, ...]]" = lambda _base: ()
    extras: Callable[[C, Path], Mapping[str, object]] = lambda _recipe, _recipe_folder: _NOTHING


def families() -> dict[str, Family[Any]]:
    """All families by the task that recipes and bundles name."""
    folders = [found.name for found in pkgutil.iter_modules(tasks.families.__path__) if found.ispkg]
    plans = [import_module(f"{tasks.families.__name__}.{name}.plan") for name in folders]
    return {plan.FAMILY.task: plan.FAMILY for plan in plans}


def family_of(recipe: Recipe) -> Family[Any]:
    """The family that carries out a recipe."""
    return families()[recipe.task]


def bundle_reading(bundle: Path) -> BundleReading:
    """By the bundle's manifest. Raises BundleError where the folder is no bundle, or one of no family that is here."""
    task, known = read_manifest(bundle).task, families()
    if task not in known:
        raise BundleError(f"{bundle / MANIFEST_FILE}: a bundle for {task!r}; the families here are {', '.join(known)}")
    return known[task].bundles()
