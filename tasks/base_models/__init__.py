"""A base model as hubs hand it out: opened, checked to fit its tokenizer, and run at its limits before any training.

Knows no task family. Begin with `base_model.py` (where it lies and what identifies it), then `pretrained.py` (its weights)
and `tokenizer.py`.
"""
