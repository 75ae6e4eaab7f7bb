"""ONNX Runtime sessions, opened the same way wherever something is measured or served.

One intra-op thread and no spinning: spinning pools double each other's latency where several sessions share a process.
"""

from pathlib import Path

import onnxruntime

from engine.errors import BundleError

CPU = "CPUExecutionProvider"


def open_session(graph: Path, *, threads: int = 1, execution_provider: str = CPU) -> onnxruntime.InferenceSession:
    """Open a graph; BundleError when it cannot be read or the execution provider is not there."""
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
