"""What no schema asks of `infra/`: pinned images, no secrets, variables that somebody reads, loopback, no root, bounds."""

import re
import stat
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import mlflow.environment_variables
import pytest
from mlflow.cli import server as mlflow_server_command
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prefect.settings.legacy import _get_settings_fields
from prefect.settings.models.root import Settings

from registry.package import serving_requirements
from tests.infra.infra_files import (
    DOCKERFILES,
    INFRA,
    ROOT,
    compose,
    containers,
    instructions,
    make_secrets,
    manifests,
    pods,
    services,
)

TEXTS: Final = sorted(file for file in INFRA.rglob("*.*") if file.is_file() and file.suffix != ".pyc")
ONE_SHOT: Final = {"bucket"}
LIGHT_WORKER: Final = "flows.servers.light_worker"
# What programs read that are neither this project's, nor Prefect's, nor MLflow's own.
READ_BY_OTHERS: Final = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "DO_NOT_TRACK",
    "HOME",
    "PATH",
    "PGPASSWORD",
    "PYTHONUNBUFFERED",
    "TOKENIZERS_PARALLELISM",
    # postgres and versitygw
    "POSTGRES_PASSWORD",
    "ROOT_ACCESS_KEY_ID",
    "ROOT_SECRET_ACCESS_KEY",
    "VGW_HEALTH",
}
SECRET: Final = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|AUTH_STRING|TOKEN$")
PASSWORD_IN_URL: Final = re.compile(r"://[^/\s:@\"']+:[^/\s@\"']+@")


def image_variables(dockerfile: Path) -> dict[str, str]:
    """What `ENV` sets."""
    pairs = [part for name, text in instructions(dockerfile) if name == "ENV" for part in text.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def literal_variables() -> dict[str, str]:
    """Every variable whose value stands in a file of `infra/`."""
    found: dict[str, str] = {}
    for service in services().values():
        found |= service.get("environment", {})
    for container in containers().values():
        found |= {each["name"]: each["value"] for each in container.get("env", [])}
    for dockerfile in DOCKERFILES:
        found |= image_variables(dockerfile)
    return found


def installed_pins(dockerfile: Path) -> list[Requirement]:
    """What `pip install` asks for by an exact version."""
    text = " ".join(arguments for name, arguments in instructions(dockerfile) if name == "RUN")
    return [Requirement(pin) for pin in re.findall(r"[\w.\[\]-]+==[\w.+]+", text)]


def test_every_image_has_the_tag_of_one_release() -> None:
    images = [service["image"] for service in services().values()]
    images += [container["image"] for container in containers().values()]
    images += [text.split()[0] for file in DOCKERFILES for name, text in instructions(file) if name == "FROM"]

    assert images
    for image in images:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?", image), image


def test_no_variable_that_is_a_secret_has_its_value_in_a_file() -> None:
    assert [name for name in literal_variables() if SECRET.search(name)] == []
    values = [value for service in make_secrets().make_secrets().values() for value in service]
    assert {"PGPASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "PREFECT_API_AUTH_STRING"} <= set(values)


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_no_file_holds_an_address_with_a_password(file: Path) -> None:
    assert PASSWORD_IN_URL.search(file.read_text(encoding="utf-8")) is None


def test_every_variable_is_one_that_somebody_reads() -> None:
    code = "".join(
        file.read_text(encoding="utf-8")
        for room in ("flows", "registry", "tasks")
        for file in (ROOT / room).rglob("*.py")
    )
    script = (INFRA / "compose" / "create_databases.sh").read_text(encoding="utf-8")
    mlflow_options = {option.envvar for option in mlflow_server_command.params}
    names = set(literal_variables()) | {name for each in make_secrets().make_secrets().values() for name in each}

    unread = {
        name
        for name in names - READ_BY_OTHERS
        if not (name.startswith("MIAOTUI_") and f'"{name}"' in code)
        and not (name.startswith("PREFECT_") and name in _get_settings_fields(Settings))
        and not (name.startswith("MLFLOW_") and (hasattr(mlflow.environment_variables, name) or name in mlflow_options))
        and f"${{{name}:?}}" not in script
    }
    assert unread == set()


def test_every_service_gets_its_own_secrets_and_no_others() -> None:
    known = {name: name for name in make_secrets().make_secrets()} | {"light-worker": "worker"}  # one user, two queues
    composed = {name: [each["path"] for each in service.get("env_file", [])] for name, service in services().items()}
    assert {name for name, files in composed.items() if files} == known.keys()
    for name, secrets in known.items():
        assert [file.rpartition("}/")[2] for file in composed[name]] == [f"{secrets}.env"]
    for name, container in containers().items():
        assert container["envFrom"] == [{"secretRef": {"name": known[name]}}]


def test_light_work_has_a_worker_of_its_own_with_the_home_and_the_lock_of_the_other() -> None:
    worker, light = services()["worker"], services()["light-worker"]
    assert "--work-queue default" in " ".join(worker["command"])
    assert light["command"][:3] == ["python", "-m", LIGHT_WORKER]
    assert (light["volumes"], light["environment"]) == (worker["volumes"], worker["environment"])
    assert find_spec(LIGHT_WORKER) is not None
    pod = {container["name"]: container for container in pods()["worker"]["containers"]}
    assert "--work-queue default" in " ".join(pod["worker"]["command"])
    assert pod["light-worker"]["command"] == light["command"]
    assert pod["light-worker"]["volumeMounts"] == pod["worker"]["volumeMounts"]
    own = {"name": "PREFECT_WORKER_WEBSERVER_PORT", "value": "8081"}
    assert [each for each in pod["light-worker"]["env"] if each not in pod["worker"]["env"]] == [own]


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    command = [sys.executable, str(INFRA / "make_secrets.py"), str(tmp_path / "secrets")]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    written = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "secrets").iterdir()}
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (first.returncode, second.returncode) == (0, 2)
    assert "is there already" in second.stderr
    assert {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "secrets").iterdir()} == written
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").iterdir()} == {0o600}


