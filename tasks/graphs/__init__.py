"""ONNX graphs: exporting, fusing, quantizing, comparing with their parents, and timing."""
