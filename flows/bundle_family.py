"""What recalibration has to know of a bundle's task family: the one place where it tells families apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from engine.bundle import TEXT_CLASSIFICATION, TEXT_GENERATION, read_manifest
from flows.inbox.rows import Columns
from tasks.recipe.data import DataConfig, PromptDataConfig
from tasks.recipe.target import Target

if TYPE_CHECKING:
    from tasks.opened_bundle import OpenedBundle


@dataclass(frozen=True)
class BundleFamily:
    """`columns`: of fresh rows, where a person names no others.

    `stored_reference`: which places in the home's store hold reference paths; `digest`: SHA-256 of one, as manifests have
    it. `open`: a bundle with its reference path, for a target.
    """

    columns: Columns
    stored_reference: str
    digest: Callable[[Path], str]
    open: "Callable[[Path, Path, Target], OpenedBundle]"


def family_of_bundle(bundle: Path) -> BundleFamily:
    """By the bundle's manifest. Raises BundleError where the folder is no bundle."""
    return _FAMILIES[read_manifest(bundle).task]()


def _classification() -> BundleFamily:
    from engine.digests import file_digest
    from tasks.router.opened_bundle import OpenedClassifier

    columns = Columns.of(DataConfig(train=("fresh rows",)))
    return BundleFamily(columns, "quantize/*/out/reference.onnx", file_digest, OpenedClassifier.open)


def _generation() -> BundleFamily:
    from tasks.generation.bundling import decoder_digest
    from tasks.generation.opened_bundle import OpenedGenerator

    columns = Columns.of(PromptDataConfig(train=("fresh rows",)))
    return BundleFamily(columns, "quantize/*/out/reference", decoder_digest, OpenedGenerator.open)


_FAMILIES: Final = MappingProxyType({TEXT_CLASSIFICATION: _classification, TEXT_GENERATION: _generation})
