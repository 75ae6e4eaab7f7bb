"""PyTorch segment → ONNX graph → graph with fused attention, GELU and layer normalisation.

The TorchScript-based exporter is used on purpose: ONNX Runtime's transformer optimizer recognises its attention pattern,
and not (today) that of the newer exporter.
"""

import warnings
from pathlib import Path
from typing import Any, Final

import onnx
import torch
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from tasks.families.classification.encoder.segments import Segment

OPSET: Final = 17


def export_segment(segment: Segment, hidden_size: int, file: Path) -> None:
    """Write the segment as an unfused ONNX graph with dynamic rows and tokens."""
    first = segment.encoder is not None
    features = torch.ones((2, 9), dtype=torch.long) if first else torch.randn(2, 9, hidden_size)
    name = "input_ids" if first else "hidden_in"
    outputs = ["logits", "embedding"] if segment.is_last else ["hidden", "logits", "embedding"]
    dynamic = {tensor: {0: "rows", 1: "tokens"} for tensor in (name, "attention_mask", "hidden")}
    dynamic |= {tensor: {0: "rows"} for tensor in ("logits", "embedding")}
    kept = {name: axes for name, axes in dynamic.items() if name != "hidden" or not segment.is_last}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracer warnings about shapes that are dynamic all the same
        torch.onnx.export(
            segment,
            (features, torch.ones((2, 9), dtype=torch.long)),
            str(file),
            input_names=[name, "attention_mask"],
            output_names=outputs,
            dynamic_axes=kept,
            opset_version=OPSET,
            dynamo=False,
        )


def fuse(graph: Path, fused: Path, *, heads: int, hidden_size: int, fusion_type: str) -> dict[str, int]:
    """Write the fused graph and return how often each fused operator occurs.

    Shapes and types of all tensors are written into the graph (symbolic inference knows the fused operators): without
    them, quantizers cannot tell the type of a fused operator's output.
    """
    optimized: Any = optimizer.optimize_model(
        str(graph),
        model_type=fusion_type,
        num_heads=heads,
        hidden_size=hidden_size,
        opt_level=0,
        optimization_options=FusionOptions(fusion_type),
    )
    optimized.save_model_to_file(str(fused))  # declares the fused operators' domain, which inference needs
    inferred = SymbolicShapeInference.infer_shapes(onnx.load(str(fused)), auto_merge=True, guess_output_rank=False)
    onnx.save(inferred, str(fused))
    return {operator: count for operator, count in optimized.get_fused_operator_statistics().items() if count}
