"""A machine is the declared one in every field, or the measurement is refused with each difference."""

from pathlib import Path

import pytest
import yaml

from tasks.errors import UserError
from tasks.machine import host as host_module
from tasks.machine.fingerprint import differences, fingerprint_of, require_fingerprint
from tasks.machine.host import host
from tasks.recipe import Fingerprint, Target
from tasks.recipe.load_target import load_target
from tasks.records import Host

MACHINE = Host(
    cpu="AMD EPYC 9654",
    instruction_set=("avx2", "avx512f"),
    cores=8,
    memory_gb=64.0,
    accelerator="NVIDIA H200",
    runtimes={"python": "3.11.7", "onnxruntime-gpu": "1.31.1", "torch": "2.13.0"},
    driver="570.86.15",
)
DECLARED = fingerprint_of(MACHINE)


def changed(**fields: object) -> Fingerprint:
    return Fingerprint.model_validate(DECLARED.model_dump() | fields)


def test_a_machine_is_the_one_that_its_own_section_declares() -> None:
    assert differences(fingerprint_of(host()), host()) == ()
    assert differences(DECLARED, MACHINE) == ()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"cpu": "Xeon"}, "cpu: declared 'Xeon', found 'AMD EPYC 9654'"),
        ({"instruction_set": ["avx2"]}, "instruction_set: declared avx2, found avx2, avx512f"),
        ({"cores": 4}, "cores: declared 4, found 8"),
        ({"accelerator": None}, "accelerator: declared none, found 'NVIDIA H200'"),
        ({"driver": "550.54"}, "driver: declared '550.54', found '570.86.15'"),
        (
            {"runtimes": {"onnxruntime-gpu": "1.30.0"}},
            "runtimes.onnxruntime-gpu: declared '1.30.0', found '1.31.1'",
        ),
        ({"runtimes": {"numba": "0.68"}}, "runtimes.numba: declared '0.68', found none"),
    ],
)
def test_every_field_that_differs_is_named_with_both_values(fields: dict[str, object], sentence: str) -> None:
    assert [found.sentence for found in differences(changed(**fields), MACHINE)] == [sentence]


def test_the_order_of_instruction_sets_memory_and_undeclared_runtimes_do_not_matter() -> None:
    declared = changed(instruction_set=["avx512f", "avx2"], runtimes={"python": "3.11.7"})
    assert differences(declared, MACHINE.model_copy(update={"memory_gb": 1.0})) == ()


def test_another_machine_is_one_error_with_all_differences_and_the_way_out() -> None:
    target = Target(name="edge", fingerprint=changed(cores=4, cpu="Xeon"))
    with pytest.raises(UserError) as refused:
        require_fingerprint(target, MACHINE, where="the build server")
    said = str(refused.value)
    assert said.startswith("fingerprint: target 'edge' declares another machine than the build server: ")
    assert "cpu: declared 'Xeon', found 'AMD EPYC 9654'; cores: declared 4, found 8; " in said
    assert "put what `miaotui fingerprint` prints here into edge.yaml" in said


def test_a_target_that_declares_nothing_takes_every_machine() -> None:
    require_fingerprint(Target(name="local"), MACHINE)


def test_a_pool_without_a_fingerprint_is_refused_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    file = tmp_path / "targets" / "edge.yaml"
    file.write_text("name: edge\nwork_pool: edge-boxes\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"edge\.yaml: .*run `miaotui fingerprint` where the workers of edge-boxes run"):
        load_target("edge", tmp_path / "recipe.yaml")
    section = {"fingerprint": DECLARED.model_dump(mode="json", exclude_none=True)}
    file.write_text(file.read_text(encoding="utf-8") + yaml.safe_dump(section), encoding="utf-8")
    assert load_target("edge", tmp_path / "recipe.yaml").fingerprint == DECLARED


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024", "535.183.01"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", "570.86.15"),
    ],
)
def test_the_drivers_version_is_read_from_what_the_kernel_module_says(
    told: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "_first_text", lambda *_files: told)
    assert host_module._driver() == version
