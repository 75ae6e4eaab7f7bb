"""What recalibration asks of an opened bundle, whatever its task family: rows whose labels matter, and a fresh router."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine import strict_json
from engine.bundle import CERTIFICATE_FILE, Manifest
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import AnyData
from tasks.recipe.schema import RouterConfig
from tasks.recipe.target import Target
from tasks.records import Certificate


@dataclass(frozen=True)
class FreshRouter:
    """A router that fresh rows have certified.

    `paths`: cheapest first; `rows_to_label`: as in Recalibration; `write`: puts the bundle into a folder that does not exist.
    """

    paths: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    operating_point: str
    rows_to_label: int
    write: Callable[[Path], None]


class OpenedBundle(Protocol):
    """A bundle whose files are verified, beside its reference path."""

    @property
    def folder(self) -> Path: ...

    @property
    def manifest(self) -> Manifest: ...

    @property
    def target(self) -> Target: ...

    @property
    def recipe(self) -> BundledRecipe:
        """What the bundle keeps of its recipe; of one that keeps nothing, what its certificates tell and the defaults."""
        ...

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Those that the bundle has."""
        ...

    @property
    def promises(self) -> tuple[float, ...]:
        """The epsilons of which one has to be certified anew."""
        ...

    def rows_to_label(self, rows: Sequence[Row]) -> list[Row]:
        """The rows without a label whose label can matter: some path answers otherwise than the reference path."""
        ...

    def fresh_router(
        self, tune: Sequence[Row], certify: Sequence[Row], *, attempt: int, progress: Callable[[str], None]
    ) -> FreshRouter | None:
        """Calibrated on tune, certified on certify at the level of this attempt; None where no promise could be certified."""
        ...


def read_certificates(folder: Path) -> tuple[Certificate, ...]:
    """The certificates of a bundle whose files are verified."""
    entries = strict_json.loads((folder / CERTIFICATE_FILE).read_text(encoding="utf-8"))
    return tuple(Certificate.model_validate(entry) for entry in entries)


def recipe_of(folder: Path, served: float | None, data: AnyData) -> BundledRecipe:
    """The recipe that a bundle keeps. For one that keeps none: `served` is the epsilon of its default point, `data` the

    family's usual section.
    """
    kept = BundledRecipe.load(folder)
    if kept is not None:
        return kept
    certificates = read_certificates(folder)
    epsilons = tuple(certificate.epsilon for certificate in certificates)
    confidence = certificates[0].confidence
    router = RouterConfig(max_accuracy_loss=served or max(epsilons), confidence=confidence, operating_points=epsilons)
    return BundledRecipe.of(router, data)


def check_reference(reference: Path, digest: str, manifest: Manifest) -> None:
    """Raises UserError where a file or folder, which has this digest, is not the bundle's reference path."""
    if digest != manifest.reference_digest:
        raise UserError(
            "not the reference path of this bundle (its SHA-256 is another); give that of the run that made it",
            file=reference,
        )


def reference_alone(folder: Path) -> UserError:
    """The error for a bundle that has nothing to route between."""
    return UserError("this bundle is the reference path alone; it has no router to recalibrate", file=folder)
