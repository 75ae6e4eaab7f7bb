"""ONNX graphs: exporting, fusing, quantizing, comparing with their parents, and timing.

May import Optimum, transformers, ONNX Runtime and the engine, and no family. Begin with `session.py`;
`parity.py` is the bound on what an export may change.
"""
