"""ONNX Runtime sessions, opened and run the same way wherever something is measured or served.

One intra-op thread and no spinning: spinning pools double each other's latency where several sessions share a process.
This is the border to ONNX Runtime: what it raises for one run is an InputError here, and a session that was opened before
a fork is opened anew in the child where its threads stayed behind.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from engine.errors import BundleError, InputError
from engine.forking import leave_behind, renewed_in_children

CPU = "CPUExecutionProvider"
_RAISED: Final = (
    ort.EPFail,
    ort.EngineError,
    ort.Fail,
    ort.InvalidArgument,
    ort.NotImplemented,
    ort.RuntimeException,
    RuntimeError,  # all of these, where values are bound
    MemoryError,
)
"""What a run may raise for the values that it is given: an id without an embedding, a position too many, no memory left.

A wrong name or a missing input is a ValueError, a fault of ours, and passes.
"""
_SHOWN: Final = 200
_Stamp = tuple[tuple[int, int, int], ...]


class Session:
    """An opened graph. Thread-safe, and usable in forked children."""

    def __init__(
        self, graph: Path, *, threads: int = 1, execution_provider: str = CPU, weights: Sequence[Path] = ()
    ) -> None:
        """Use `open_session`."""
        self._graph, self._threads, self._provider = graph, threads, execution_provider
        self._files = (graph, *weights)
        self._stamp = self._stamped()
        self._lock = threading.Lock()
        self._running: set[int] = set()  # threads that are within ONNX Runtime, and may hold its locks
        self._opened: onnxruntime.InferenceSession | None = _open(graph, threads, execution_provider)
        renewed_in_children(self)

    @property
    def opened(self) -> onnxruntime.InferenceSession:
        """ONNX Runtime's own session of this process; it is another one after a fork that it did not survive."""
        found = self._opened
        return found if found is not None else self._open_anew()

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        """The outputs by name, all for None. InputError for values that the graph cannot be run with."""
        found: list[Any] = self.within(self.opened.run, outputs, feeds)
        return found

    def within(self, call: Callable[..., Any], *given: object) -> Any:
        """A call into ONNX Runtime, which a fork may come in the midst of. InputError for what it raises of the values."""
        thread = threading.get_ident()
        self._running.add(thread)
        try:
            return call(*given)
        except _RAISED as error:
            raise _unanswerable(error) from error
        finally:
            self._running.discard(thread)

    def bindings(self) -> "Bindings":
        """Inputs and outputs to bind once and run with often."""
        return Bindings(self)

    def get_inputs(self) -> Sequence[Any]:
        """Names, types and shapes of what it takes."""
        return list(self.opened.get_inputs())

    def get_outputs(self) -> Sequence[Any]:
        """Names, types and shapes of what it gives."""
        return list(self.opened.get_outputs())

    def get_providers(self) -> list[str]:
        """What it runs on, first choice first."""
        return list(self.opened.get_providers())

    def after_fork(self) -> None:
        """The child has none of its threads, no device, and locks for ever that a run held; with none of these it goes on."""
        self._lock = threading.Lock()
        alone = self._threads == 1 and self._provider == CPU
        if self._opened is not None and not (alone and not self._running):
            leave_behind(self._opened)
            self._opened = None
        self._running = set()

    def _open_anew(self) -> onnxruntime.InferenceSession:
        with self._lock:
            if self._opened is None:
                if self._stamped() != self._stamp:
                    raise BundleError(f"{self._graph}: altered since it was loaded, before a fork; load it anew")
                self._opened = _open(self._graph, self._threads, self._provider)
            return self._opened

    def _stamped(self) -> _Stamp:
        """What would be another if the verified files were replaced or written to."""
        try:
            found = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in found)


class Bindings:
    """Inputs and outputs of one request, bound to the session as it is open now. Not thread-safe."""

    def __init__(self, session: Session) -> None:
        """Use `Session.bindings`."""
        self._session, self._opened = session, session.opened
        self._held = self._opened.io_binding()
        self.bind_ortvalue_input = self._held.bind_ortvalue_input
        self.bind_ortvalue_output = self._held.bind_ortvalue_output

    def run(self) -> None:
        """InputError for values that the graph cannot be run with, and where the session did not survive a fork."""
        if self._session.opened is not self._opened:
            raise InputError("the request was begun before this process was forked; ask again")
        self._session.within(self._opened.run_with_iobinding, self._held)


def open_session(
    graph: Path, *, threads: int = 1, execution_provider: str = CPU, weights: Sequence[Path] = ()
) -> Session:
    """Open a graph, whose weights may lie in other files; BundleError when it cannot be read, or without its provider."""
    return Session(graph, threads=threads, execution_provider=execution_provider, weights=weights)


def _open(graph: Path, threads: int, execution_provider: str) -> onnxruntime.InferenceSession:
    available = onnxruntime.get_available_providers()
    if execution_provider not in available:
        raise BundleError(f"{execution_provider} is not available here; this ONNX Runtime has {', '.join(available)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers = [execution_provider] if execution_provider == CPU else [execution_provider, CPU]
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=providers)
    except Exception as error:
        raise BundleError(f"{graph}: ONNX Runtime cannot open it ({error})") from error


def _unanswerable(error: Exception) -> InputError:
    said = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"the model cannot be run with it ({said[:_SHOWN]})")


def _end_without_destructors() -> None:
    """A child of a process that has imported ONNX Runtime ends with its exit status, once Python is done.

    The library's threads are the parent's, and its destructors, which run behind all of Python's, wait for them or abort.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # glibc's; it calls with the status, which _exit takes
        libc.on_exit(libc._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_without_destructors)
