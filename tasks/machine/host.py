"""The machine that measures: what it is (for the evidence) and which one it is (measurements hold on no other)."""

import hashlib
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Final

from tasks.machine.child_process import usable_cpus
from tasks.records import Host

_RUNTIMES: Final = ("onnxruntime-gpu", "onnxruntime", "numpy", "numba", "tokenizers", "torch")
_TELLING_FLAGS: Final = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "fphp", "asimdhp", "sve", "i8mm", "bf16",
)  # fmt: skip
"""Instruction sets that change which kernels ONNX Runtime picks, in the names of /proc/cpuinfo (x86 and Arm)."""


def host() -> Host:
    """What this machine is: processor, the cores this process may use, memory, accelerator and driver, runtimes' versions."""
    cpu = _cpu_fields()
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    return Host(
        cpu=cpu.get("model name") or cpu.get("Model") or platform.processor() or platform.machine(),
        instruction_set=tuple(flag for flag in _TELLING_FLAGS if flag in flags),
        cores=len(usable_cpus()),
        memory_gb=round(_memory_bytes() / 2**30, 1),
        accelerator=_accelerator(),
        runtimes=_runtimes(),
        driver=_driver(),
    )


def host_fingerprint() -> str:
    """SHA-256 over what this machine is and which one it is, for the keys of measurements.

    The processor's state of the moment (clock, load) and the size of its memory are left out.
    """
    which = (platform.node(), _first_text(Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")))
    what = host().model_dump_json(exclude={"memory_gb"})
    return hashlib.sha256("\n".join((what, platform.release(), *which)).encode()).hexdigest()


def _cpu_fields() -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo; empty where there is no such file."""
    fields: dict[str, str] = {}
    for line in _first_text(Path("/proc/cpuinfo")).splitlines():
        if not line.strip():
            break
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _accelerator() -> str | None:
    """The first NVIDIA accelerator's name, as the kernel driver tells it; asking needs no CUDA library."""
    for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in _first_text(information).splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return None


def _driver() -> str | None:
    """The version of NVIDIA's kernel driver, as it tells it itself."""
    told = re.search(r"Kernel Module(?:\s+for\s+\S+)?\s+(\d[\d.]*)", _first_text(Path("/proc/driver/nvidia/version")))
    return told[1] if told else _first_text(Path("/sys/module/nvidia/version")).strip() or None


def _runtimes() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _RUNTIMES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _first_text(*files: Path) -> str:
    for file in files:
        try:
            return file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return ""
