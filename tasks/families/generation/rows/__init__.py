"""Prompts and completions as tokens: lengths, special tokens, schema and batches."""
