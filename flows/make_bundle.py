"""From the data to the certified bundle: snapshots, the rows to certify on, the family's plan, the attempt at a certificate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.certify_rows import certify_rows, counted_attempt
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.snapshots import snapshots
from tasks.artifact import Artifact
from tasks.bundles.place import bundle_of
from tasks.families.family import FamilyRun, family_of
from tasks.records import CompressionResult, RouterResult, SnapshotResult
from tasks.step import Steps


@dataclass(frozen=True)
class MadeBundle:
    """What the steps up to the bundle made.

    `snapshot` is what the router is calibrated and judged by; `trained_on` has the same rows, without those that landed
    since and only called for recalibration, and with those that left certify. `parts`: further results of the family, by
    the names that its account has for them.
    """

    trained_on: Artifact[SnapshotResult]
    snapshot: Artifact[SnapshotResult]
    fine_tuned: Artifact[Any]
    compression: Artifact[CompressionResult]
    router: Artifact[RouterResult]
    parts: Mapping[str, Artifact[Any]] = field(default_factory=dict)

    @property
    def bundle(self) -> Path:
        """The bundle that was measured and would be registered."""
        return bundle_of(self.router)


def make_bundle(
    prepared: PreparedRun, steps: Steps, home: Home, *, retired: Callable[[], None] = lambda: None
) -> MadeBundle:
    """From the data to the certified bundle. `retired`: as in certify_rows.

    Raises UserError before any training where no certificate can come of the data.
    """
    recipe = prepared.recipe
    trained_on, judged_by = snapshots(prepared, steps)
    certify = certify_rows(prepared, trained_on, judged_by, steps, home, retired=retired)
    require_certifiable(recipe, certify, prepared)
    steps.note(feasibility(recipe, certify))
    run = FamilyRun(
        recipe=recipe,
        recipe_file=prepared.loaded.file,
        trained_on=trained_on,
        judged_by=certify.snapshot,
        base=prepared.base,
        target=built_for(prepared.targets),
        extras=prepared.extras,
    )
    made = family_of(recipe).make_paths(run, steps)
    router = counted_attempt(made.calibrate, certify, recipe, steps, home)
    return MadeBundle(trained_on, certify.snapshot, made.fine_tuned, made.compression, router, made.parts)
