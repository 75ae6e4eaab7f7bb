"""On a GPU the reference path is left on the CPU: ladders with it in it are the last that are tried."""

from types import SimpleNamespace
from typing import Any

import pytest

from tasks.families.generation.calibrate import _on_the_targets_device

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def trial(**devices: str) -> Any:
    def path(device: str) -> Any:
        return SimpleNamespace(decoder=SimpleNamespace(session=SimpleNamespace(get_providers=lambda: [device, CPU])))

    return SimpleNamespace(paths={name: path(device) for name, device in devices.items()})


def wanted(given: Any, *paths: str) -> bool:
    return _on_the_targets_device(given)(SimpleNamespace(paths=paths))  # type: ignore[arg-type]


@pytest.mark.parametrize("paths", [("reference",), ("small", "reference")])
def test_where_the_others_run_on_a_gpu_ladders_with_the_reference_path_come_last(paths: tuple[str, ...]) -> None:
    on_gpu = trial(small=CUDA, full=CUDA, reference=CPU)
    assert not wanted(on_gpu, *paths)
    assert wanted(on_gpu, "small", "full")
    assert wanted(on_gpu, "full")


def test_on_one_device_all_ladders_are_alike() -> None:
    for given in (trial(small=CPU, full=CPU, reference=CPU), trial(reference=CPU)):
        assert wanted(given, "reference")
        assert wanted(given, "small", "reference")
