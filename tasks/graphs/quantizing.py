"""Post-training int8 quantization of fused graphs through Optimum.

Optimum's quantizer fails on fused graphs whose tensors have no types; ours carry them (see exporting.fuse), so one
quantizer serves both techniques. The preset follows the instruction set of the machine.
"""

import contextlib
import io
import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from tasks.errors import UserError

DYNAMIC: Final = "dynamic-int8"
STATIC: Final = "static-int8"
Feeds = Mapping[str, NDArray[Any]]


def quantize_graph(
    graph: Path, quantized: Path, *, technique: str, model_folder: Path, calibration: Sequence[Feeds], scratch: Path
) -> None:
    """Write the int8 form of `graph`.

    `calibration`: one feed per row, each input with a leading axis of 1; only static quantization reads it.
    `model_folder`: has the encoder's config.json.
    """
    from optimum.onnxruntime import ORTQuantizer
    from optimum.onnxruntime.configuration import AutoCalibrationConfig
    from transformers import AutoConfig

    folder = scratch / f"quantize-{quantized.stem}"
    folder.mkdir(parents=True, exist_ok=True)
    config = AutoConfig.from_pretrained(model_folder, trust_remote_code=False)
    with _quiet():
        quantizer = ORTQuantizer(onnx_model_path=graph, config=config)
        preset = _preset(is_static=technique == STATIC)
        ranges = None
        if technique == STATIC:
            dataset = _dataset(calibration)
            ranges = quantizer.fit(
                dataset=dataset,
                calibration_config=AutoCalibrationConfig.minmax(dataset),
                operators_to_quantize=preset.operators_to_quantize,
                onnx_augmented_model_name=str(folder / "augmented.onnx"),
            )
        quantizer.quantize(
            save_dir=folder, quantization_config=preset, calibration_tensors_range=ranges, file_suffix="int8"
        )
    shutil.move(folder / f"{graph.stem}_int8.onnx", quantized)
    shutil.rmtree(folder)


def calibration_rows(available: Sequence[Any], wanted: int) -> Sequence[Any]:
    """The first `wanted` rows; UserError with both numbers where there are fewer."""
    if len(available) < wanted:
        raise UserError(
            f"static-int8 needs {wanted} calibration rows and train has {len(available)}; lower it or leave out "
            "static-int8 in quantize.techniques",
            field="quantize.calibration_rows",
        )
    return available[:wanted]


def _preset(*, is_static: bool) -> Any:
    from onnxruntime.quantization import QuantType
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    if platform.machine() in {"aarch64", "arm64"}:
        return AutoQuantizationConfig.arm64(is_static=is_static, per_channel=True)
    flags = _cpu_flags()
    if "avx512_vnni" in flags or "avx_vnni" in flags:
        return AutoQuantizationConfig.avx512_vnni(is_static=is_static, per_channel=True)
    if "avx512f" in flags:
        return AutoQuantizationConfig.avx512(is_static=is_static, per_channel=True)
    preset = AutoQuantizationConfig.avx2(is_static=is_static, per_channel=True)
    # The AVX2 preset's unsigned weights were measured 15 % slower than signed ones, and no closer to fp32.
    preset.weights_dtype = QuantType.QInt8
    return preset


def _cpu_flags() -> frozenset[str]:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def _dataset(calibration: Sequence[Feeds]) -> Any:
    import datasets

    return datasets.Dataset.from_list([{name: value[0].tolist() for name, value in row.items()} for row in calibration])


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the quantizer's progress lines off a person's screen; its warnings are heard, and errors are exceptions."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
