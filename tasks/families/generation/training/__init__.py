"""Training a decoder: from nothing, from a base or from a teacher; optimizers, checkpoints and files."""
