"""Decoders as ONNX graphs: building and shaping them, and decoding with them.

Begin with `building.py` (from weights to graphs), then `ways.py` and `answers.py`.
"""
