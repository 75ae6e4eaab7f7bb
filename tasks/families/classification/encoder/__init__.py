"""The PyTorch side of the encoder: architectures, exit heads, saving and loading.

May import torch and transformers. Begin with `architecture.py` (what differs between base models), then `multi_exit.py`.
"""
