"""Which runtime answers bundles of which task: one folder each beside this file, whose `__init__` says `TASK` and `MODEL`.

A bundle names its task and never a module, so it can choose among what is here and nothing else.
"""

import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.errors import BundleError


def runtimes() -> dict[str, ModuleType]:
    """The folders by task. They import nothing before a model of theirs is asked for."""
    found = (entry.name for entry in pkgutil.iter_modules([str(Path(__file__).parent)]) if entry.ispkg)
    folders = [import_module(f"{__package__}.{name}") for name in found]
    return {folder.TASK: folder for folder in folders if hasattr(folder, "TASK")}


def model_type(task: str, manifest: Path) -> Any:
    """The class of a task's models; BundleError naming the manifest that asks for one that is not here."""
    folders = runtimes()
    if task not in folders:
        raise BundleError(f"{manifest}: a bundle for {task!r}; this engine knows {', '.join(folders)}")
    folder = folders[task]
    return getattr(import_module(f"{folder.__name__}.model"), folder.MODEL)
