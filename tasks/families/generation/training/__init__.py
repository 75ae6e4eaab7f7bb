"""Training a decoder: from nothing, from a base or from a teacher; optimizers, checkpoints and files.

May import torch and transformers. Begin with `training.py`; `initialise.py` is where weights come from.
"""
