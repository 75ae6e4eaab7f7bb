"""A generation bundle of tiny models, with a router that uses all it can."""

from pathlib import Path

import pytest

from engine.adaptive_model import AdaptiveModel
from engine.generation.model import GenerationModel
from tests.tiny_decoder import TinyDecoders, write_tiny_generation_bundle


@pytest.fixture(scope="session")
def generation_bundle(tiny_decoders: TinyDecoders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle; copy it before altering it."""
    return write_tiny_generation_bundle(tiny_decoders, tmp_path_factory.mktemp("generation") / "bundle")


@pytest.fixture(scope="session")
def model(generation_bundle: Path) -> GenerationModel:
    """The bundle, loaded."""
    loaded = AdaptiveModel.load(generation_bundle)
    assert isinstance(loaded, GenerationModel)
    return loaded
