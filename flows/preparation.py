"""All that can be wrong with a recipe, its targets, sources and base model, found before anything is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flows.home import Home
from flows.steps.scale_out import require_scale_out
from tasks.benchmark.process import require_cpus
from tasks.errors import UserError, naming
from tasks.families.family import family_of
from tasks.machine.fingerprint import require_fingerprint
from tasks.recipe import Recipe, Target
from tasks.recipe.load_target import load_target
from tasks.recipe.reading import LoadedRecipe
from tasks.recipe.target import target_file

if TYPE_CHECKING:
    from tasks.base_models.base_model import BaseModelFiles
    from tasks.data.sources import Source


@dataclass(frozen=True)
class PreparedRun:
    """A recipe with everything it names, found and hashed, and what has landed for it.

    `named`: the recipe's own sources; `landed`: what has landed that the model is trained on; `judged`: landed sources that
    the router is calibrated and judged by, and that nothing is trained on. `base`: None where the model is trained from
    nothing. `special_tokens`: what no row may spell out. `extras`: what else the recipe names, as its family reads it.
    """

    loaded: LoadedRecipe
    targets: tuple[Target, ...]
    named: "tuple[Source, ...]"
    landed: "tuple[Source, ...]"
    judged: "tuple[Source, ...]"
    base: "BaseModelFiles | None"
    special_tokens: tuple[str, ...] = ()
    extras: Mapping[str, object] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """The recipe itself."""
        return self.loaded.recipe

    @property
    def sources(self) -> "tuple[Source, ...]":
        """All that the model is trained on."""
        return (*self.named, *self.landed)

    def looked_again(self, home: Home) -> "PreparedRun":
        """With what has landed by now; what the recipe itself names is not read again."""
        landed, judged = _landed(self.loaded, home)
        return replace(self, landed=landed, judged=judged)


def targets_here(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Those that are on this machine; where all are measured by workers, the first one's threads on the CPUs of this one."""
    here = tuple(target for target in targets if not target.remote)
    return here or (Target(name=targets[0].name, threads=targets[0].threads),)


def built_for(targets: Sequence[Target]) -> Target:
    """The target whose sessions the steps that build are timed with: the first that is here."""
    return targets_here(targets)[0].plain


def prepare(loaded: LoadedRecipe, home: Home) -> PreparedRun:
    """Finds what a recipe names. Raises UserError for whatever is wrong or missing."""
    recipe_file = loaded.file
    targets = tuple(load_target(name, recipe_file) for name in dict.fromkeys(loaded.recipe.targets))
    for target in targets:
        _require_known_point(target, loaded)
        if target.remote:
            _require_other_pool(target, loaded)
        else:
            _require_here(target, loaded)
    require_scale_out(loaded.recipe.scale_out, recipe_file)
    from tasks.base_models.base_model import resolve_base_model
    from tasks.data.sources import resolve_sources

    family = family_of(loaded.recipe)
    sources = resolve_sources(loaded.recipe.data, recipe_file=recipe_file, home=home.folder)
    landed, judged = _landed(loaded, home)
    with naming(recipe_file):
        named = loaded.recipe.base_model
        base = None if named is None else resolve_base_model(named, recipe_folder=loaded.folder)
    return PreparedRun(
        loaded,
        targets,
        sources,
        landed,
        judged,
        base,
        special_tokens=family.special_tokens(base),
        extras=family.extras(loaded.recipe, loaded.folder),
    )


def _landed(loaded: LoadedRecipe, home: Home) -> "tuple[tuple[Source, ...], tuple[Source, ...]]":
    """What the model is trained on of what has landed, and what its router is judged by besides."""
    from flows.inbox.landed_data import landed_data

    with naming(loaded.file):
        landed = landed_data(home, loaded.recipe.name, loaded.recipe.data)
    return landed.trained, landed.judged


def _require_known_point(target: Target, loaded: LoadedRecipe) -> None:
    """Raises UserError for an operating point that the recipe does not ask to be certified."""
    router = loaded.recipe.router
    known = sorted({*router.operating_points, router.max_accuracy_loss})
    if target.operating_point is not None and target.operating_point not in known:
        raise UserError(
            f"must be one of the recipe's router.operating_points or its max_accuracy_loss "
            f"({', '.join(f'{epsilon:g}' for epsilon in known)}), not {target.operating_point:g}",
            file=target_file(target.name, loaded.folder),
            field="operating_point",
        )


def _require_here(target: Target, loaded: LoadedRecipe) -> None:
    """Raises UserError where this machine is not the target's, or lacks what it asks for."""
    with naming(target_file(target.name, loaded.folder)):
        require_fingerprint(target)
        require_cpus(target)
        _require_provider(target)


def _require_provider(target: Target) -> None:
    # Imported here: what reads recipes alone opens no session.
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if target.execution_provider not in available:
        raise UserError(
            f"{target.execution_provider} is not there; the ONNX Runtime of this machine has {', '.join(available)}",
            field="execution_provider",
        )


def _require_other_pool(target: Target, loaded: LoadedRecipe) -> None:
    """Raises UserError for the pool that the pipeline itself runs in: its one run at a time would wait for its own end."""
    from flows.servers.layout import WORK_POOL

    if target.work_pool == WORK_POOL:
        raise UserError(
            f"{WORK_POOL} is the pool of the pipeline itself, whose worker takes one run at a time; leave the field out to "
            "measure on that machine",
            file=target_file(target.name, loaded.folder),
            field="work_pool",
        )
