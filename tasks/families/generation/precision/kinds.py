"""What the weights of a decoder are kept in; fp32 is how the reference path keeps them."""

from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.recipe.target import Target

FP32 = DecoderPrecision(weights="fp32")
FP16 = DecoderPrecision(weights="fp16")
INT8 = DecoderPrecision(weights="int8")


def on_cuda(target: Target) -> bool:
    """Whether decoders run on a GPU. ONNX Runtime's GroupQueryAttention has no fp32 kernel there: fp32 stays on the CPU."""
    return target.execution_provider == "CUDAExecutionProvider"


def tried_first(target: Target) -> tuple[DecoderPrecision, ...]:
    """What is tried beside fp32 before any search. On a GPU fp16 comes first: what the others have to be faster than."""
    return (FP16, INT8) if on_cuda(target) else (INT8,)
