"""Where a calibrating step leaves its bundle, and how a target loads one."""

from pathlib import Path
from typing import Final

from engine.adaptive_model import AdaptiveModel
from tasks.recipe.target import Target

BUNDLE_FOLDER: Final = "bundle"
"""Within what the calibrating step leaves."""


def load_bundle(folder: Path, target: Target, *, replay_golden: bool = True) -> AdaptiveModel:
    """The bundle as the target's engine loads it."""
    return AdaptiveModel.load(
        folder, threads=target.threads, execution_provider=target.execution_provider, replay_golden=replay_golden
    )
