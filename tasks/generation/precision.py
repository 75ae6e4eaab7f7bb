"""What the weights of a decoder are kept in; fp32 is how the reference path keeps them."""

from tasks.recipe.decoder_precision import DecoderPrecision

__all__ = ["FP32", "DecoderPrecision"]

FP32 = DecoderPrecision(weights="fp32")
