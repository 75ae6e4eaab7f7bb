"""MODEL on the command line: a bundle folder, or a registered model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`."""

from pathlib import Path
from typing import Final

from tasks.errors import UserError

HELP: Final = "a bundle folder, or models:/NAME@ALIAS"
_REGISTERED: Final = "models:/"


def bundle_folder(model: str) -> Path:
    """The bundle that `model` names, on this disk. Raises UserError where there is none."""
    if model.startswith(_REGISTERED):
        # Imported here: a bundle folder needs neither MLflow nor a home.
        from flows.home import Home
        from registry.models import resolve_model

        return resolve_model(model, home=Home.open().folder).folder
    folder = Path(model)
    if not folder.is_dir():
        raise UserError(f"no such folder; MODEL is {HELP}", file=model)
    return folder
