"""How a target loads a bundle."""

from pathlib import Path

from engine.adaptive_model import AdaptiveModel
from tasks.recipe.target import Target


def load_bundle(folder: Path, target: Target, *, replay_golden: bool = True) -> AdaptiveModel:
    """The bundle as the target's engine loads it."""
    return AdaptiveModel.load(
        folder, threads=target.threads, execution_provider=target.execution_provider, replay_golden=replay_golden
    )
