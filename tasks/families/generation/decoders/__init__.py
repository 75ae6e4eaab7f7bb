"""Decoders as ONNX graphs: building and shaping them, and decoding with them."""
