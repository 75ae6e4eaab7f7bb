"""Prompts and completions as tokens: lengths, special tokens, schema and batches.

Begin with `examples.py` (how a row is written for a decoder), then `train_tokenizer.py`.
"""
