"""The files of `infra/` as data, and the linters that judge them, for the tests beside this file."""

import importlib.util
import shutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
INFRA: Final = ROOT / "infra"
DOCKERFILES: Final = sorted(INFRA.glob("*.Dockerfile"))
MANIFESTS: Final = sorted(file for file in (INFRA / "kubernetes").glob("*.yaml") if file.stem != "kustomization")


@cache
def compose() -> dict[str, Any]:
    """The compose file, its merge keys resolved."""
    return dict(yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8")))


def services() -> dict[str, dict[str, Any]]:
    """What compose starts, by name."""
    return dict(compose()["services"])


@cache
def kustomization() -> dict[str, Any]:
    """What `kubectl apply --kustomize` reads first."""
    return dict(yaml.safe_load((INFRA / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8")))


@cache
def manifests() -> list[dict[str, Any]]:
    """All objects of Kubernetes."""
    return [found for file in MANIFESTS for found in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def pods() -> dict[str, dict[str, Any]]:
    """The pod's specification of every Deployment, by name."""
    found = [each for each in manifests() if each["kind"] == "Deployment"]
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in found}


def containers() -> dict[str, dict[str, Any]]:
    """The containers of all pods, by name."""
    return {each["name"]: each for pod in pods().values() for each in pod["containers"]}


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with its arguments, continued lines joined."""
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line[0], " ".join(line[1].split())) for line in lines]


def make_secrets() -> ModuleType:
    """The script `infra/make_secrets.py`: infra is no package."""
    spec = importlib.util.spec_from_file_location("make_secrets", INFRA / "make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def linter(name: str, package: str) -> str:
    """The path of a linter's program; skips where it is not installed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; run: pip install {package}")
    return found