def test_two_calls_share_no_secret_and_a_service_shares_only_what_it_must() -> None:
    first, second = make_secrets().make_secrets(), make_secrets().make_secrets()
    chosen = {"pipeline"}  # a user's name
    values = [{value for service in made.values() for value in service.values()} - chosen for made in (first, second)]

    assert values[0].isdisjoint(values[1])
    assert first["prefect"]["PGPASSWORD"] == first["postgres"]["PREFECT_PASSWORD"]
    assert first["mlflow"]["PGPASSWORD"] == first["postgres"]["MLFLOW_PASSWORD"]
    assert first["worker"]["PGPASSWORD"] == first["postgres"]["LEDGER_PASSWORD"]
    assert first["worker"]["PREFECT_API_AUTH_STRING"] == first["prefect"]["PREFECT_SERVER_API_AUTH_STRING"]
    assert first["mlflow"]["AWS_SECRET_ACCESS_KEY"] == first["objects"]["ROOT_SECRET_ACCESS_KEY"]
    assert len(values[0]) == sum(len(service) for service in first.values()) - len(chosen) - 6


def test_ports_are_bound_to_loopback_only() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]

    assert sorted(published) == ["127.0.0.1:4200:4200", "127.0.0.1:5000:5000"]


def test_nothing_runs_as_root_or_may_become_root() -> None:
    for service in services().values():
        assert int(service["user"].split(":")[0]) > 0
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for dockerfile in DOCKERFILES:
        assert [text for name, text in instructions(dockerfile) if name == "USER"] == ["10001:10001"]
    for pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
    for container in containers().values():
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_every_service_has_bounds_and_a_check_of_its_health() -> None:
    for name, service in services().items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        assert ("healthcheck" in service) is (name not in ONE_SHOT)
    for container in containers().values():
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def test_all_state_lies_in_named_volumes() -> None:
    used = {each.split(":")[0] for each in _short_volumes()}

    assert used == set(compose()["volumes"])
    claims = {each["metadata"]["name"] for each in manifests() if each["kind"] == "PersistentVolumeClaim"}
    mounted = [
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods().values()
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert set(mounted) == claims


def test_the_cluster_has_no_schedules_and_starts_from_nothing_allowed() -> None:
    kinds = [each["kind"] for each in manifests()]
    assert "CronJob" not in kinds
    [nothing] = [
        each for each in manifests() if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "nothing"
    ]
    assert nothing["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_both_ways_of_running_it_use_the_same_commands_and_users_file() -> None:
    for name, container in containers().items():
        assert container["command"] == services()[name]["command"]
    files = [INFRA / folder / "basic_auth.ini" for folder in ("compose", "kubernetes")]
    assert files[0].read_text(encoding="utf-8") == files[1].read_text(encoding="utf-8")


def test_images_install_what_the_project_pins_and_the_pipeline_gets_torch_without_cuda() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["guidance"]]
    pinned = {canonicalize_name((one := Requirement(text)).name): one.specifier for text in texts}
    others = {"onnxruntime": "onnxruntime-gpu", "mlflow-skinny": "mlflow"}  # the same releases, built smaller
    installed = [pin for file in DOCKERFILES for pin in installed_pins(file)]

    assert "torch==2.13.0+cpu" in [str(pin) for pin in installed]
    for pin in installed:
        if pin.name == "boto3":
            continue  # only the image needs it
        [version] = [one.version for one in pin.specifier]
        assert version in pinned[others.get(pin.name, pin.name)], pin


def test_the_serving_image_has_what_a_registered_model_declares_and_nothing_else() -> None:
    declared = {
        Requirement(text).name.replace("onnxruntime-gpu", "onnxruntime") for text in serving_requirements("llguidance")
    }

    assert {pin.name for pin in installed_pins(INFRA / "serving.Dockerfile")} == declared


def _short_volumes() -> list[str]:
    return [each for service in services().values() for each in service.get("volumes", []) if isinstance(each, str)]
