"""Prompts and completions as tokens: their format, lengths, special tokens, schema and batches."""
