"""Where a calibrating step leaves its bundle."""

from pathlib import Path
from typing import Final

from tasks.artifact import Artifact
from tasks.records import RouterResult

BUNDLE_FOLDER: Final = "bundle"
"""Within what the calibrating step leaves."""


def bundle_of(router: Artifact[RouterResult]) -> Path:
    """The folder of the bundle that a calibrating step has made."""
    return router.folder / BUNDLE_FOLDER
