"""Decoder graphs with GroupQueryAttention, made by onnxruntime-genai's model builder from a transformers folder.

Each folder holds what onnxruntime-genai itself loads (`genai_config.json`, `model.onnx` and its weights), and beside it
`decoder.onnx`, the form of the same graph that the engine runs (see serving_graph).
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tasks.child_process import how_it_ended, importing_environment
from tasks.generation.head_padding import pad_heads
from tasks.generation.precision import DecoderPrecision
from tasks.generation.serving_graph import write_serving_graph

Provider = Literal["cpu", "cuda"]

_CHILD: Final = "tasks.generation.builder_child"
_LOG_TAIL_LINES: Final = 15


class DecoderBuildError(RuntimeError):
    """The model builder failed; the message ends with the tail of what it wrote."""


@dataclass(frozen=True)
class DecoderBuild:
    """One graph to build: a transformers folder (config.json, model.safetensors, tokenizer), how it is kept, and where."""

    model: Path
    precision: DecoderPrecision
    out: Path


def build_decoders(builds: Sequence[DecoderBuild], *, scratch: Path, provider: Provider = "cpu") -> None:
    """Writes the decoder folder of every build, in one child process.

    Raises UserError for a model whose heads the kernels cannot take, DecoderBuildError where the builder fails.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    models = list(dict.fromkeys(build.model for build in builds))
    sources = {model: pad_heads(model, scratch / f"padded-{number}") for number, model in enumerate(models)}
    graphs = [
        {
            "model": str(sources[build.model].resolve()),
            "out": str(build.out.resolve()),
            "weights": build.precision.weights,
            "options": build.precision.builder_options(),
        }
        for build in builds
    ]
    job = {"cache": str((scratch / "cache").resolve()), "execution_provider": provider, "graphs": graphs}
    job_file, log = scratch / "build.json", scratch / "build.log"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    with log.open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", _CHILD, str(job_file.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=importing_environment() | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_DISABLE": "1"},
            check=False,
        )
    if ended.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        what = f"onnxruntime-genai's model builder {how_it_ended(ended.returncode)} on {', '.join(map(str, models))}"
        raise DecoderBuildError("\n".join([what, *tail]))
    for build in builds:
        write_serving_graph(build.out)


def decoder_size_mb(folder: Path) -> float:
    """Bytes that a decoder's graph and weights take, in megabytes; what both graphs share is counted once."""
    return sum(file.stat().st_size for file in folder.glob("*.onnx*") if file.name != "model.onnx") / 1e6
