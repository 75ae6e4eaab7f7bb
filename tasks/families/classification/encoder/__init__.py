"""The PyTorch side of the encoder: architectures, exit heads, saving and loading."""
