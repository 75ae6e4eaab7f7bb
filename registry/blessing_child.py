"""Loads a registered model the way a serving host would, and writes down what it answers.

Runs as a script in a fresh, isolated process (`python -I`), not as a part of this project: of the modules on this machine
it sees the standard library, the model's own code, and the packages that the model's requirements bring along, as in an
environment into which only those were installed. `registry.blessing` starts it and judges what it wrote.
"""

import json
import os
import platform
import signal
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec
from importlib.metadata import Distribution, distribution
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

_INSTALLATIONS = ("site-packages", "dist-packages")
"""Folders of a standard library's folder that are not of it."""
_COMPARED = ("label", "path", "confidence", "abstained")
"""What is compared of an answer."""


class DeclaredOnly(MetaPathFinder):
    """The one finder of modules in the process: what it does not let through does not exist."""

    def __init__(self, packages: Iterable[str], code: Path) -> None:
        """`packages`: the installed packages whose modules exist; `code`: the folder of the model."""
        self._finders = tuple(sys.meta_path)
        self._files = {file for name in packages for file in _files(distribution(name))}
        self._code = os.path.realpath(code) + os.sep
        paths = sysconfig.get_paths()
        self._standard = tuple(os.path.realpath(paths[key]) + os.sep for key in ("stdlib", "platstdlib"))
        self._installed = tuple(f"{folder}{name}{os.sep}" for folder in self._standard for name in _INSTALLATIONS)
        self.refused: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the process's other finders find, if it is allowed."""
        for finder in self._finders:
            spec = finder.find_spec(name, path, target)
            if spec is None:
                continue
            if spec.loader in (BuiltinImporter, FrozenImporter) or self.allows(spec.origin):
                return spec
            self.refused.add(name)
        return None

    def find_distributions(self, context: Any) -> Iterator[Distribution]:
        """What is installed, all of it: a package's metadata is no code."""
        for finder in self._finders:
            yield from getattr(finder, "find_distributions", lambda _context: ())(context)

    def allows(self, origin: str | None) -> bool:
        """Whether a module may come from the file `origin` (None: a namespace, which holds no code itself)."""
        if origin is None:
            return True
        file = os.path.realpath(origin)
        if file in self._files or file.startswith(self._code):
            return True
        return file.startswith(self._standard) and not file.startswith(self._installed)


def main(job_file: Path) -> None:
    """Load, answer, and write the outcome where the job says."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    # Whoever waits for this process may be killed; it must not stay behind.
    signal.alarm(int(job["limit_s"]) + 1)
    model, outcome = Path(job["model"]), Path(job["outcome"])
    finder = DeclaredOnly(job["packages"], model)
    loaded_before = set(sys.modules)
    sys.meta_path[:] = [finder]

    def failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        outcome.write_text(json.dumps({"error": _explained(error, finder.refused)}, allow_nan=False), encoding="utf-8")

    sys.excepthook = failed
    answers = _answers(model, model / job["bundle"], job["texts"], job["operating_point"])
    for name in set(sys.modules) - loaded_before:
        module = sys.modules[name]
        origin = getattr(module, "__file__", None)
        if module is not sys.modules["__main__"] and not finder.allows(origin):
            raise ImportError(f"{name} was loaded from {origin}, past the import system")
    outcome.write_text(json.dumps({"python": platform.python_version(), **answers}, allow_nan=False), encoding="utf-8")


def _answers(model: Path, bundle: Path, texts: list[str], operating_point: str) -> dict[str, Any]:
    import mlflow.pyfunc

    served = mlflow.pyfunc.load_model(str(model)).predict(texts)
    import engine

    if not Path(engine.__file__).is_relative_to(model / "code"):
        raise ImportError(f"engine was loaded from {engine.__file__}, not from the model's own code")
    own = engine.AdaptiveModel.load(bundle).predict(texts, operating_point=operating_point)
    return {
        "pyfunc": [_compared(answer) for answer in served],
        "engine": [{key: getattr(answer, key) for key in _COMPARED} for answer in own],
    }


def _compared(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What pyfunc answered, as the engine has it: there a completion is the label, and no generator abstains."""
    if "completion" in answer:
        answer = {**answer, "label": answer["completion"], "abstained": False}
    return {key: answer[key] for key in _COMPARED}


def _explained(error: BaseException, refused: set[str]) -> str:
    """One line; for an undeclared import, whatever was made of it on the way up, its name."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name in refused:
            return f"it imports {cause.name}, which its requirements do not bring along; declare it or do without"
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def _files(package: Distribution) -> Iterator[str]:
    if package.files is None:
        raise ImportError(f"the installation of {package.metadata['Name']} does not list its files; install it anew")
    root = os.path.realpath(str(package.locate_file("")))
    return (f"{root}{os.sep}{file}" for file in package.files if file.suffix in {".py", ".so", ".pyd"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
