"""Decoders on another device than the CPU, without one: what ONNX Runtime does there with what is bound, done here."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnxruntime import OrtValue

from engine.generation import decoder as decoder_module
from engine.generation.decoder import Decoder
from engine.generation.decoding import decode
from engine.generation.graph_names import PAST
from engine.generation.model import GenerationModel
from engine.generation.state import State
from engine.session import CPU, open_session
from tests.tiny_decoder import TinyDecoders

CUDA = "CUDAExecutionProvider"
PROMPT = [1, 40, 50, 60, 70, 80, 2]


class CopyingBinding:
    """An IOBinding that copies inputs when they are bound, as for kernels of another device."""

    def __init__(self, binding: Any) -> None:
        self.binding = binding

    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None:
        if not name.startswith(PAST):
            value = OrtValue.ortvalue_from_numpy(np.array(value.numpy(), copy=True))
        self.binding.bind_ortvalue_input(name, value)

    def bind_ortvalue_output(self, name: str, value: OrtValue) -> None:
        self.binding.bind_ortvalue_output(name, value)

    def run(self) -> None:
        self.binding.run()


class CudaSession:
    """A session of the CPU that says it is CUDA's; `cache`: the type of its keys and values, as it says."""

    def __init__(self, session: Any, cache: str | None = None) -> None:
        self.session, self.cache = session, cache

    def get_providers(self) -> list[str]:
        return [CUDA, CPU]

    def get_inputs(self) -> list[Any]:
        return [
            SimpleNamespace(name=value.name, type=self.cache if self.cache and PAST in value.name else value.type)
            for value in self.session.get_inputs()
        ]

    def bindings(self) -> CopyingBinding:
        return CopyingBinding(self.session.bindings())


def test_every_step_binds_anew_what_is_copied_when_it_is_bound(tiny_decoders: TinyDecoders, monkeypatch) -> None:
    here = Decoder(tiny_decoders.full)
    with here.request(PROMPT, 24) as (state, past):
        *_, expected = decode(state, PROMPT, end_ids=frozenset({-1}), max_new_tokens=24, past=past)
    allocated = OrtValue.ortvalue_from_shape_and_type
    devices = set()

    def on_the_cpu(sizes: list[int], kind: type, device: str) -> OrtValue:
        devices.add(device)
        return allocated(sizes, kind, "cpu")

    monkeypatch.setattr(OrtValue, "ortvalue_from_shape_and_type", on_the_cpu)
    state = State(CudaSession(here.session), 128, here._shape)
    *_, answer = decode(state, PROMPT, end_ids=frozenset({-1}), max_new_tokens=24)
    assert devices == {"cuda"}
    assert answer.tokens == expected.tokens
    assert answer.log_probabilities == expected.log_probabilities


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Which providers each decoder's graph was opened on; the one in `full` is in fp16, as it says."""
    opened: dict[str, list[str]] = {}

    def open_anywhere(graph: Path, *, threads: int, execution_provider: str = CPU, weights: Any = ()) -> Any:
        opened.setdefault(graph.parent.name, []).append(execution_provider)
        session = open_session(graph, threads=threads, weights=weights)
        if execution_provider == CPU:
            return session
        return CudaSession(session, "tensor(float16)" if graph.parent.name == "full" else None)

    monkeypatch.setattr(decoder_module, "open_session", open_anywhere)
    return opened


def test_keys_in_fp32_are_for_the_cpu_and_the_bundle_says_where_each_decoder_runs(
    tiny_generation_model: GenerationModel, tiny_decoders: TinyDecoders, asked: dict[str, list[str]], monkeypatch
) -> None:
    decoders = {
        name: Decoder(getattr(tiny_decoders, name), execution_provider=CUDA) for name in ("small", "full", "narrow")
    }
    assert asked == {"small": [CUDA, CPU], "full": [CUDA], "narrow": [CUDA, CPU]}
    monkeypatch.setattr(tiny_generation_model, "_decoders", decoders)
    assert tiny_generation_model.execution_providers == (CPU, CUDA)


def test_on_the_cpu_a_decoder_is_opened_once(tiny_decoders: TinyDecoders, asked: dict[str, list[str]]) -> None:
    Decoder(tiny_decoders.full)
    assert asked == {"full": [CPU]}
