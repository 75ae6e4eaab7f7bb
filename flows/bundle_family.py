"""What recalibration has to know of a bundle's task family: the one place where it tells families apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from engine.bundle import TEXT_CLASSIFICATION, TEXT_GENERATION, read_manifest
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import AnyData, DataConfig, PromptDataConfig
from tasks.recipe.target import Target

if TYPE_CHECKING:
    from tasks.bundles.opened import OpenedBundle


@dataclass(frozen=True)
class BundleFamily:
    """`data`: a section that says nothing of how fresh rows are read.

    `stored_reference`: which places in the home's store hold reference paths; `digest`: SHA-256 of one, as manifests have
    it. `open`: a bundle with its reference path, for a target.
    """

    data: AnyData
    stored_reference: str
    digest: Callable[[Path], str]
    open: "Callable[[Path, Path, Target], OpenedBundle]"


def family_of_bundle(bundle: Path) -> BundleFamily:
    """By the bundle's manifest. Raises BundleError where the folder is no bundle."""
    return _FAMILIES[read_manifest(bundle).task]()


def data_section_of(bundle: Path) -> AnyData:
    """How fresh rows are read and compared where a person says nothing else: as the bundle's own recipe says.

    The defaults of its family for a bundle from before bundles kept that. Raises BundleError where the folder is no bundle.
    """
    usual, kept = family_of_bundle(bundle).data, BundledRecipe.load(bundle)
    if kept is None:
        return usual
    if isinstance(usual, PromptDataConfig):
        named = {"prompt_column": kept.text_column, "completion_column": kept.label_column, "correct": kept.correct}
    else:
        named = {"text_column": kept.text_column, "label_column": kept.label_column}
    return usual.model_copy(update={**named, "max_characters": kept.max_characters})


def _classification() -> BundleFamily:
    from engine.digests import file_digest
    from tasks.families.classification.routing.opened_bundle import OpenedClassifier

    return BundleFamily(
        DataConfig(train=("fresh rows",)), "quantize/*/out/reference.onnx", file_digest, OpenedClassifier.open
    )


def _generation() -> BundleFamily:
    from tasks.families.generation.routing.bundling import decoder_digest
    from tasks.families.generation.routing.opened_bundle import OpenedGenerator

    return BundleFamily(
        PromptDataConfig(train=("fresh rows",)), "quantize/*/out/reference", decoder_digest, OpenedGenerator.open
    )


_FAMILIES: Final = MappingProxyType({TEXT_CLASSIFICATION: _classification, TEXT_GENERATION: _generation})
