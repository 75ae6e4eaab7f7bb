"""Decoder graphs with GroupQueryAttention, made by onnxruntime-genai's model builder from a transformers folder.

Each folder holds what onnxruntime-genai itself loads (`genai_config.json`, `model.onnx` and its weights), and beside it
`decoder.onnx`, the form of the same graph that the engine runs (see serving_graph).
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from engine import strict_json
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.head_padding import pad_heads
from tasks.families.generation.decoders.serving_graph import write_serving_graph
from tasks.machine.child_process import how_it_ended, importing_environment

Provider = Literal["cpu", "cuda"]
Tell = Callable[[str], object]

_CHILD: Final = "tasks.families.generation.decoders.builder_child"
_LOG_TAIL_LINES: Final = 15


def _unheard(_remark: str) -> None:
    return None


class DecoderBuildError(RuntimeError):
    """The model builder failed; the message ends with the tail of what it wrote."""


@dataclass(frozen=True)
class DecoderBuild:
    """One graph to build: a transformers folder (config.json, model.safetensors, tokenizer), how it is kept, and where."""

    model: Path
    precision: DecoderPrecision
    out: Path


def build_decoders(
    builds: Sequence[DecoderBuild], *, scratch: Path, provider: Provider = "cpu", tell: Tell = _unheard
) -> None:
    """Writes the decoder folder of every build, in one child process; `tell` hears what libraries say of them there.

    Raises UserError for a model whose heads the kernels cannot take, DecoderBuildError where the builder fails.
    """
    with DecoderBuilder(scratch, provider, tell) as builder:
        builder.build(builds)


class DecoderBuilder:
    """The child process that builds, for as many rounds as are needed: its imports alone cost seconds.

    It starts at once and imports while this process does something else.
    """

    def __init__(self, scratch: Path, provider: Provider = "cpu", tell: Tell = _unheard) -> None:
        """`scratch`: for its own files, which are written over; `tell` hears what libraries say of the graphs.

        A context manager, which ends the child.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        self._scratch, self._provider, self._tell = scratch, provider, tell
        self._sources: dict[Path, Path] = {}
        self._log = scratch / "build.log"
        answers, write_end = os.pipe()
        self._answers = os.fdopen(answers, encoding="utf-8")
        with self._log.open("wb") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(write_end)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[write_end],
                text=True,
                env=importing_environment() | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_DISABLE": "1"},
            )
        os.close(write_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self._child.kill()
        self._child.communicate()  # the end of its input is its end
        self._answers.close()

    def build(self, builds: Sequence[DecoderBuild]) -> None:
        """Writes the decoder folder of every build. Raises what `build_decoders` does."""
        failed = self.try_to_build(builds)
        if failed:
            build, why = next(iter(failed.items()))
            raise self._error(f"failed on {build.model} in {build.precision.name}: {why}")

    def try_to_build(self, builds: Sequence[DecoderBuild]) -> dict[DecoderBuild, str]:
        """Writes the decoder folder of every build that the builder can do; of the others, why it could not."""
        if not builds:
            return {}
        for model in dict.fromkeys(build.model for build in builds):
            if model not in self._sources:
                self._sources[model] = pad_heads(model, self._scratch / f"padded-{len(self._sources)}")
        failures = dict(zip(builds, self._carry_out(builds), strict=True))
        for build, failure in failures.items():
            if not failure:
                write_serving_graph(build.out)
        return {build: failure for build, failure in failures.items() if failure}

    def _carry_out(self, builds: Sequence[DecoderBuild]) -> list[str]:
        graphs = [
            {
                "model": str(self._sources[build.model].resolve()),
                "out": str(build.out.resolve()),
                "weights": build.precision.weights,
                "options": build.precision.builder_options(),
            }
            for build in builds
        ]
        job = {
            "cache": str((self._scratch / "cache").resolve()),
            "execution_provider": self._provider,
            "graphs": graphs,
        }
        job_file = self._scratch / "build.json"
        job_file.write_text(strict_json.dumps(job, ascii_only=True), encoding="utf-8")
        answer = ""
        if self._child.stdin is not None:
            try:
                print(job_file.resolve(), file=self._child.stdin, flush=True)
                answer = self._answers.readline()
            except BrokenPipeError:
                pass  # it has ended, which is told below
        if not answer:
            raise self._error(f"{how_it_ended(self._child.wait())} on {', '.join(map(str, self._sources))}")
        answered: dict[str, list[str]] = strict_json.loads(answer)
        for remark in answered["heard"]:
            self._tell(remark)
        return answered["failures"]

    def _error(self, what: str) -> DecoderBuildError:
        tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return DecoderBuildError("\n".join([f"onnxruntime-genai's model builder {what}", *tail]))


def decoder_size_mb(folder: Path) -> float:
    """Bytes that a decoder's graph and weights take, in megabytes; what both graphs share is counted once."""
    return sum(file.stat().st_size for file in folder.glob("*.onnx*") if file.name != "model.onnx") / 1e6
