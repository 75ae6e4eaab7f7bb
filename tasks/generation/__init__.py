"""What the task family text generation does in its own way: tokenizers and models from nothing, training on completions."""
